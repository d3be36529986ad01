"""The Django application of the room: templates, their tags and static files; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class Portal(AppConfig):
    """Pages and API."""

    name = "seatrial.portal"
    label = "portal"
