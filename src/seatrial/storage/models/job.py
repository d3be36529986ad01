"""The plan of what is to be made complete, and the workers that do it.

- One open unit for a kind and a key, whoever asks for it how often.
- A unit runs under one claim: the number of the attempt, the process that has it, and how often it has beaten.
- A worker's row is a sign of life; nothing is decided by it.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seatrial.storage.models.submission import ID_LENGTH, WORD_LENGTH, Submission

KEY_LENGTH = 200
STATES = ("waiting", "running", "complete", "cancelled", "error")
OPEN = ("waiting", "running")


class PlanUnit(models.Model):
    """One thing that is to be made complete: what, why, for whom, after what, and how far it is."""

    id = models.CharField(max_length=36, primary_key=True)
    kind = models.CharField(max_length=WORD_LENGTH)
    key = models.CharField(max_length=KEY_LENGTH)
    submission = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="plan_units")
    what = models.JSONField()
    why = models.TextField()
    person = models.CharField(max_length=ID_LENGTH)
    after = models.ForeignKey("self", models.PROTECT, null=True)
    lane = models.CharField(max_length=WORD_LENGTH)
    every_s = models.IntegerField(null=True)
    state = models.CharField(max_length=WORD_LENGTH)
    attempt = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    lost = models.IntegerField(default=0)
    reason = models.TextField(default="")
    stopping = models.TextField(default="")
    progress = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    due_set_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    process = models.JSONField(null=True)
    beats = models.BigIntegerField(default=0)

    class Meta:
        """Open once; running exactly while a process has it."""

        constraints = (
            models.UniqueConstraint(fields=["kind", "key"], name="plan_unit_open_once", condition=Q(state__in=OPEN)),
            models.CheckConstraint(condition=Q(state__in=STATES), name="plan_unit_state_known"),
            models.CheckConstraint(
                condition=Q(state="running", process__isnull=False) | (~Q(state="running") & Q(process__isnull=True)),
                name="plan_unit_runs_in_a_process",
            ),
        )
        indexes = (
            models.Index(fields=["state", "due_at"], name="plan_unit_due", condition=Q(state__in=OPEN)),
            models.Index(fields=["submission", "asked_at"], name="plan_unit_by_submission"),
        )


class Worker(models.Model):
    """One worker's sign of life."""

    id = models.CharField(max_length=36, primary_key=True)
    process = models.JSONField()
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
