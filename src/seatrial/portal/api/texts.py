"""The framework's texts: proposed, and adopted by two keys on the very text that stands.

They are operations of the router that lists texts: one path is one router's.
"""

# ruff: noqa: TC001, TC002 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

import base64
import secrets
from typing import Any

from django.http import HttpResponse
from ninja import Schema, Status

from seatrial import adopted
from seatrial.framework.framework_text import TEXT_KEYS, current
from seatrial.framework.standing import Kind
from seatrial.framework.two_key import KeyAction
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api import views
from seatrial.portal.api.bringing import desk, found, versioned
from seatrial.portal.api.objects import router
from seatrial.portal.api.problems import Conflict, NotAccepted
from seatrial.portal.api.repeats import key_of
from seatrial.portal.api.shapes import Base64, Digest, Given, ObjectName, Shown
from seatrial.portal.opening import house


class TextGiven(Given):
    """A new version of a policy pack: its TOML file, in base64."""

    text: Base64


class TextKeyGiven(Given):
    """The digest of the text as whoever turns a key has read it."""

    digest: Digest


class TextKeys(Schema):
    """Where the keys on a text stand: the organisations that have turned theirs, and how many are still missing."""

    id: str
    digest: str
    turned: list[str]
    missing: int


@router.post("texts", response={201: Shown}, tags=["texts"])
def text_propose(request: PortalRequest, response: HttpResponse, given: TextGiven) -> Status[Any]:
    """Propose a new version; what is wrong with it is said with line and rule, and nothing is begun then."""
    looked = adopted.looked_at(house(), base64.b64decode(given.text))
    if looked.problems:
        raise NotAccepted("text", "; ".join(map(str, looked.problems)))
    once = key_of(request) or secrets.token_hex(16)
    name = adopted.propose(house(), request.who.actor, looked.raw, request.now, f"api {once}")
    at = desk(request)
    response.headers["Location"] = f"/api/v1/texts/{name}"
    return Status(201, versioned(response, views.shown(at, found(at, name, Kind.FRAMEWORK_TEXT))))


@router.post("texts/{name}/keys", response=TextKeys, tags=["texts"])
def text_key(request: PortalRequest, name: ObjectName, given: TextKeyGiven) -> dict[str, Any]:
    """Turn one's key for adopting the text as it stands."""
    at = desk(request)
    standing = found(at, name, Kind.FRAMEWORK_TEXT).standing
    if given.digest != current(standing):
        raise Conflict("the text has changed since it was read; read it again")
    if not any(one.event == "adopt" for one in at.offers(standing)):
        raise Conflict("this text takes no key now")
    asked = [one for one in at.keys(name, standing) if one.request.digest == given.digest]
    live = {vote.organisation for one in asked for vote in TEXT_KEYS.live(one.request, one.votes, request.now)}
    if request.who.organisation in live:
        raise Conflict("your organisation's key is turned for this already")
    at.turn(name, KeyAction.ADOPT_PACK, given.digest)
    turned = sorted(live | {request.who.organisation})
    return {"id": name, "digest": given.digest, "turned": turned, "missing": max(0, 2 - len(turned))}
