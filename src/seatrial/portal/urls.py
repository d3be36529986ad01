"""Every URL, from the two tables; static files are served before it."""

from __future__ import annotations

from django.urls import path

from seatrial.portal.access import guarded
from seatrial.portal.api.door import urls
from seatrial.portal.operations import OPERATIONS
from seatrial.portal.routes import ROUTES

urlpatterns = [*(path(route.path, guarded(route), name=route.name) for route in ROUTES), *urls(OPERATIONS)]
handler400 = "seatrial.portal.errors.bad_request"
handler404 = "seatrial.portal.errors.not_found"
handler500 = "seatrial.portal.errors.broken"
