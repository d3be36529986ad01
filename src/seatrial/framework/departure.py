"""What of a submission had left the developer's slice, to whom and when, and which classes of what stays there are.

Read from the standing alone: papers that were brought, and the consents that name who receives them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.withdrawal import Departed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing

_RESULTS = frozenset({Activity.SHARE_RESULTS, Activity.PUBLISH_REPORT})
LEAVES: Mapping[str, frozenset[Activity]] = MappingProxyType(
    {
        "dossier": frozenset({Activity.SHARE_DOSSIER}),
        "interim_report": _RESULTS,
        "report": _RESULTS,
        "transfer_receipt": _RESULTS,
    }
)
"""Papers that go to others, and the consents that say to whom; without one they go to the evaluator."""

STAYING: Mapping[str, DataClass] = MappingProxyType(
    {
        "interim_report": DataClass.R,
        "report": DataClass.R,
        "transfer_receipt": DataClass.F,
        "incident_record": DataClass.I,
    }
)
"""Papers that show that there is something of a class which a withdrawal does not take back."""


def departed(standing: Standing) -> tuple[Departed, ...]:
    """What had left, in the order in which it was brought."""
    return tuple(
        Departed(document.kind, document.digest, recipient, document.at)
        for document in standing.documents
        if document.kind in LEAVES
        for recipient in _recipients(standing, document)
    )


def staying(standing: Standing) -> frozenset[DataClass]:
    """The classes of what stays that this submission has records of, beside papers and log."""
    return frozenset(STAYING[document.kind] for document in standing.documents if document.kind in STAYING)


def _recipients(standing: Standing, document: Document) -> tuple[str, ...]:
    named = {
        recipient.organisation
        for consent in standing.consents
        if consent.activity in LEAVES[document.kind] and consent.given_at <= document.at
        for recipient in consent.recipients
    }
    return tuple(sorted(named - {standing.developer})) or ((standing.evaluator,) if standing.evaluator else ())
