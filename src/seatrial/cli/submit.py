"""`seatrial submit`: a developer offers a model. The draft, the dossier and its sharing, and the endpoint's deposit.

The credential is read from a file or from standard input, never from the command line, where other users could see it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.custodial import read_credential, spoken, write_private
from seatrial.cli.errors import bounded
from seatrial.cli.remote import at_portal
from seatrial.installation import Installation, now
from seatrial.shipped import DEFAULT_PACK, pack_named

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.cli.remote import Portal
    from seatrial.custody.credential import Endpoint
    from seatrial.custody.deposit import AddressRules
    from seatrial.custody.vault import Vault
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Actor

DEPOSIT_TAKES = timedelta(minutes=10)
"""How long this process may use a half that it has just made; it seals one endpoint and ends."""

HERE = "developer"
"""Who owns an endpoint that is checked here and sealed elsewhere, where its owner is known."""

MAX_ASSESSMENT_BYTES = 16 * 2**20
"""As long as a paper can be."""

DIALECTS = click.Choice(["openai", "anthropic", "google"])


@click.command()
@click.option(
    "--developer", default="", help="Your organisation's id; entered in the registry by this act. Left out at a portal."
)
@click.option("--person", default="", help="Your id; you act as developer_owner. Left out at a portal.")
@click.option("--evaluator", required=True, help="The organisation that the dossier is shared with, by id.")
@click.option("--code-name", required=True, help="Stands for the model everywhere; its real name is asked for nowhere.")
@click.option(
    "--digest", required=True, help="The subject's identity record: sha256: and 64 hex digits, as you declare."
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="NAME or NAME@VERSION of the policy pack.")
@click.option(
    "--variant",
    default="product",
    show_default=True,
    type=click.Choice(["product", "safeguards_reduced", "helpful_only"]),
    help="Which of the model's variants is offered.",
)
@click.option("--level", default="AL1", type=click.Choice(["AL1", "AL2", "AL3"]), help="Level of access.")
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(1, 3650), help="The offer lapses after these."
)
@click.option("--url", default="", help="The endpoint's base URL. Left out: weights, or a deposit later.")
@click.option("--dialect", default="openai", type=DIALECTS, help="The shape of its requests.")
@click.option("--served-as", default="", help="The model's id at the endpoint. Default: the code name.")
@click.option("--host", "hosts", multiple=True, help="A host you register for endpoints. Default: the URL's own.")
@click.option(
    "--credential", default="", metavar="FILE", help="File that holds the endpoint's key; - is standard input."
)
@click.option(
    "--half", default="held", show_default=True, type=click.Choice(["held", "supplied"]), help="Where your key half is."
)
@click.option(
    "--half-file", default="", metavar="FILE", help="With supplied: a new file (0600) that gets your half; keep it."
)
@click.option(
    "--self-test", default="", metavar="RUN", help="A finished review of yours, whose assessment goes with the dossier."
)
@at_portal
def submit(*, half: str, half_file: str, portal: Portal | None, **chosen: Any) -> None:  # noqa: ANN401 - the options by name
    """Offer a model to an evaluator, under the terms of a policy pack. No date of release is asked for or set."""
    with spoken():
        offer = _Offer(now(), **chosen)
        if portal is not None:
            _submitted_there(portal, offer, half)
            return
        _check_who(offer)
        endpoint = offer.endpoint()
        _check_half(half, half_file, deposits=endpoint is not None)
        installation = Installation.open()
        submission = offer.submitted(installation)
        if endpoint is not None:
            vault = _vault_under(installation, submission, half_file, offer.at) if half_file else None
            deposited(installation, submission, *endpoint, offer.at, vault=vault)
    click.echo(f"submitted: {submission} ({offer.code_name}, pack {offer.policy.ref})")
    click.echo(f"terms: {offer.terms_digest}")
    if half_file:
        click.echo(
            f"your half: {half_file}; without it nothing opens. Send it when access opens: seatrial custody half"
        )
    click.echo("endpoint: sealed" if endpoint else "endpoint: none yet; see: seatrial custody deposit")
    click.echo(f"withdraw at any moment: seatrial withdraw {submission}")


def _check_who(offer: _Offer) -> None:
    for option, value in (("--developer", offer.developer), ("--person", offer.person)):
        if not value:
            raise ValueError(f"{option}: missing; or submit at a portal with --portal URL")


def _submitted_there(portal: Portal, offer: _Offer, half: str) -> None:
    """The same at a portal, by the organisation of its token."""
    from seatrial.cli.remote_submission import deposited as deposited_there

    if half != "held":
        raise ValueError("--half supplied: keep your half where custody is; submit there, without --portal")
    endpoint = offer.endpoint()
    opened = portal.post("submissions", offer.body())
    submission = opened["id"]
    click.echo(f"submitted: {submission} ({offer.code_name}, pack {opened['pack']})")
    click.echo(f"terms: {opened['terms_digest']}")
    if endpoint is not None:
        deposited_there(portal, submission, endpoint[0].base_url, offer.dialect, endpoint[0].key)
    click.echo("endpoint: sealed" if endpoint else "endpoint: none yet; see: seatrial custody deposit")
    click.echo(f"withdraw at any moment: seatrial withdraw {submission}")


def _check_half(half: str, half_file: str, *, deposits: bool) -> None:
    """Before anything is written down."""
    if (half == "supplied") != bool(half_file):
        raise ValueError("--half supplied and --half-file FILE go together")
    if half_file and not deposits:
        raise ValueError("--half supplied: give the endpoint with --url and --credential, which your half seals")
    if half_file and Path(half_file).exists():
        raise ValueError(f"--half-file {half_file}: exists already; name a new file")


def _vault_under(installation: Installation, submission: str, half_file: str, at: datetime) -> Vault:
    """The vault under a new half of the developer's own, which is in its file before it seals anything."""
    import secrets
    from dataclasses import replace

    from seatrial.custody.half_door import HalfFile
    from seatrial.custody.keys import HALF_BYTES
    from seatrial.custody.secret import Secret

    half = Secret(secrets.token_bytes(HALF_BYTES))
    write_private(Path(half_file), HalfFile(submission, half).to_bytes())
    custody = installation.custody
    return replace(custody.vault, developer=custody.halves.supplying(half, at + DEPOSIT_TAKES))


