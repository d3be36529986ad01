"""Requests that a program may send again: which, by whom, and what was answered."""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.identity import DIGEST_LENGTH
from seatrial.storage.models.participant import Organisation
from seatrial.storage.models.submission import WORD_LENGTH

KEY_LENGTH = 128


class AnsweredRequest(models.Model):
    """One request of an organisation under its own key; without a status it is still being worked on."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="answered_requests")
    key = models.CharField(max_length=KEY_LENGTH)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    operation = models.CharField(max_length=WORD_LENGTH)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)

    class Meta:
        """A key stands for one request of an organisation."""

        constraints = (models.UniqueConstraint(fields=["organisation", "key"], name="answered_once"),)
