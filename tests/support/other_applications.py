"""A process in which Django's sign-in, sessions and jobs are installed beside the room; prints what they find.

Arguments: two directories for two installations. Run by `tests/storage/test_other_applications.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings

from seatrial.storage.django_setup import TASKS

INSTALLED = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_tasks_db",
    "seatrial.storage.app.Storage",
)


def main() -> None:
    """Open two installations; the second becomes Django's default after the first."""
    settings.configure(
        INSTALLED_APPS=INSTALLED,
        DATABASES={},
        DATABASE_ROUTERS=["seatrial.storage.session.Router"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TASKS=TASKS,
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        SECRET_KEY="a test",  # noqa: S106 - signs nothing
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415 - once Django is set up
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415 - the same
    from django_tasks_db.models import DBTaskResult  # noqa: PLC0415 - the same

    from support.house import open_house  # noqa: PLC0415 - the same

    for folder in sys.argv[1:]:
        house = open_house(Path(folder))
        house.database.become_default()
        User.objects.create_user(f"somebody in {Path(folder).name}")
        session = SessionStore()
        session["seen"] = True
        session.save()
        names = list(User.objects.values_list("username", flat=True))
        print(names, SessionStore(session.session_key)["seen"], DBTaskResult.objects.count())  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
