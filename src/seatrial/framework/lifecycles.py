"""All lifecycles by kind, and the three verbs on them: apply an act, look what a clock has made due, let it follow."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.finding import FINDING
from seatrial.framework.framework_text import FRAMEWORK_TEXT
from seatrial.framework.submission import SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seatrial.framework.lifecycle import Lifecycle
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Act, Effect, Kind, Standing

LIFECYCLES: Mapping[Kind, Lifecycle] = MappingProxyType(
    {lifecycle.kind: lifecycle for lifecycle in (SUBMISSION, FINDING, FRAMEWORK_TEXT)}
)


def apply(standing: Standing, act: Act, pack: PolicyPack, now: datetime) -> tuple[Standing, tuple[Effect, ...]]:
    """The standing after one act, and the orders that follow from it.

    Raises:
        NotPossible: No row has it, or something is missing; `Backdated` where only the time is wrong.
        WindowEmpty: Access would be over as it opens.
    """
    return LIFECYCLES[standing.kind].apply(standing, act, pack, now)


def due(standing: Standing, pack: PolicyPack, now: datetime) -> tuple[str, ...]:
    """The events that a clock has made due."""
    return LIFECYCLES[standing.kind].due(standing, pack, now)


def tick(standing: Standing, pack: PolicyPack, now: datetime) -> tuple[Standing, tuple[Effect, ...]]:
    """The standing after what a clock has made due, and its orders; itself and none where nothing is.

    Call it after every act: revoking a consent is one entry, and what ends because of it is the next.
    """
    return LIFECYCLES[standing.kind].tick(standing, pack, now)
