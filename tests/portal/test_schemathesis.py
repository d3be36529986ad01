"""Every operation as each of several callers: no fault of ours, and no answer that the document does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.api_fuzz import fuzzed, planted, tokens

if TYPE_CHECKING:
    from portal.conftest import Served

SEED, EXAMPLES = 20261124, 3


@pytest.mark.slow
def test_no_fault_and_no_answer_that_is_not_documented(portal: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - once Django is set up

    from seatrial.portal.api.pace import PACE  # noqa: PLC0415 - the same

    monkeypatch.setattr(PACE, "a_minute", 10**6)
    app, known = get_wsgi_application(), planted(portal)
    faults = [
        f"as {name}: {fault}"
        for name, headers in tokens(portal, known).items()
        for fault in fuzzed(portal, app, known, headers, examples=EXAMPLES, seeded=SEED)
    ]
    assert not faults, "\n".join(faults)
    assert known.statuses[200] > known.statuses[404] / 10, known.statuses
