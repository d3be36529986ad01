"""The post as a kind of work: a round every few seconds, by whichever worker has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.evaluation.jobs import Kind
from seatrial.notices.post import Post
from seatrial.notices.server import MailServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.evaluation.jobs import Hold, PlanUnit
    from seatrial.house import House

EVERY_S = 15
"""Between two rounds: how old a notice is at most when it is handed in."""


def kinds(house: House, environment: Mapping[str, str]) -> tuple[Kind, ...]:
    """The post, where the environment names a mail server; without one notices are kept. Raises `BadMail`."""
    server = MailServer.of(environment)
    if server is None:
        return ()
    post = Post(house, server)

    def work(_unit: PlanUnit, hold: Hold) -> None:
        post.round(lambda: datetime.now(UTC), lambda: bool(hold.stopping) or hold.draining)

    return (Kind("mail", work, "notices, digests and letters that wait", EVERY_S),)
