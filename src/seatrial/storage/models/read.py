"""Who read what: a row for each reading of model facts, transcripts, findings or exploit artefacts.

Rows are written once. A day that is closed takes no more of them, for its root is in the record.
"""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Submission


class Read(models.Model):
    """One person, for one organisation in one role, was given one object of one class."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="reads")
    person = models.CharField(max_length=ID_LENGTH)
    organisation = models.CharField(max_length=ID_LENGTH)
    role = models.CharField(max_length=WORD_LENGTH)
    object = models.CharField(max_length=ID_LENGTH)
    data_class = models.CharField(max_length=1)
    at = models.DateTimeField()
    day = models.CharField(max_length=10)
    salt = models.BinaryField(max_length=16)

    class Meta:
        """Asked for by day."""

        indexes = (models.Index(fields=["day"], name="read_by_day"),)


class ReadDay(models.Model):
    """A day whose reads have their root in the record; how many there were is not told here."""

    day = models.CharField(max_length=10, primary_key=True)
    entry_log = models.SmallIntegerField()
    entry_index = models.BigIntegerField()