@dataclass(frozen=True)
class _Offer:
    """What was asked for at the command line, and what follows from it."""

    at: datetime
    developer: str
    person: str
    evaluator: str
    code_name: str
    digest: str
    pack: str
    variant: str
    level: str
    days: int
    url: str
    dialect: str
    served_as: str
    hosts: tuple[str, ...]
    credential: str
    self_test: str

    @property
    def assessment(self) -> bytes:
        """What its developer measured; empty without."""
        return bounded(Path(self.self_test) / "assessment.json", MAX_ASSESSMENT_BYTES) if self.self_test else b""

    @property
    def policy(self) -> PolicyPack:
        name, _, version = self.pack.partition("@")
        return pack_named(name, version)

    @property
    def actor(self) -> Actor:
        from seatrial.framework.standing import Actor

        return Actor(self.person, self.developer, "developer_owner")

    @property
    def terms_digest(self) -> str:
        """The digest of the pack's terms, which the consent is given under."""
        from seatrial.paperwork import terms_digest

        return terms_digest(self.policy)

    def endpoint(self) -> tuple[Endpoint, AddressRules] | None:
        """The endpoint, checked before anything is written down."""
        if not self.url:
            if self.credential:
                raise ValueError("--credential: a key without an endpoint; give --url too")
            return None
        return checked_endpoint(self.url, self.dialect, self.developer or HERE, self.credential, self.hosts)

    def body(self) -> dict[str, Any]:
        """As a portal takes it."""
        return {
            "evaluator": self.evaluator,
            "code_name": self.code_name,
            "digest": self.digest,
            "pack": self.pack,
            "variant": self.variant,
            "form": "hosted_endpoint" if self.url else "sealed_weights",
            "level": self.level,
            "days": self.days,
            "served_as": self.served_as,
            "share": True,
            "self_test": b64encode(self.assessment).decode() if self.self_test else None,
        }

    def submitted(self, installation: Installation) -> str:
        """Take the two steps: a draft, then its sharing with the evaluator."""
        from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, Variant
        from seatrial.offering import Offering, share

        self._enrol(installation)
        form = AccessForm.HOSTED_ENDPOINT if self.url else AccessForm.SEALED_WEIGHTS
        offered = Offering(
            actor=self.actor,
            at=self.at,
            policy=self.policy,
            evaluator=self.evaluator,
            code_name=self.code_name,
            digest=self.digest,
            variant=Variant(self.variant),
            access=AccessProfile(form, AccessLevel(self.level)),
            days=self.days,
            served_as=self.served_as,
        )
        house, assessment = installation.house, self.assessment
        submission = offered.draft(house)
        share(house, installation.record(submission).standing, self.actor, self.at, assessment)
        return submission

    def _enrol(self, installation: Installation) -> None:
        """Enter this organisation and this person, whose own act this is; the evaluator by its id alone."""
        from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Role
        from seatrial.framework.viewer import Viewer
        from seatrial.registry import roles_of

        house, viewer = installation.house, Viewer.house("a developer submits")
        known = {one.id: one for one in house.participants.organisations(viewer)}
        there = known.get(self.evaluator)
        evaluates = there is None or Role.EVALUATOR_LEAD in roles_of(there.kind)
        if self.evaluator == self.developer or not evaluates:
            raise ValueError(f"--evaluator {self.evaluator}: is a developer or of a kind that does not evaluate")
        held = house.participants.memberships(viewer, self.person, self.at)
        owns = any((one.organisation, one.role) == (self.developer, Role.DEVELOPER_OWNER) for one in held)
        if self.developer in known and not owns:
            raise ValueError(
                f"--person {self.person}: not a developer_owner of {self.developer}; a member has to enter them"
            )
        if self.developer not in known:
            member = Membership(self.person, self.developer, Role.DEVELOPER_OWNER, self.at)
            organisation = Organisation(self.developer, self.developer, OrganisationKind.DEVELOPER)
            house.participants.add(viewer, organisation, (member,))
        if self.evaluator not in known:
            house.participants.add(viewer, Organisation(self.evaluator, self.evaluator, OrganisationKind.EVALUATOR))


