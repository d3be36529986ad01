"""The tables, for the stores: the models, once Django is set up."""

from __future__ import annotations

from seatrial.storage.django_setup import start_django

start_django()

from seatrial.storage import models as rows  # noqa: E402 - models can be defined only after that

__all__ = ["rows"]
