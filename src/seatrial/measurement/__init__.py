"""From runs to claims: estimates with intervals, or the statement that there is none. Pure functions on one table.

| what | question |
|---|---|
| `Outcomes` | the table: one row a run |
| `bank_success` (Q1) | what share of these very tasks? |
| `generalized_success` (Q2) | what share of tasks like these? |
| `budget_curve` (Q3) | how does that grow with the budget? |
| `success_in_attempts` (Q4) | what share in at least one of k attempts? |
| `horizon` (Q6) | how long a task is solved with a stated chance? |
| `typical_horizon` (Q6, annex) | the same of a task as hard as its length lets expect? |
| `doubling_time` | how fast do horizons of leading models grow? |
| `paired_difference` (Q7) | how much more than another participant on the same tasks? |
| `elicitation_gap` (Q8) | how much more when elicited best? |
| `statements`, `watch` (Q9) | is a rate or a horizon above a stated threshold? |
| `judged_success` (Q10) | what share, where a fallible judge decided? |
| `person_fit`, `two_arms`, `contamination`, `account` (Q11) | may the runs be taken at their word? |
| `broken_items` | which tasks are solved rather by weak calibrators? |
| `richness` (Q12) | how many distinct findings are there, and what would more runs bring? |
| `Bank`, `calibrate` | which tasks there are, and how hard they were for models that ran them all |
| `next_round` | which tasks to run next, and why? |
| `expectations` | what can a review say, and what does it take? Asked before it runs |
| `anchors`, `link` | how do two calibrations lie on one scale? |
| `partial` | what does a partly run bank say (Q1, Q2, Q5, Q6)? |
| `Estimate`, `NotIdentifiable` | every answer is one of the two |
"""

from seatrial.measurement.adaptive import Decision, Design, next_round
from seatrial.measurement.bank import Bank
from seatrial.measurement.budget import BudgetCurve, BudgetPoint, budget_curve
from seatrial.measurement.calibration import Calibration
from seatrial.measurement.comparison import ElicitationGap, PairedComparison, elicitation_gap, paired_difference
from seatrial.measurement.estimate import LEVEL, Estimate, EstimateError, NotIdentifiable
from seatrial.measurement.horizon import Horizon, horizon
from seatrial.measurement.integrity import (
    Account,
    BrokenItems,
    Contamination,
    TwoArms,
    account,
    broken_items,
    contamination,
    two_arms,
)
from seatrial.measurement.judge import Labels, judged_success
from seatrial.measurement.linking import Link, anchors, link
from seatrial.measurement.outcomes import Outcomes, OutcomesError
from seatrial.measurement.partial import Partial, partial
from seatrial.measurement.person_fit import PersonFit, Power, Reference, person_fit, reference
from seatrial.measurement.planning import Expectation, expectations
from seatrial.measurement.replay import calibrate
from seatrial.measurement.richness import Incidence, Richness, richness
from seatrial.measurement.success import bank_success, generalized_success, success_in_attempts
from seatrial.measurement.thresholds import Claim, Statement, Watch, statements, watch
from seatrial.measurement.trend import doubling_time
from seatrial.measurement.typical import typical_horizon

__all__ = [
    "LEVEL",
    "Account",
    "Bank",
    "BrokenItems",
    "BudgetCurve",
    "BudgetPoint",
    "Calibration",
    "Claim",
    "Contamination",
    "Decision",
    "Design",
    "ElicitationGap",
    "Estimate",
    "EstimateError",
    "Expectation",
    "Horizon",
    "Incidence",
    "Labels",
    "Link",
    "NotIdentifiable",
    "Outcomes",
    "OutcomesError",
    "PairedComparison",
    "Partial",
    "PersonFit",
    "Power",
    "Reference",
    "Richness",
    "Statement",
    "TwoArms",
    "Watch",
    "account",
    "anchors",
    "bank_success",
    "broken_items",
    "budget_curve",
    "calibrate",
    "contamination",
    "doubling_time",
    "elicitation_gap",
    "expectations",
    "generalized_success",
    "horizon",
    "judged_success",
    "link",
    "next_round",
    "paired_difference",
    "partial",
    "person_fit",
    "reference",
    "richness",
    "statements",
    "success_in_attempts",
    "two_arms",
    "typical_horizon",
    "watch",
]
