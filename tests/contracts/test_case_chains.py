"""Cases, buckets and claims over every store: one number a case, no place twice, nothing for a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from seatrial.clearinghouse.case import acts
from seatrial.clearinghouse.case.book import CaseBook, NoCase
from seatrial.clearinghouse.case.case import Case
from seatrial.clearinghouse.case.need_to_know import seen_by
from seatrial.clearinghouse.case.pace_book import PaceBook, pace_body
from seatrial.clearinghouse.case.pacing import OverPace
from seatrial.clearinghouse.event import Actor, Event, EventType
from seatrial.clearinghouse.secrecy.claims import ClaimDesk, Place, StoredClaims
from seatrial.clearinghouse.store import Conflict
from support.findings import ANALYST, HOUSE, STRANGERS, Kept, kept
from support.framework import BUREAU, DAY, T0
from support.stores import DATABASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BY = Actor("per-analyst", "analyst")
READ_QUERIES = 8
"""To read one case, however large: a session, its rights, its chain."""


@pytest.fixture(params=["memory", *DATABASES])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with kept(request.param, tmp_path) as found:
        yield found


def test_cases_buckets_and_claims(at: Kept) -> None:
    book, paces = CaseBook(at.store, ANALYST, BUREAU), PaceBook(at.store, ANALYST, BUREAU)
    opener = {"organisation": "acme", "roles": ["vendor"], "components": ["parser"], "contact": "sec@acme.test"}
    ids = [book.open_case(f"case {number}", ["C-000001"], BY, T0, opener=opener).case_id for number in range(3)]
    assert ids == [f"SC-{T0.year}-{number:04d}" for number in (1, 2, 3)] == list(book.ids([T0.year]))
    case = book.act(ids[0], lambda one: acts.tried(one, "acme", "mail", "sec@acme.test", "reached"), BY, T0 + DAY)
    assert book.case(ids[0]) == case == Case.of(book.events(ids[0]))
    assert case.deadlines(T0).advisory == T0 + DAY + 90 * DAY

    stale = Event.following(book.events(ids[0])[0], ids[0], EventType.CS, {"event": "P"}, BY, T0, bytes(16))
    with pytest.raises(Conflict):
        at.store.append(ANALYST, [stale])
    for stranger in STRANGERS:
        with pytest.raises(NoCase):
            CaseBook(at.store, stranger, BUREAU).case(ids[0])
        assert CaseBook(at.store, stranger, BUREAU).ids([T0.year]) == ()

    paces.set_pace("sec@acme.test", pace_body(places=1), BY, T0)
    paces.take("sec@acme.test", "C-000001", BY, T0)
    with pytest.raises(OverPace):
        paces.take("sec@acme.test", "C-000002", BY, T0)
    paces.close("sec@acme.test", "C-000001", BY, T0)
    assert list(paces.take("SEC@acme.test", "C-000002", BY, T0).open_roots) == ["C-000002"]

    claims = StoredClaims(bytes(32), at.store, HOUSE, BUREAU)
    desk = ClaimDesk(claims, at.store, HOUSE, BUREAU)
    claims.claim(Place("github.com/a/b", "x.c", 787), Actor("worker:intake", "1"), T0)
    asked = [desk.check("lab-b", Place("github.com/a/b", "x.c", cwe), BY, T0 + DAY) for cwe in (787, 416)]
    assert asked == [f"claimed since {T0.date().isoformat()}", "unknown"]


@pytest.mark.parametrize("at", DATABASES, indirect=True)
def test_a_large_case_is_read_in_few_queries_and_sees_only_its_own(at: Kept) -> None:
    """121 vendors and 1,000 messages."""
    book = CaseBook(at.store, ANALYST, BUREAU)
    case = book.open_case("large", ["C-000001"], BY, T0)
    steps: list[acts.Step] = [
        (EventType.JOINED, {"organisation": f"v{one}", "roles": ["vendor"], "components": [f"p{one % 3}"]})
        for one in range(121)
    ]
    steps += [
        (EventType.MESSAGE, {"organisation": f"v{one % 121}", "thread": f"p{one % 121 % 3}", "text": f"said {one}"})
        for one in range(1000)
    ]
    book.act(case.case_id, steps, BY, T0)
    assert at.database is not None
    alias = at.database.alias(writing=False)
    with CaptureQueriesContext(connections[alias]) as asked:
        seen = seen_by(book.case(case.case_id), "v0")
    assert 0 < len(asked.captured_queries) <= READ_QUERIES
    assert {message.thread for message in seen.messages} == {"p0"}
    assert len(seen.participants) == 41
