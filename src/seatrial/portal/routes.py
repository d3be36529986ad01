"""The table of every page: name, path, who may read it, who may act on it. What is not here does not exist.

- A role that a line does not name gets the answer of a page that is not there.
- What somebody sees behind a line is the stores' and `access.decide`'s to say; a line only lets them ask.
"""

from __future__ import annotations

from seatrial.framework.participant import Role
from seatrial.portal.access import ANYBODY, NOBODY, SIGNED_IN, Route
from seatrial.portal.pages import acting, public, submissions

DEVELOPER = frozenset({Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL})
EVALUATING = frozenset({Role.EVALUATOR, Role.EVALUATOR_LEAD})
PARTIES = DEVELOPER | EVALUATING | {Role.DESIGNATION_LIAISON}
READING = PARTIES | {Role.AGENCY_READER, Role.TRUSTED_PARTNER, Role.AUDITOR}

ROUTES: tuple[Route, ...] = (
    # For everybody
    Route("home", "", public.home, ANYBODY),
    Route("accessibility", "accessibility/", public.accessibility, ANYBODY),
    # Who acts
    Route("acting", "acting/", acting.choose, NOBODY, SIGNED_IN),
    # Submissions: what stands where, the next step, two keys, and the way out
    Route("submissions", "submissions/", submissions.index, READING),
    Route("submission", "submissions/<str:name>/", submissions.show, READING),
    Route("submission-step", "submissions/<str:name>/steps/<str:event>/", submissions.step, PARTIES, PARTIES),
    Route("submission-key", "submissions/<str:name>/keys/<str:action>/", submissions.key, PARTIES, PARTIES),
    Route("submission-withdraw", "submissions/<str:name>/withdraw/", submissions.withdraw, DEVELOPER, DEVELOPER),
)
