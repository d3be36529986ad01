"""Whether it lives and whether it is ready: to anybody names and yes or no, to the operator what was seen as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse

from seatrial.framework.participant import Role
from seatrial.portal.health import ready
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest
    from seatrial.portal.health import Check

UNREADY = 503


def lives(request: PortalRequest) -> HttpResponse:  # noqa: ARG001 - whoever asks
    """It answers, and asks no database for it."""
    return JsonResponse({"lives": True})


def is_ready(request: PortalRequest) -> HttpResponse:
    """Each check by its name; whoever operates the installation is told what was seen as well."""
    operator = request.acting is not None and request.acting.role is Role.OPERATOR
    checks = ready(house(), request.now)
    whole = all(check.holds for check in checks)
    shown = {check.name: _told(check) if operator else check.holds for check in checks}
    return JsonResponse({"ready": whole, "checks": shown}, status=200 if whole else UNREADY)


def _told(check: Check) -> dict[str, bool | str]:
    return {"holds": check.holds, "seen": check.seen}
