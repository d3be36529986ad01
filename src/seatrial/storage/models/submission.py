"""Submissions and findings as rows, the acts that moved them, and the policy packs they are pinned to.

- The state is one of those that the lifecycles know (CHECK), and changes only with an act (trigger).
- An act is written once, and holds what the log may show as well; what it brought stands apart.
- It names the ledger entry that records it; only a withdrawal may be without one for a while, for it waits for nothing,
  and its entry is owed until it is made up.
- `version` counts the acts; a writer that read an older one is told so.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seatrial.storage.lifecycles import STATES

ID_LENGTH = 64
WORD_LENGTH = 40


class Pack(models.Model):
    """A version of a policy pack that a submission is pinned to, by the digest of its bytes."""

    sha256 = models.CharField(max_length=71, primary_key=True)
    name = models.CharField(max_length=ID_LENGTH)
    version = models.CharField(max_length=32)


class Edge(models.Model):
    """One step of a lifecycle: the only steps an act can take."""

    kind = models.CharField(max_length=WORD_LENGTH)
    source = models.CharField(max_length=WORD_LENGTH)
    event = models.CharField(max_length=WORD_LENGTH)
    target = models.CharField(max_length=WORD_LENGTH)

    class Meta:
        """A step is there once."""

        constraints = (models.UniqueConstraint(fields=["kind", "source", "event", "target"], name="edge_once"),)


class Submission(models.Model):
    """One object with a lifecycle: where it stands, whose it is, and which version of it this is."""

    id = models.CharField(max_length=36, primary_key=True)
    kind = models.CharField(max_length=WORD_LENGTH)
    owner = models.CharField(max_length=ID_LENGTH)
    state = models.CharField(max_length=WORD_LENGTH)
    version = models.IntegerField()
    evaluator = models.CharField(max_length=ID_LENGTH)
    told = models.CharField(max_length=ID_LENGTH, default="")
    pack = models.ForeignKey(Pack, models.PROTECT, null=True)
    window_end = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    standing = models.JSONField()

    class Meta:
        """A state is one of those that the lifecycles know."""

        indexes = (
            models.Index(fields=["owner", "opened_at"], name="submission_by_owner"),
            models.Index(fields=["window_end"], name="submission_by_window_end"),
            models.Index(fields=["kind", "opened_at", "id"], name="submission_by_kind"),
            models.Index(fields=["kind", "state", "owner", "evaluator", "told", "id"], name="submission_counted"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(version__gte=1), name="submission_has_an_act"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="submission_state_known"),
        )


class Act(models.Model):
    """Somebody did something to a submission: what, who, from where to where, and the entry that records it."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="acts")
    seq = models.IntegerField()
    event = models.CharField(max_length=WORD_LENGTH)
    source = models.CharField(max_length=WORD_LENGTH)
    target = models.CharField(max_length=WORD_LENGTH)
    at = models.DateTimeField()
    person = models.CharField(max_length=ID_LENGTH)
    organisation = models.CharField(max_length=ID_LENGTH)
    role = models.CharField(max_length=WORD_LENGTH)
    request_digest = models.CharField(max_length=71)
    clamped = models.BooleanField()
    entry_log = models.SmallIntegerField(null=True)
    entry_index = models.BigIntegerField(null=True)

    class Meta:
        """One act a number, one act a request, one entry an act."""

        constraints = (
            models.UniqueConstraint(fields=["submission", "seq"], name="act_numbered_once"),
            models.UniqueConstraint(
                fields=["submission", "request_digest"], name="act_asked_once", condition=~Q(request_digest="")
            ),
            models.UniqueConstraint(fields=["entry_log", "entry_index"], name="act_recorded_once"),
            models.CheckConstraint(
                condition=Q(entry_log__isnull=False, entry_index__isnull=False)
                | Q(entry_log__isnull=True, entry_index__isnull=True, event="withdraw"),
                name="act_has_its_entry",
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="act_counts_from_one"),
        )
        ordering = ("seq",)


class ActContent(models.Model):
    """What an act brought, and the salt of the log's commitment to it; goes when its object is forgotten."""

    act = models.OneToOneField(Act, models.PROTECT, primary_key=True, related_name="content")
    salt = models.BinaryField(max_length=32)
    record = models.JSONField()


class Order(models.Model):
    """What an act ordered other rooms to do, kept until it is done: a killed process leaves no order behind."""

    act = models.ForeignKey(Act, models.PROTECT, related_name="orders")
    effect = models.CharField(max_length=WORD_LENGTH)
    given_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Given once."""

        constraints = (models.UniqueConstraint(fields=["act", "effect"], name="order_once"),)
        indexes = (models.Index(fields=["given_at"], name="order_open", condition=Q(done_at__isnull=True)),)
