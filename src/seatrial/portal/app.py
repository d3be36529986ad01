"""The Django application of the room: templates, their tags, static files, and the table of counts."""

from __future__ import annotations

from django.apps import AppConfig


class Portal(AppConfig):
    """Pages and API."""

    name = "seatrial.portal"
    label = "portal"

    def ready(self) -> None:
        """Hear of sign-ins and of second factors that were set up."""
        from seatrial.portal.identity import signals  # noqa: PLC0415 - models, once Django is set up

        signals.connect()
