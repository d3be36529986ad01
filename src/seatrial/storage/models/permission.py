"""What a developer said yes to, what that opens to whom, and the votes of those who must both agree.

The whole record is kept as its own JSON; the columns beside it are those that a question is asked by.
"""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Submission


class Consent(models.Model):
    """A developer's consent, as it stands now; its name is unique within its submission only."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="consents")
    name = models.CharField(max_length=ID_LENGTH)
    activity = models.CharField(max_length=WORD_LENGTH)
    given_at = models.DateTimeField()
    expires = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    record = models.JSONField()

    class Meta:
        """There once."""

        constraints = (models.UniqueConstraint(fields=["submission", "name"], name="consent_once"),)


class Acquaintance(models.Model):
    """An organisation that a consent names, and that so knows of the submission.

    The owner is the submission's, once more: the second wall cannot ask the submission's own policy about it, which
    asks these rows; a row whose owner is another opens nothing.
    """

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="acquaintances")
    organisation = models.CharField(max_length=ID_LENGTH, db_index=True)
    owner = models.CharField(max_length=ID_LENGTH)

    class Meta:
        """Named once."""

        constraints = (models.UniqueConstraint(fields=["submission", "organisation"], name="acquaintance_once"),)


class Grant(models.Model):
    """One object opened to one organisation."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="grants")
    name = models.CharField(max_length=ID_LENGTH)
    object = models.CharField(max_length=ID_LENGTH)
    data_class = models.CharField(max_length=1)
    organisation = models.CharField(max_length=ID_LENGTH)
    role = models.CharField(max_length=WORD_LENGTH)
    not_before = models.DateTimeField()
    expires = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    record = models.JSONField()

    class Meta:
        """Asked for by reader."""

        indexes = (models.Index(fields=["organisation", "object"], name="grant_by_reader"),)
        constraints = (models.UniqueConstraint(fields=["submission", "name"], name="grant_once"),)


class KeyRequest(models.Model):
    """Somebody asks for two keys."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="key_requests")
    name = models.CharField(max_length=ID_LENGTH)
    action = models.CharField(max_length=WORD_LENGTH)
    digest = models.CharField(max_length=71)
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    record = models.JSONField()

    class Meta:
        """There once."""

        constraints = (models.UniqueConstraint(fields=["submission", "name"], name="key_request_once"),)


class Vote(models.Model):
    """One key; written once."""

    request = models.ForeignKey(KeyRequest, models.PROTECT, related_name="votes")
    person = models.CharField(max_length=ID_LENGTH)
    at = models.DateTimeField()
    record = models.JSONField()
