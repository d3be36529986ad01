"""Django without a project and without a settings module: one application, no default database, UTC.

It is set up when the first database is opened or the first table is named, and never by importing the package.
"""

from __future__ import annotations

import django
from django.apps import apps
from django.conf import settings

APP = "seatrial.storage.app.Storage"


def start_django() -> None:
    """Set Django up once for this process: this one application, no default database, UTC."""
    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=[APP],
            DATABASES={},
            DATABASE_ROUTERS=["seatrial.storage.session.Router"],
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            USE_TZ=True,
            TIME_ZONE="UTC",
        )
    if not apps.ready:
        django.setup(set_prefix=False)
