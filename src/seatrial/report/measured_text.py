"""The record of a measurement for a person at a terminal: a block for each participant, a line for each answer.

A number stands with its interval, what it was counted from, and its qualifiers in words; what cannot be said stands in
the same place with the reason. Names from outside are shown without characters that would deceive.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from seatrial.report import numbers
from seatrial.report.measured import EstimateAnswer
from seatrial.report.quantities import QUANTITIES
from seatrial.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seatrial.report.measured import Measured, MissingAnswer, Runs
    from seatrial.report.measured_integrity import Signs

WIDTH = 120  # of a terminal, in columns
LABEL, VALUE = 25, 31  # columns of an answer's name and of its number with interval
REMARKS = WIDTH - LABEL - VALUE - 30
UNITS = {"distinct findings": "", "new findings": ""}  # said by the name of the answer
PAIRS = {"both": "both", "first_only": "this one alone", "second_only": "the other alone", "neither": "neither"}
LABELS = {
    "success": "success, these tasks",
    "generalized": "success, tasks like these",
    "ability": "ability",
    "budget": "success by budget",
    "success by budget": "success by budget",
    "losses at their worst and best": "losses either way",
    "refusals at their best": "refusals either way",
    "p50": "50 % horizon",
    "p80": "80 % horizon",
    "elicitation gap": "elicitation gap",
}
NAMES = {number: name for name, number in QUANTITIES.items()}
ENDED = {
    "budget": "out of budget",
    "refused": "refused",
    "lost": "lost",
    "stopped": "stopped",
    "invalidated": "taken out by a person",
}
COMPARED = 10  # participants from which on a doubtful task is named on the page
DOUBTFUL = 10  # tasks named on the page; the record has all
DIGITS = 3  # of human minutes: their intervals are factors, so digits and not places carry the precision
HORIZON = {"at-least": "longer than the longest task", "at-most": "shorter than the shortest task"}


def text(measured: Measured) -> str:
    """The whole page."""
    blocks = [list(_head(measured))]
    if measured.answers:
        level = f"{100 * measured.question.level:g}"
        blocks.append([_row(f"  quantity (intervals at {level} %)", "", ("runs", "tasks", "families"), "")])
    for runs in measured.runs:
        own = [item for item in measured.answers if (item.participant, item.arm) == (runs.participant, runs.arm)]
        rows = (line for item in _together(own) for line in _answer(item))
        blocks.append([_title(runs), *rows, *_signs(measured, runs)])
    if measured.signs is not None and measured.signs.doubtful_tasks:
        blocks.append(list(_doubtful(measured.signs)))
    if measured.not_offered:
        lines = (f"{NAMES[item.quantity]} ({item.quantity}): {item.reason}" for item in measured.not_offered)
        blocks.append(["Not in these results:", *map(_bullet, lines)])
    if measured.answers:
        blocks.append(["--json gives every answer in full, with its estimand and method."])
    return "\n\n".join("\n".join(block) for block in blocks)


def _head(measured: Measured) -> Iterator[str]:
    source = measured.source
    used = f"{source.rows_used:,} used" if source.rows_used != source.rows_read else "all used"
    yield visible(f"{source.name}: {source.kind}, {_count(source.rows_read, 'row')} read, {used}")
    yield f"SHA-256 {source.sha256}"
    for left in source.rows_left_out:
        yield _bullet(f"{_count(left.rows, 'row')} left out: {left.reason}")
    renamed = [f"{ours} from {theirs}" for ours, theirs in source.columns.items() if ours != theirs]
    if renamed:
        yield _bullet(f"columns: {', '.join(renamed)}")
    if source.columns_ignored:
        yield _bullet(f"columns not used: {', '.join(source.columns_ignored)}")
    yield from map(_bullet, source.notes)


def _title(runs: Runs) -> str:
    arm = "" if runs.arm == "default" else f", arm {runs.arm}"
    ended = [f"{runs.ended[status]:,} {words}" for status, words in ENDED.items() if runs.ended.get(status)]
    counts = (
        f"{_count(runs.runs, 'run')} of {_count(runs.tasks, 'task')} in {_count(runs.families, 'family', 'families')}"
    )
    return " ".join(
        visible(f"{runs.participant}{arm}: {', '.join([counts, *ended])}; budget: {runs.budget}").split("\n")
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _together(items: Iterable[EstimateAnswer | MissingAnswer]) -> Iterator[EstimateAnswer | MissingAnswer]:
    """Budgets of which none has an estimate for one and the same reason are one row, with the counts."""
    for (quantity, reason), group in groupby(items, key=lambda item: (item.quantity, getattr(item, "reason", ""))):
        found = list(group)
        if quantity == "Q3" and reason and len(found) > 1:
            counts = ", ".join(f"{_share(item)} {item.details['solved']:,}" for item in found)
            last = found[-1]
            yield last.model_copy(update={"name": "success by budget", "reason": f"{reason}; solved within {counts}"})
        else:
            yield from found


def _share(item: EstimateAnswer | MissingAnswer) -> str:
    share = float(item.details["share"])
    return "all of it" if share == 1 else f"1/{round(1 / share)}"


def _label(item: EstimateAnswer | MissingAnswer) -> str:
    if item.quantity == "Q3" and "share" in item.details and item.name not in LABELS:
        whole = float(item.details["share"]) == 1
        return "within all of it" if whole else f"within {_share(item)} of the budget"
    return LABELS.get(item.name, item.name)


def _answer(item: EstimateAnswer | MissingAnswer) -> Iterator[str]:
    """A row, and below it what does not fit beside the numbers."""
    label = visible(_label(item))
    if isinstance(item, EstimateAnswer):
        counts = f"{item.n_runs:,}", f"{item.n_tasks:,}", f"{item.n_families:,}"
        row, remarks = (label, shown(item), counts), "; ".join(_words(item))
    else:
        counts = _found(item, "runs", "pairs"), _found(item, "tasks"), _found(item, "families")
        row, remarks = (label, "not identifiable", counts), "; ".join([item.reason, *_curve(item)])
    lines = textwrap.wrap(visible(remarks), REMARKS, break_on_hyphens=False) or [""]
    yield _row(*row, lines[0])
    for line in lines[1:]:
        yield _row("", "", ("", "", ""), line)


def _signs(measured: Measured, runs: Runs) -> Iterator[str]:
    """How runs ended by family, and the person fit."""
    for item in measured.signs.participants if measured.signs is not None else ():
        if (item.participant, item.arm) != (runs.participant, runs.arm):
            continue
        for family in item.families:
            parts = (f"{number} {ENDED[status]}" for status, number in family.ended.items() if status in ENDED)
            yield _bullet(f"family {family.family}: {_count(family.runs, 'run')}, {', '.join(parts)}", "  ")
        if item.person_fit is not None:
            fit = item.person_fit
            yield _bullet(f"pattern of outcomes: {fit.words}; {fit.rank} of {fit.others} others fit worse", "  ")
        elif "Q11" in measured.question.quantities:
            yield _bullet(f"pattern of outcomes: not identifiable, {item.person_fit_reason}", "  ")


def _doubtful(found: Signs) -> Iterator[str]:
    """Few participants make many such tasks by chance; then they stand in the record alone."""
    listed = [item for item in found.doubtful_tasks if item.participants >= COMPARED][:DOUBTFUL]
    more = len(found.doubtful_tasks) - len(listed)
    yield "Tasks that weaker participants solve rather than stronger ones; a person looks at them:"
    for item in listed:
        yield _bullet(f"{item.task} (correlation {item.correlation:.2f} over {item.participants} participants)")
    if more:
        few = "" if listed else f"; with fewer than {COMPARED} participants mostly by chance"
        yield _bullet(f"{more:,} {'more ' if listed else ''}in the record (--json){few}")
    yield _bullet(f"{found.tasks_checked:,} tasks checked, {found.tasks_unchecked:,} could not be")


def _row(label: str, value: str, counts: tuple[str, str, str], remark: str) -> str:
    runs, tasks, families = counts
    return f"  {label:<{LABEL}} {value:<{VALUE}} {runs:>7} {tasks:>7} {families:>8}  {remark}".rstrip()


def _found(item: MissingAnswer, *names: str) -> str:
    return next((f"{item.counts[name]:,}" for name in names if name in item.counts), "")


def _curve(item: EstimateAnswer | MissingAnswer) -> Iterator[str]:
    """Where the fitted curve crosses, when no value may be stated, and what was published."""
    if item.quantity != "Q6":
        return
    fitted, published = item.details.get("fitted"), item.details.get("published")
    if fitted is not None and getattr(item, "value", None) is None:
        yield f"the fitted curve alone crosses at {_minutes(fitted)}{_axis(item)}"
    if published is not None:
        yield f"published: {_minutes(published)}{_axis(item)}"


def _axis(item: EstimateAnswer | MissingAnswer) -> str:
    return " min" if item.details.get("axis") == "minutes" else ""


def shown(item: EstimateAnswer) -> str:
    """Value and interval in the unit's own digits."""
    if item.unit.startswith("share of"):
        return numbers.shown(item.value, (item.lower or 0.0, 1.0 if item.upper is None else item.upper)).text
    if item.unit == "human minutes":
        return _range(item, _minutes, " min")
    if item.unit.startswith("difference"):
        places = numbers.decimals(50 * _width(item))
        return _range(item, lambda number: _signed(f"{100 * number:+.{places}f}"), " points")
    places = numbers.decimals(_width(item) / 2) if _width(item) else 0
    return _range(item, lambda number: _signed(f"{number:.{places}f}"), UNITS.get(item.unit, f" {item.unit}"))


