"""Who takes part in a case, as what, and what each of them may see and has said.

- Roles are of the case: one organisation may hold several. Only a vendor has the events aware, fix ready, deployed.
- A participant reads the threads of the products it was given, and nothing else of the case; a participant whose
  components are empty reads only what is written to all.
- `silent` is derived: no message since first contact. Silence is no consent and no answer.
- A vendor states its own products: one of four statuses, with a justification where it says `not_affected`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from seatrial.clearinghouse.case.case_state import BEGINNING, VENDOR_EVENTS
from seatrial.clearinghouse.case.report_state import ReportState


class CaseRole(StrEnum):
    """What a participant is in a case."""

    FINDER = "finder"
    VENDOR = "vendor"
    COORDINATOR = "coordinator"
    DEPLOYER = "deployer"
    OTHER = "other"


class ProductStatus(StrEnum):
    """What a vendor says of one product."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    UNDER_INVESTIGATION = "under_investigation"
    FIXED = "fixed"


JUSTIFICATIONS = frozenset(
    {
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    }
)
"""Why a product is not affected, in the words of OpenVEX and CSAF."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a vendor says of a product: status, its own words, when, and why where it is not affected."""

    status: ProductStatus
    at: datetime
    text: str = ""
    justification: str = ""

    def __post_init__(self) -> None:
        needs = self.status is ProductStatus.NOT_AFFECTED
        if needs and self.justification not in JUSTIFICATIONS:
            raise ValueError(f"status not_affected: needs a justification, one of {', '.join(sorted(JUSTIFICATIONS))}")
        if self.justification and not needs:
            raise ValueError(f"status {self.status}: a justification belongs to not_affected only")


@dataclass(frozen=True, slots=True)
class Participant:
    """One organisation in one case.

    Attributes:
        organisation: Its id.
        roles: What it is here.
        contact: The address that letters to it go to; personal data, and of no draft but its own.
        report: Where it stands with its report.
        vfd: A vendor's own part of the case state, as `Vfd`.
        components: Products whose threads it reads.
        tracking: Its own numbers for the matter.
        statements: What it says, by product.
        contacted_at: When it was first reached.
        spoke_at: When it last said something.
        accepts: Policies whose longer time it has agreed to.
    """

    organisation: str
    roles: frozenset[CaseRole]
    contact: str = ""
    report: ReportState = ReportState.START
    vfd: str = BEGINNING[: len(VENDOR_EVENTS)]
    components: frozenset[str] = frozenset()
    tracking: tuple[str, ...] = ()
    statements: Mapping[str, Statement] = field(default_factory=lambda: MappingProxyType({}))
    contacted_at: datetime | None = None
    spoke_at: datetime | None = None
    accepts: frozenset[str] = frozenset()

    @property
    def is_vendor(self) -> bool:
        """Whether it makes one of the products."""
        return CaseRole.VENDOR in self.roles

    @property
    def silent(self) -> bool:
        """Whether it was reached and has said nothing since."""
        return self.contacted_at is not None and (self.spoke_at is None or self.spoke_at < self.contacted_at)

    def reads(self, thread: str) -> bool:
        """Whether it reads a thread: its own products' and the common one (empty), a coordinator all."""
        return thread == "" or thread in self.components or CaseRole.COORDINATOR in self.roles
