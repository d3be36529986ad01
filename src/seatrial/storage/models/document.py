"""Papers: what a step rests on, with the bytes behind its digest.

Bytes are kept by their digest and stand apart from the rows that speak of them: one paper that serves several steps is
there once, and taking bytes away leaves every digest in place. Papers are small; transcripts and weights are custody's.
"""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Submission


class Paper(models.Model):
    """The bytes of a document, of one owner."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="papers")
    digest = models.CharField(max_length=71)
    data_class = models.CharField(max_length=1)
    size = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        """The same bytes are there once for each submission: another's are never shared, not even their presence."""

        constraints = (models.UniqueConstraint(fields=["submission", "digest"], name="paper_once"),)


class Document(models.Model):
    """One version of one paper of a submission: kind, digest, signers."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=WORD_LENGTH)
    version = models.IntegerField()
    digest = models.CharField(max_length=71)
    data_class = models.CharField(max_length=1)
    organisation = models.CharField(max_length=ID_LENGTH)
    at = models.DateTimeField()
    record = models.JSONField()
