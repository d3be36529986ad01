"""The papers of a submission, written out: every term, date, digest and limit that they rest on stands in them.

- The wording is a template of the pack; what is filled in comes from records, so a paper cannot say less than them.
- A place that a template lacks is an error: no agreement can leave out a term.
- Instants are UTC. Cells of tables are one line; what could break a table is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.data_class import CONTENT
from seatrial.framework.document import render
from seatrial.framework.instant import text
from seatrial.framework.subject import DigestBasis, Subject
from seatrial.framework.terms import FIXED_TERMS, Terms

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.consent import Consent
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.participant import Organisation
    from seatrial.framework.withdrawal import Ended, WithdrawalReceipt

NOTHING = "none"
NOT_KNOWN = "not known to have ended"
NO_BACKUP = "No backup that may hold sealed bytes is known."
DELETION_LIMIT = (
    "This receipt shows that the deletion was recorded and that the key store no longer holds the keys. "
    "It cannot show that no copy was ever made."
)
WORDS_OF_TERMS: Mapping[str, str] = MappingProxyType(
    {
        "access_hours": "Access lasts at most (hours)",
        "agreed_end_required": "An end of access is agreed before it opens",
        "plan_hours": "The review is planned for (hours)",
        "comment_hours": "The developer's time to comment on a draft (hours)",
        "retention_hours": "Kept after the close of the submission, by class (hours)",
        "analysis_after_window": "Results already obtained may be analysed after access has ended",
        "tos_waiver": "The developer sets terms of service aside, in a paper of its own",
        "budget": "The review may use at most",
        "funding": "Who pays",
    }
)
_SUBJECT = frozenset(
    {
        *("pack", "developer", "evaluator", "subject", "code_name", "variant", "digest", "digest_basis"),
        *("access_form", "access_level", "access_model", "access_information", "access_hours_agreed"),
        *("purposes", "not_before", "expires"),
    }
)
PLACES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "agreement": _SUBJECT | {"terms", "fixed_terms", "tos_waiver"},
        "data_use_schedule": _SUBJECT | {"consents", "retention"},
        "access_receipt": _SUBJECT | {"consents", "serial", "opened_at", "ends_at", "ends_by"},
        "withdrawal_receipt": frozenset(
            {
                *("pack", "code_name", "digests", "received_at", "leases", "runs", "grants", "deletion_due"),
                *("stays", "left_the_house", "outstanding", "checkpoint"),
            }
        ),
        "deletion_receipt": frozenset({"pack", "code_name", "digests", "keys", "completed_at", "limit", "checkpoint"}),
    }
)


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose paper it is, under which pack, about what."""

    pack: PolicyPack
    developer: Organisation
    evaluator: Organisation
    subject: Subject


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion removed: what is gone, by digest or count, and the keys that were destroyed."""

    code_name: str
    digests: tuple[str, ...]
    keys: tuple[tuple[str, datetime], ...]
    completed_at: datetime
    checkpoint: str
    oldest_backup: datetime | None = None


def agreement(parties: Parties, terms: Terms) -> str:
    """The agreement, with every term: those that were settled and those that are fixed."""
    waiver = parties.subject.tos_waiver
    said = NOTHING if waiver is None else f"{cell(waiver.scope)}, until {text(waiver.expires)}"
    return _written(parties, "agreement", terms=_terms(terms), fixed_terms=_fixed(), tos_waiver=said)


def data_use_schedule(parties: Parties, terms: Terms, consents: Sequence[Consent]) -> str:
    """Which classes go to whom, for what and until when, and how long each is kept."""
    rows = [
        (name, CONTENT[name], f"{hours} hours after close") for name, hours in sorted(terms.retention_hours.items())
    ]
    retention = table(("class", "content", "kept"), rows)
    return _written(parties, "data_use_schedule", consents=_consents(consents), retention=retention)


def access_receipt(
    parties: Parties, consents: Sequence[Consent], *, serial: int, opened_at: datetime, ends_at: datetime, ends_by: str
) -> str:
    """That access opened, on which consents, and when it ends by itself."""
    return _written(
        parties,
        "access_receipt",
        consents=_consents(consents),
        serial=str(serial),
        opened_at=text(opened_at),
        ends_at=text(ends_at),
        ends_by=cell(ends_by),
    )


def withdrawal_receipt(pack: PolicyPack, done: WithdrawalReceipt, *, checkpoint: str, under: str = "") -> str:
    """What ended and when, what is deleted by when, what stays and why, and what had left before.

    `under` is said in the place of the pack's own name, where the submission's pack is not known.
    """
    left = [(one.what, one.digest, one.recipient, text(one.at)) for one in done.departed]
    values = {
        "pack": cell(under or pack.ref),
        "code_name": cell(done.code_name) or "a submission whose code name is not known",
        "digests": bullets(done.subject_digests),
        "received_at": text(done.received_at),
        "leases": _ends("lease", done.leases),
        "runs": _ends("run", done.runs),
        "grants": bullets(done.grants_ended),
        "deletion_due": table(
            ("class", "content", "due"), [(name, CONTENT[name], text(at)) for name, at in done.deletion_due]
        ),
        "stays": table(("what stays", "why"), [(CONTENT[kept], why) for kept, why in done.stays]),
        "left_the_house": table(("what had left", "digest", "to whom", "when"), left),
        "outstanding": bullets(done.outstanding),
        "checkpoint": cell(checkpoint),
    }
    return render(pack.template("withdrawal_receipt"), values)


def deletion_receipt(pack: PolicyPack, done: Deleted, *, under: str = "") -> str:
    """What is gone, which keys are destroyed, what may still lie in a backup, and what such a receipt cannot show."""
    oldest = done.oldest_backup
    backup = (
        NO_BACKUP if oldest is None else f"The oldest backup that may still hold sealed bytes is of {text(oldest)}."
    )
    values = {
        "pack": cell(under or pack.ref),
        "code_name": cell(done.code_name),
        "digests": bullets(done.digests),
        "keys": table(("key", "destroyed"), [(name, text(at)) for name, at in done.keys]),
        "completed_at": text(done.completed_at),
        "limit": f"{DELETION_LIMIT}\n\n{backup}",
        "checkpoint": cell(done.checkpoint),
    }
    return render(pack.template("deletion_receipt"), values)


def cell(value: object) -> str:
    """One line of a table, whatever was typed into it."""
    plain = " ".join(str(value).split())
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the word `none` where there is no row."""
    lines = [f"| {' | '.join(cell(item) for item in row)} |" for row in rows]
    if not lines:
        return NOTHING
    return "\n".join((f"| {' | '.join(header)} |", "|" + " --- |" * len(header), *lines))


