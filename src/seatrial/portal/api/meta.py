"""The API's own description, for programs that read it."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from functools import cache
from typing import Any

from ninja import Router

from seatrial.portal.acting import PortalRequest

router = Router(tags=["this API"])


@router.get("openapi.json", response=dict[str, Any])
def openapi_show(request: PortalRequest) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Show this document."""
    return _document()


@cache
def _document() -> dict[str, Any]:
    from seatrial.portal.api.document import document  # noqa: PLC0415 - it describes this module too
    from seatrial.portal.operations import OPERATIONS  # noqa: PLC0415 - the same

    return document(OPERATIONS)
