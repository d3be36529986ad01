"""Notices that wait to be sent: who is to be told of which step. No text; a notice that was sent is gone."""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Act


class Notice(models.Model):
    """One organisation's role is to be told of one act."""

    act = models.ForeignKey(Act, models.PROTECT, related_name="notices")
    organisation = models.CharField(max_length=ID_LENGTH, db_index=True)
    role = models.CharField(max_length=WORD_LENGTH)

    class Meta:
        """Told once."""

        constraints = (models.UniqueConstraint(fields=["act", "organisation", "role"], name="notice_once"),)