def bullets(items: Iterable[object]) -> str:
    """A Markdown list; the word `none` where it is empty."""
    return "\n".join(f"- {cell(item)}" for item in items) or NOTHING


def _ends(what: str, ended: Iterable[Ended]) -> str:
    return table((what, "ended"), [(one.id, NOT_KNOWN if one.at is None else text(one.at)) for one in ended])


def _written(parties: Parties, kind: str, **more: str) -> str:
    subject, access = parties.subject, parties.subject.access
    declared = subject.digest_basis is DigestBasis.DECLARED
    values = {
        "pack": str(parties.pack.ref),
        "developer": cell(parties.developer.name),
        "evaluator": cell(parties.evaluator.name),
        "subject": subject.id,
        "code_name": subject.code_name,
        "variant": subject.variant,
        "digest": subject.digest,
        "digest_basis": "declared by the developer" if declared else "verified over the weights manifest",
        "access_form": access.form,
        "access_level": access.level,
        "access_model": cell(access.model) or NOTHING,
        "access_information": cell(access.information) or NOTHING,
        "access_hours_agreed": str(access.hours),
        "purposes": ", ".join(sorted(subject.purposes)),
        "not_before": text(subject.not_before),
        "expires": text(subject.expires),
    }
    return render(parties.pack.template(kind), {**values, **more})


def _terms(terms: Terms) -> str:
    return table(
        ("term", "agreed"), [(WORDS_OF_TERMS[item.name], _said(getattr(terms, item.name))) for item in fields(terms)]
    )


def _said(value: object) -> str:
    """A term as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {hours}" for key, hours in sorted(value.items())) or NOTHING
    if hasattr(value, "microdollars"):
        parts = ((item.name, getattr(value, item.name)) for item in fields(value))  # type: ignore[arg-type]  # a Budget
        return ", ".join(f"{name} {amount}" for name, amount in parts if amount is not None) or "not agreed"
    return str(value)


def _fixed() -> str:
    return table(("fixed term", "in words"), [(name, said) for name, said in FIXED_TERMS.items()])


def _consents(consents: Sequence[Consent]) -> str:
    return table(
        ("consent", "to", "for", "recipients", "classes", "from", "until"),
        [
            (
                consent.id,
                consent.activity,
                ", ".join(sorted(consent.purposes)),
                ", ".join(sorted(f"{item.organisation} as {item.role}" for item in consent.recipients)),
                ", ".join(sorted(consent.classes)),
                text(consent.not_before),
                text(consent.expires),
            )
            for consent in consents
        ],
    )
