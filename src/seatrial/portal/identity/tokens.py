"""Service tokens at the API: `Authorization: Bearer sea_svc_…`; nowhere else, and never beside a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied

from seatrial.portal.errors import API
from seatrial.portal.opening import house
from seatrial.registry import Registry

if TYPE_CHECKING:
    from seatrial.portal.acting import PortalRequest
    from seatrial.storage.stores.identity import ServiceToken

SCHEME = "bearer"


def carries_token(request: PortalRequest) -> bool:
    """Whether a request to the API brings a token instead of a session."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    return request.path.startswith(API) and scheme.lower() == SCHEME


def token_of(request: PortalRequest) -> ServiceToken | None:
    """The token, if it opens anything now and from where it comes."""
    secret = request.headers["Authorization"].partition(" ")[2].strip()
    try:
        address = get_adapter().get_client_ip(request)
    except PermissionDenied:
        address = ""
    return Registry(house()).token(secret, address, request.now)