def checked_endpoint(
    url: str, dialect: str, owner: str, credential: str, hosts: tuple[str, ...], *, on_site: bool = False
) -> tuple[Endpoint, AddressRules]:
    """The endpoint with its credential, its address held to the rules."""
    from urllib.parse import urlsplit

    from seatrial.custody.credential import Endpoint
    from seatrial.custody.deposit import AddressRules, check_address, check_key

    if not credential:
        raise ValueError("--credential: name a file that holds the endpoint's key, or - for standard input")
    try:
        own = urlsplit(url).hostname or ""
    except ValueError:
        own = ""
    rules = AddressRules(frozenset(hosts) or frozenset({own}), on_site=on_site)
    check_address(url, rules)
    key = read_credential(credential)
    check_key(key)
    return Endpoint(url, dialect, key, owner, on_site=on_site), rules


def deposited(
    installation: Installation,
    submission: str,
    endpoint: Endpoint,
    rules: AddressRules,
    at: datetime,
    *,
    vault: Vault | None = None,
) -> str:
    """Seal the endpoint, under the installation's own vault unless another is given; the credential's id."""
    from seatrial.custody.deposit import deposit

    custody = installation.custody
    sealed = deposit(submission, endpoint, rules, vault=vault or custody.vault, credentials=custody.credentials, now=at)
    installation.record_owed()
    return sealed.id
