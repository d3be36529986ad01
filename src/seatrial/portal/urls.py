"""Every URL, from the two tables; static files are served before it."""

from __future__ import annotations

from django.urls import path

from seatrial.portal.access import guarded
from seatrial.portal.api.door import urls
from seatrial.portal.opening import place
from seatrial.portal.operations import OPERATIONS
from seatrial.portal.routes import ROUTES

_served = ROUTES
if place().demonstration:  # its door is loaded by no other portal
    from seatrial.portal.demo_door import DOOR

    _served = (*ROUTES, DOOR)
urlpatterns = [*(path(route.path, guarded(route), name=route.name) for route in _served), *urls(OPERATIONS)]
handler400 = "seatrial.portal.errors.bad_request"
handler404 = "seatrial.portal.errors.not_found"
handler500 = "seatrial.portal.errors.broken"
