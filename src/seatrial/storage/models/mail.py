"""What a person is sent: where to, which letters wait, and the feeds that they opened for a calendar or a reader.

- No letter's text is a row: it is written when it is sent, from what the person may see then.
- An address is its person's own; nobody else's viewer finds it. A feed is kept as the SHA-256 of its address.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seatrial.storage.models.identity import DIGEST_LENGTH
from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH

ADDRESS_LENGTH = 254  # RFC 5321, with its brackets
CODE_LENGTH = 16
STATES = ("waiting", "sent", "dropped", "given_up")


class Contact(models.Model):
    """Where a person reads mail, in which zone, and what of it they want."""

    person = models.CharField(max_length=ID_LENGTH, primary_key=True)
    address = models.CharField(max_length=ADDRESS_LENGTH)
    zone = models.CharField(max_length=ID_LENGTH)
    notices = models.BooleanField()
    digest = models.BooleanField()
    confirmed_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=CODE_LENGTH, default="")
    code_at = models.DateTimeField(null=True)
    code_tries = models.IntegerField(default=0)
    digest_day = models.CharField(max_length=10)
    digest_until = models.DateTimeField()


class Letter(models.Model):
    """One mail to one person: why, about which object, when to try next, and how it ended."""

    id = models.CharField(max_length=36, primary_key=True)
    person = models.CharField(max_length=ID_LENGTH)
    kind = models.CharField(max_length=WORD_LENGTH)
    organisation = models.CharField(max_length=ID_LENGTH, default="")
    role = models.CharField(max_length=WORD_LENGTH, default="")
    object = models.CharField(max_length=ID_LENGTH, default="")
    since = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    state = models.CharField(max_length=WORD_LENGTH, default="waiting")
    reason = models.CharField(max_length=ID_LENGTH, default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Found by when it is due, and by whom and what it is about."""

        indexes = (
            models.Index(fields=["due_at"], name="letter_due", condition=Q(state="waiting")),
            models.Index(fields=["object", "person"], name="letter_about"),
            models.Index(fields=["ended_at"], name="letter_ended"),
        )
        constraints = (models.CheckConstraint(condition=Q(state__in=STATES), name="letter_state_known"),)


class Feed(models.Model):
    """An address at which a calendar or a reader finds what one person sees in one role."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    person = models.CharField(max_length=ID_LENGTH)
    organisation = models.CharField(max_length=ID_LENGTH)
    role = models.CharField(max_length=WORD_LENGTH)
    name = models.CharField(max_length=ID_LENGTH)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        """Listed by person."""

        indexes = (models.Index(fields=["person", "made_at"], name="feed_by_person"),)
