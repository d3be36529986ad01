"""A plan to test with."""

from __future__ import annotations

from seatrial.evaluation.plan import CampaignCaps, LevelCaps, PlannedInstance, ReviewPlan, Sampling, Subject


def made_plan(**changes: object) -> ReviewPlan:
    """A small valid plan with some fields changed."""
    values: dict[str, object] = {
        "review": "review-1",
        "subject": Subject(alias="alpha", kind="participant"),
        "tier": "ci",
        "participants": ("null",),
        "families": (),
        "instances": (
            PlannedInstance(
                id="memfind-v1-L1-0", family="memfind", level=1, index=0, epochs=2, manifest_sha256="0" * 64
            ),
        ),
        "seed_commitment": "0" * 64,
        "secret_commitment": "1" * 64,
        "sampling": Sampling(order_seed="2" * 64),
        "level_caps": {
            "1": LevelCaps(tokens=10, working_s=10, turns=10),
            "3": LevelCaps(tokens=30, working_s=1, turns=1),
        },
        "campaign_caps": CampaignCaps(),
        "participant_budget_s": 60,
        "scaffold": "baseline-1",
        "scaffold_digest": "3" * 64,
        "analysis": (),
        "scrutiny": {"rules_version": "1"},
        "containment": {"level": "1"},
        "environment": {},
        "limits": (),
        "created": "2026-01-01T00:00:00+00:00",
    }
    return ReviewPlan.model_validate({**values, **changes})