def _signed(number: str) -> str:
    """With the sign for minus, and none before a zero."""
    return (number.lstrip("+-") if float(number) == 0 else number).replace("-", numbers.MINUS)


def _width(item: EstimateAnswer) -> float:
    return item.upper - item.lower if item.lower is not None and item.upper is not None else 0.0


def _range(item: EstimateAnswer, number: Callable[[float], str], unit: str) -> str:
    low = _below(item, number) if item.lower is None else number(item.lower)
    high = _above(item, number) if item.upper is None else number(item.upper)
    if item.value is not None:
        limits = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        return f"{number(item.value)}{unit} ({limits})"
    if item.upper is None:
        return f"at least {low}{unit}"
    return f"at most {high}{unit}" if item.lower is None else f"between {low} and {high}{unit}"


def _below(item: EstimateAnswer, number: Callable[[float], str]) -> str:
    end = item.details.get("shortest_task")
    return f"< {number(end)}" if isinstance(end, float) else ""


def _above(item: EstimateAnswer, number: Callable[[float], str]) -> str:
    end = item.details.get("longest_task")
    return f"> {number(end)}" if isinstance(end, float) else ""


def _minutes(number: float) -> str:
    if number >= 10 ** (DIGITS - 1):
        return f"{float(f'{number:.{DIGITS}g}'):,.0f}"
    return f"{number:#.{DIGITS}g}"


def _words(item: EstimateAnswer) -> Iterator[str]:
    """Qualifiers and what a reader needs beside the number."""
    if item.quantity == "Q9":
        yield str(item.details.get("words", ""))
    for name in item.qualifiers:
        if item.quantity == "Q6" and name in HORIZON:
            yield HORIZON[name]
        elif name not in numbers.SAID_BY_INTERVAL:
            yield numbers.QUALIFIERS[name]
    if "pairs" in item.details:
        sides = (f"{item.details[key]} {words}" for key, words in PAIRS.items())
        yield f"{item.details['pairs']} pairs: {', '.join(sides)}"
    if item.quantity in {"Q1", "Q2"}:
        yield f"{_count(item.details['solved'], 'run')} solved"
    longer = item.details.get("share_of_tasks_longer")
    if longer is not None:
        yield f"{100 * longer:.0f} % of tasks are longer"
    yield from _curve(item)


def _bullet(words: str, indent: str = "") -> str:
    return textwrap.fill(
        visible(words), WIDTH, initial_indent=f"{indent}- ", subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )
