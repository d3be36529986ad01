"""Findings as rows: where they came from, what they are, what happened to them, and the clusters that they are in.

- A row holds columns to look it up by, and the canonical bytes; artefacts lie outside the database.
- Whatever came from an origin hangs on its row, which says whose it is. A withdrawal empties that row and no other.
- (subject, seq) of an event is unique: two that continue one chain cannot both be kept.
- Counts are kept as events are folded, and are compared with a full count.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seatrial.clearinghouse.store import LINE
from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH

DIGEST = 64
CLUSTER = 20


class FindingOrigin(models.Model):
    """One submitter's run. What it says of a model goes with a withdrawal."""

    ref = models.CharField(max_length=32, primary_key=True)
    submitter = models.CharField(max_length=ID_LENGTH)
    keeper = models.CharField(max_length=ID_LENGTH)
    submission = models.CharField(max_length=36, default="")
    run = models.TextField(default="")
    facts = models.TextField(default="{}")
    received_at = models.DateTimeField()
    shredded_at = models.DateTimeField(null=True)

    class Meta:
        """One that is not shredded for a submitter and a run."""

        constraints = (
            models.UniqueConstraint(
                fields=["submitter", "run"], condition=Q(shredded_at__isnull=True), name="finding_origin_once"
            ),
        )
        indexes = (models.Index(fields=["submission"], name="finding_origin_submission"),)


class Finding(models.Model):
    """One finding."""

    id = models.CharField(max_length=DIGEST, primary_key=True)
    origin = models.ForeignKey(FindingOrigin, models.PROTECT, related_name="findings")
    project = models.CharField(max_length=LINE)
    title = models.CharField(max_length=LINE)
    kind = models.CharField(max_length=WORD_LENGTH)
    disposition = models.CharField(max_length=WORD_LENGTH)
    cluster = models.CharField(max_length=CLUSTER, default="")
    received_at = models.DateTimeField()
    commitment = models.CharField(max_length=DIGEST)
    nonce = models.BinaryField(max_length=32)
    canonical = models.BinaryField()

    class Meta:
        """Asked for by what a list can be narrowed to, and by day."""

        indexes = (
            models.Index(fields=["disposition", "id"], name="finding_by_disposition"),
            models.Index(fields=["project", "id"], name="finding_by_project"),
            models.Index(fields=["cluster", "id"], name="finding_by_cluster"),
            models.Index(fields=["received_at", "id"], name="finding_by_day"),
        )


class FindingItem(models.Model):
    """One item that could not be read."""

    id = models.CharField(max_length=DIGEST, primary_key=True)
    origin = models.ForeignKey(FindingOrigin, models.PROTECT, related_name="items")
    file = models.TextField()
    place = models.TextField()
    what = models.TextField()
    to_do = models.TextField()
    sha256 = models.CharField(max_length=DIGEST, default="")


class FindingChain(models.Model):
    """The newest event of each subject: what the next one follows. One of no origin is its keeper's alone."""

    subject = models.CharField(max_length=DIGEST, primary_key=True)
    origin = models.ForeignKey(FindingOrigin, models.PROTECT, null=True, related_name="chains")
    keeper = models.CharField(max_length=ID_LENGTH)
    seq = models.IntegerField()
    last = models.CharField(max_length=DIGEST)


class FindingBatch(models.Model):
    """A batch of events, and the record's entry of it."""

    id = models.CharField(max_length=36, primary_key=True)
    root = models.CharField(max_length=DIGEST)
    size = models.IntegerField()
    entry_log = models.SmallIntegerField()
    entry_index = models.BigIntegerField()
    at = models.DateTimeField()


class FindingEvent(models.Model):
    """One thing that happened to one subject; its canonical bytes, and its place in its batch."""

    pk = models.CompositePrimaryKey("subject", "seq")
    subject = models.CharField(max_length=DIGEST)
    seq = models.IntegerField()
    origin = models.ForeignKey(FindingOrigin, models.PROTECT, null=True, related_name="events")
    keeper = models.CharField(max_length=ID_LENGTH)
    type = models.CharField(max_length=WORD_LENGTH)
    event = models.BinaryField()
    hash = models.CharField(max_length=DIGEST)
    batch = models.ForeignKey(FindingBatch, models.PROTECT, related_name="events")
    position = models.IntegerField()

    class Meta:
        """One place in a batch has one event."""

        constraints = (models.UniqueConstraint(fields=["batch", "position"], name="finding_event_place"),)


class FindingCount(models.Model):
    """How many of an origin's items came in, came again, and are where."""

    pk = models.CompositePrimaryKey("origin", "word")
    origin = models.ForeignKey(FindingOrigin, models.PROTECT, related_name="counts")
    word = models.CharField(max_length=WORD_LENGTH)
    number = models.BigIntegerField()


class FindingSignature(models.Model):
    """What clustering looks a finding up by."""

    finding = models.OneToOneField(Finding, models.PROTECT, primary_key=True, related_name="signature")
    project = models.CharField(max_length=LINE)
    exact_key = models.CharField(max_length=DIGEST)
    said = models.TextField()

    class Meta:
        """Asked for by its exact key within a project."""

        indexes = (models.Index(fields=["project", "exact_key"], name="finding_signature_exact"),)


class FindingFunction(models.Model):
    """One of the top three functions of a finding's trace."""

    pk = models.CompositePrimaryKey("finding", "function")
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="functions")
    project = models.CharField(max_length=LINE)
    function = models.CharField(max_length=LINE)

    class Meta:
        """Asked for by function within a project."""

        indexes = (models.Index(fields=["project", "function"], name="finding_function_top"),)


class FindingCluster(models.Model):
    """One cluster as its events have made it."""

    id = models.CharField(max_length=CLUSTER, primary_key=True)
    project = models.CharField(max_length=LINE)
    keeper = models.CharField(max_length=ID_LENGTH)
    stage = models.CharField(max_length=WORD_LENGTH)
    record = models.BinaryField()

    class Meta:
        """Asked for by project."""

        indexes = (models.Index(fields=["project", "id"], name="finding_cluster_by_project"),)


class FindingNumber(models.Model):
    """The last number that a sequence has given."""

    name = models.CharField(max_length=WORD_LENGTH, primary_key=True)
    last = models.BigIntegerField()
