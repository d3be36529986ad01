"""Claims of the plan that a number lies above a threshold (Q9), as records.

An entry of the plan's `analysis` is such a claim when it has a `threshold`, a decimal number in text, beside its
`quantity` (Q1, Q2 or Q6) and, for Q6, the `share` that is solved there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.measurement import LEVEL, Claim, Estimate, statements
from seatrial.report.assessment import ReportError
from seatrial.report.records import Threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.report.collection import Numbers
    from seatrial.report.table import Tables

PICKED = "the instances were picked as the review went, and no test of a threshold holds on such runs"


def add_thresholds(found: Numbers, tables: Tables, subject: str, *, picked: bool) -> None:
    """Q9 for the subject: every threshold that the plan names, judged together."""
    entries = [item for item in tables.files.plan.get("analysis", ()) if str(item.get("threshold") or "")]
    claims = [_claim(item) for item in entries]
    if not claims:
        return
    if picked:
        found.thresholds += [_untested(claim, subject) for claim in claims]
        return
    for statement in statements(claims, tables.outcomes(subject)):
        claim, answer = statement.claim, statement.answer
        found.thresholds.append(
            Threshold(
                claim=claim.name,
                quantity=claim.quantity,
                participant=subject,
                at=claim.threshold,
                p=statement.p_value,
                p_joint=statement.adjusted,
                level=answer.level if isinstance(answer, Estimate) else LEVEL,
                shown=statement.shown,
                statement=statement.words,
            )
        )


def _claim(item: Mapping[str, Any]) -> Claim:
    name = str(item["id"])
    try:
        quantity: Any = str(item.get("quantity") or "")
        share = float(item.get("share") or 0.5)
        return Claim(name=name, quantity=quantity, threshold=float(item["threshold"]), share=share)
    except ValueError as error:
        raise ReportError(f"plan.json: analysis {name!r}: {error}") from error


def _untested(claim: Claim, subject: str) -> Threshold:
    return Threshold(
        claim=claim.name,
        quantity=claim.quantity,
        participant=subject,
        at=claim.threshold,
        p=None,
        p_joint=1.0,
        level=LEVEL,
        shown=False,
        statement=f"cannot be tested ({PICKED}): {claim.words}",
    )
