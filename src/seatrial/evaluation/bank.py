"""The bank of a review as measurement sees it: one task an instance, and what is known of its difficulty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.evaluation.rows import item_of
from seatrial.evaluation.rundir import RunError
from seatrial.measurement.bank import Bank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.evaluation.plan import ReviewPlan


def bank_of(plan: ReviewPlan, manifests: Mapping[str, Mapping[str, Any]]) -> Bank:
    """The plan's instances in the plan's order; level is the axis, since no human has timed generated instances.

    Raises `RunError` naming an instance without a manifest: an instance that the gate never passed is in no bank.
    """
    missing = [instance.id for instance in plan.instances if instance.id not in manifests]
    if missing:
        raise RunError(f"manifests/{missing[0]}.json: missing ({len(missing)} of {len(plan.instances)})")
    forms = [manifests[instance.id] for instance in plan.instances]
    return Bank.of(
        [instance.id for instance in plan.instances],
        [f"{form['family']}/{form['technique']}" for form in forms],
        item=[item_of(form["family"], form["version"], int(form["level"]), form["technique"]) for form in forms],
        level=[float(form["level"]) for form in forms],
    )
