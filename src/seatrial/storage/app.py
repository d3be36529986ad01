"""The Django application of the room."""

from __future__ import annotations

from django.apps import AppConfig


class Storage(AppConfig):
    """Its tables are named `storage_…`."""

    name = "seatrial.storage"
    label = "storage"
    default_auto_field = "django.db.models.BigAutoField"
