"""What people decided about flagged samples: written once, gone with the submission's content."""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Submission

NAME_LENGTH = 200


class Ruling(models.Model):
    """One person's decision on one sample of one run."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="rulings")
    unit = models.CharField(max_length=36)
    participant = models.CharField(max_length=NAME_LENGTH)
    sample = models.CharField(max_length=NAME_LENGTH)
    epoch = models.IntegerField()
    decision = models.CharField(max_length=WORD_LENGTH)
    reason = models.TextField()
    person = models.CharField(max_length=ID_LENGTH)
    organisation = models.CharField(max_length=ID_LENGTH)
    at = models.DateTimeField()

    class Meta:
        """Asked for by run."""

        indexes = (models.Index(fields=["submission", "unit"], name="ruling_by_run"),)
