"""Django without a project: one application, no default database, UTC. These constants are all of its settings.

It is set up when the first database is opened or the first table is named, and never by importing the package.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import django
from django.apps import apps
from django.conf import settings

INSTALLED_APPS = ["seatrial.storage.app.Storage", "django_tasks_db"]
JOBS = "seatrial"
"""Django's name for the queue of the room's jobs; a process that does not configure it cannot ask for one."""
TASKS = {JOBS: {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["reviews", "chores"]}}
DATABASES: dict[str, Any] = {}
DATABASE_ROUTERS = ["seatrial.storage.session.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"


_starting = Lock()


def start_django() -> None:
    """Set Django up, once for this process; threads that ask at the same time wait for the first."""
    with _starting:
        if not settings.configured:
            settings.configure(
                INSTALLED_APPS=INSTALLED_APPS,
                DATABASES=DATABASES,
                DATABASE_ROUTERS=DATABASE_ROUTERS,
                DEFAULT_AUTO_FIELD=DEFAULT_AUTO_FIELD,
                TASKS=TASKS,
                USE_TZ=USE_TZ,
                TIME_ZONE=TIME_ZONE,
            )
        if not apps.ready:
            django.setup(set_prefix=False)
