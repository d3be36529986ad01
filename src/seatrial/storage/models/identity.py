"""How people come in: invitations, the identity providers of organisations, and tokens of services.

A token is kept as its SHA-256 and is nowhere else; a provider's key stays in its file, of which the path is kept.
"""

from __future__ import annotations

from django.db import models

from seatrial.storage.models.participant import Organisation
from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH

DIGEST_LENGTH = 64


class Invitation(models.Model):
    """Somebody may enter an organisation in a role, once."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=WORD_LENGTH)
    invited_by = models.CharField(max_length=ID_LENGTH)
    made_at = models.DateTimeField()
    expires = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.CharField(max_length=ID_LENGTH, default="")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        """Listed newest first."""

        indexes = (models.Index(fields=["organisation", "made_at"], name="invitation_by_organisation"),)


class IdentityProvider(models.Model):
    """Who says who somebody is: for the people of one organisation, or of any."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    issuer = models.CharField(max_length=255)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="identity_providers")
    ended_at = models.DateTimeField(null=True)
    record = models.JSONField()


class ServiceToken(models.Model):
    """A program acts for an organisation in a role, for a time."""

    id = models.CharField(max_length=ID_LENGTH, primary_key=True)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="service_tokens")
    made_at = models.DateTimeField()
    expires = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    record = models.JSONField()

    class Meta:
        """Listed newest first."""

        indexes = (models.Index(fields=["organisation", "made_at"], name="token_by_organisation"),)
