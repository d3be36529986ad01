"""`seatrial measure`: the measurement room on other people's results."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import seatrial
from seatrial.cli.errors import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.evaluation.reading import Choices, Reading
    from seatrial.report.quantities import Asked


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--quantity",
    "quantities",
    multiple=True,
    help="success, generalized, budget, attempts, ability, horizon, difference, elicitation, threshold, integrity, "
    "findings, or Q1 to Q12; may be repeated. Default: all that the results can give.",
)
@click.option("--participant", "participants", multiple=True, help="Only this one; may be repeated.")
@click.option("--against", default="", help="For differences: the participant to compare with.")
@click.option("--default-arm", default="default", show_default=True, help="The arm that others are measured against.")
@click.option("--attempts", type=click.IntRange(1), help="K of: solved in at least one of K attempts.")
@click.option("--at-least", multiple=True, help="A threshold: a share as 0.5, or minutes as 60min; may be repeated.")
@click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.999), help="Of intervals.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of random draws.")
@click.option(
    "--weighting",
    default="family",
    show_default=True,
    type=click.Choice(["family", "equal"]),
    help="Of tasks in a horizon: families alike in the square root of their size, or all tasks alike.",
)
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Tables: which column is which.")
@click.option("--constant", "constants", multiple=True, metavar="OURS=VALUE", help="Tables: one value for all rows.")
@click.option("--ignore", "ignored", multiple=True, metavar="COLUMN", help="Tables: leave a column aside.")
@click.option("--budget", default="", help="Token cap of every run, or the budget in words.")
@click.option("--bank", default="", help="Name and version of the task set.")
@click.option("--partial-as-miss", is_flag=True, help="Count partial credit as not solved.")
@click.option("--family", default="", metavar="KEY", help="Tables: the column, logs: the metadata key, of families.")
@click.option("--minutes", default="", help="Published folder: human or model. Logs: metadata key. Tables: column.")
@click.option("--scorer", default="", help="Logs: the scorer that counts, SCORER.PART for a part; default: the first.")
@click.option("--arm", default="", metavar="KEY", help="Logs: what tells arms apart: solver, or a metadata key.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def measure(source: Path, *, as_json: bool, **chosen: Any) -> None:  # noqa: ANN401 - the options by name
    """Estimate from SOURCE: a table (csv, parquet), a published folder, Inspect logs, or a review's folder."""
    if "numpy" not in sys.modules:  # the arrays are small: threads that wait for each other cost more than they do
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from seatrial.report.measured import record, to_json
    from seatrial.report.measured_text import text
    from seatrial.report.quantities import answers

    with spoken(), _readable():
        reading = _read(source, _choices(chosen))
        asked = _asked(chosen)
        measured = record(reading, asked, answers(reading, asked), version=seatrial.__version__)
        page = to_json(measured) if as_json else text(measured)
    click.echo(page)


@contextmanager
def _readable() -> Iterator[None]:
    """A file that the system will not open is bad input like any other."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{error.filename or 'the source'}: cannot be read: {error.strerror or error}") from error


def _read(source: Path, choices: Choices) -> Reading:
    from seatrial.evaluation.published import is_published, read_published
    from seatrial.evaluation.tables import read_table
    from seatrial.report.measured_review import is_review, read_review

    if source.is_dir() and is_published(source):
        _mind(choices, "scorer", "arm")
        return read_published(source, choices)
    if source.is_dir() and is_review(source):
        _mind(choices, "columns", "constants", "ignored", "family", "minutes", "scorer", "arm", "bank")
        return read_review(source)
    if source.is_dir() or source.suffix in {".eval", ".json"}:
        from seatrial.evaluation.extensions._outside import read_logs

        _mind(choices, "columns", "constants", "ignored")
        return read_logs(source, choices)
    _mind(choices, "scorer", "arm")
    return read_table(source, choices)


def _mind(choices: Choices, *useless: str) -> None:
    """Refuse what this kind of source has no use for, so that nobody believes it was heeded."""
    options = {"columns": "--column", "constants": "--constant", "ignored": "--ignore"}
    for name in useless:
        if getattr(choices, name):
            raise ValueError(f"{options.get(name, f'--{name}')}: says nothing about this kind of source; leave it out")


def _choices(chosen: dict[str, Any]) -> Choices:
    from seatrial.evaluation.reading import NOT_STATED, Choices

    budget = chosen["budget"].strip().replace(",", "").replace("_", "")
    return Choices(
        columns=_pairs("--column", chosen["columns"]),
        constants=_pairs("--constant", chosen["constants"]),
        ignored=chosen["ignored"],
        budget=int(budget) if budget.isdigit() else chosen["budget"].strip() or NOT_STATED,
        bank=chosen["bank"],
        partial_as_miss=chosen["partial_as_miss"],
        family=chosen["family"],
        minutes=chosen["minutes"],
        scorer=chosen["scorer"],
        arm=chosen["arm"],
    )


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        ours, sign, theirs = text.partition("=")
        if not (sign and ours.strip() and theirs.strip()):
            raise ValueError(f"{option} {text}: write OURS=THEIRS, e.g. {option} task=task_id")
        if ours.strip() in found:
            raise ValueError(f"{option} {text}: {ours.strip()} is given twice")
        found[ours.strip()] = theirs.strip()
    return found


def _asked(chosen: dict[str, Any]) -> Asked:
    from seatrial.report.quantities import Asked, quantity_named

    return Asked(
        quantities=tuple(
            dict.fromkeys(quantity_named(word) for text in chosen["quantities"] for word in text.split(","))
        ),
        participants=chosen["participants"],
        level=chosen["level"],
        seed=chosen["seed"],
        attempts=chosen["attempts"],
        against=chosen["against"],
        default_arm=chosen["default_arm"],
        at_least=chosen["at_least"],
        weighting=chosen["weighting"],
    )
