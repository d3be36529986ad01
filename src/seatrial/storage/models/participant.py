"""Who takes part: organisations that are here by their own consent, their people, and what each may act as."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH


class Organisation(models.Model):
    """A body that takes part."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    kind = models.CharField(max_length=WORD_LENGTH)
    record = models.JSONField()


class Person(models.Model):
    """Somebody, by a pseudonymous id and by what their identity provider calls them; never by an address."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    issuer = models.CharField(max_length=255, default="")
    subject = models.CharField(max_length=255, default="")
    record = models.JSONField()

    class Meta:
        """One person for one subject of one issuer."""

        constraints = (
            models.UniqueConstraint(fields=["issuer", "subject"], name="person_known_once", condition=~Q(issuer="")),
        )


class Membership(models.Model):
    """A person acts for an organisation in a role, for a time."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=WORD_LENGTH)
    not_before = models.DateTimeField()
    expires = models.DateTimeField(null=True)
    record = models.JSONField()
