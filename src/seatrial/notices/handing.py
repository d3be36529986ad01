"""Handing letters in: at least once, and never as two.

- A letter is marked as sent after the server took it. A process that is killed between the two has it handed in again,
  under the same Message-ID.
- About one object, one person gets one letter an hour.
- A letter that the server does not take is tried again, later each time, for `MOST_TRIES`; then it is given up, and its
  person's page says so. While the server is away no letter loses a try.
- What a letter says, and whether it still concerns its person, is asked as it is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.framework.viewer import Viewer
from seatrial.notices import letters
from seatrial.notices.letters import LetterKind
from seatrial.notices.saying import said
from seatrial.notices.server import NotTaken, ServerTrouble
from seatrial.storage.stores.mail import MailTables

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.house import House
    from seatrial.notices.saying import Said
    from seatrial.notices.server import Line, MailServer
    from seatrial.storage.stores.mail import Letter

APART = timedelta(hours=1)
"""Between two letters to one person about one object."""
TAKEN = timedelta(minutes=5)
"""How long a letter is its taker's: longer than the answers to one hand-over may take together."""
BATCH = 20
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=4)
MOST_TRIES = 32
"""Over four days: RFC 5321 (4.5.4.1) asks for four to five."""
MOST_LOST = 3
"""Lines that go in a row before the server is held to be away."""


def wait_after(tries: int) -> timedelta:
    """How long a letter waits after so many tries.

    >>> [str(wait_after(tries)) for tries in (1, 2, 9)]
    ['0:01:00', '0:02:00', '4:00:00']
    """
    return min(FIRST_WAIT * (1 << min(tries - 1, 16)), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Went:
    """What came of a round."""

    sent: int = 0
    dropped: int = 0
    later: int = 0
    given_up: int = 0

    def and_one(self, ended: str) -> Went:
        """With one letter more that ended so."""
        return replace(self, **{ended: getattr(self, ended) + 1})


class Handing:
    """One round of handing letters in."""

    def __init__(self, house: House, server: MailServer, clock: Callable[[], datetime]) -> None:
        self._house, self._server, self._clock = house, server, clock
        self._tables = MailTables(house.database)
        self._viewer = Viewer.house("letters that are due")
        self._line: Line | None = None
        self._lost = 0
        self._went = Went()

    def all(self, stopping: Callable[[], bool]) -> Went:
        """Hand in what is due.

        Raises:
            ServerTrouble: the server takes nothing; all letters wait.
        """
        try:
            while not stopping() and (taken := self._tables.take(self._viewer, self._clock(), TAKEN, BATCH)):
                self._batch(taken)
        finally:
            self._hang_up()
        return self._went

    def _batch(self, taken: tuple[Letter, ...]) -> None:
        for place, letter in enumerate(taken):
            try:
                self._one(letter)
            except ServerTrouble:
                self._tables.untried(self._viewer, taken[place:], self._clock())
                raise

    def _one(self, letter: Letter) -> None:
        now = self._clock()
        if self._lost == MOST_LOST:
            raise ServerTrouble(f"{self._server.host}: {self._lost} lines went in a row")
        if (until := self._too_soon(letter, now)) is not None:
            self._tables.untried(self._viewer, [letter], until)
        elif (found := said(self._house, letter, self._server.url, now)) is None:
            self._ended(letter, "dropped")
        else:
            self._handed(letter, found)

    def _handed(self, letter: Letter, found: Said) -> None:
        if self._line is None:
            self._line = self._server.line()
        mail = letters.message(letter, found.contact, self._server.sender, found.subject, found.text)
        try:
            self._line.hand_in(mail, found.contact.address)
        except NotTaken as why:
            self._not_taken(letter, why)
        else:
            self._lost = 0
            self._ended(letter, "sent")

    def _not_taken(self, letter: Letter, why: NotTaken) -> None:
        self._lost = self._lost + 1 if why.lost else 0
        if why.lost:
            self._hang_up()
        if why.forever or letter.tries >= MOST_TRIES:
            self._ended(letter, "given_up", str(why))
        else:
            self._tables.later(self._viewer, letter, self._clock() + wait_after(letter.tries), str(why))
            self._went = self._went.and_one("later")

    def _ended(self, letter: Letter, state: str, reason: str = "") -> None:
        self._tables.end(self._viewer, letter, state, self._clock(), reason)
        self._went = self._went.and_one(state)

    def _too_soon(self, letter: Letter, now: datetime) -> datetime | None:
        """When it may go, where another letter about the same object went within the hour."""
        if letter.kind != LetterKind.WAITS:
            return None
        about = self._tables.about(self._viewer, letter.person, letter.object)
        went = max((one.ended_at for one in about if one.state == "sent" and one.ended_at), default=None)
        return went + APART if went is not None and now < went + APART else None

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None
