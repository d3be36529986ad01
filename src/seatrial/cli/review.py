"""`seatrial plan | review | resume | stop | report`: one review from the terminal."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.errors import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from seatrial.cli.submitted_review import SubmittedReview
    from seatrial.evaluation.campaign import Progress
    from seatrial.evaluation.request import Request
    from seatrial.evaluation.submission import Access

RUNS = Path("runs")
_SIZES = {"first": "first", "later": "block", "cap": "cap"}  # options and the fields that they set


def _requested(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a review is; `plan` and `review` share them."""
    options = [
        click.option("--model", default="", help="An Inspect model, e.g. openai-api/LAB/NAME or anthropic/NAME."),
        click.option("--model-base-url", default="", help="The endpoint, where the provider's own is not meant."),
        click.option("--alias", default="", help="Code name of the model in everything that is written."),
        click.option(
            "--participant",
            "participants",
            multiple=True,
            help="A participant without a model; may be repeated. Default: reference, fuzzer, static, null.",
        ),
        click.option("--tier", default="screen", show_default=True, help="ci, screen or standard."),
        click.option("--families", default="", help="Comma-separated; default: all of the tier."),
        click.option("--levels", default="", help="Comma-separated, e.g. 1,2,3; default: all of the tier."),
        click.option("--instances", type=click.IntRange(1), help="Instances per family and level."),
        click.option("--seed", default="", help="Any text; equal seeds give equal challenges. Default: a fresh one."),
        click.option("--limit-tokens", type=click.IntRange(1), help="Tokens of one attempt; default by level."),
        click.option("--limit-turns", type=click.IntRange(1), help="Model calls of one attempt; default by level."),
        click.option("--limit-minutes", type=click.FloatRange(0, min_open=True), help="Working time of one attempt."),
        click.option("--total-tokens", type=click.IntRange(1), help="Tokens of the whole review."),
        click.option("--total-usd", help="Money of the whole review; needs --usd-per-million."),
        click.option("--total-hours", type=click.FloatRange(0, min_open=True), help="Time of the whole review."),
        click.option("--usd-per-million", nargs=2, default=("", ""), help="Prices of input and output tokens."),
        click.option("--precision", default="", help="Half-width to reach, e.g. 0.05: picks in rounds, runs fewer."),
        click.option("--first", type=click.IntRange(1), help="Runs of each of the first rounds.  [default: 20]"),
        click.option("--later", type=click.IntRange(1), help="Runs of each later round.  [default: 15]"),
        click.option("--cap", type=click.IntRange(1), help="Most runs of an adaptive review.  [default: 120]"),
        click.option("--mode", default="auto", type=click.Choice(("auto", "information", "probability"))),
        click.option("--calibration", type=click.Path(path_type=Path), help="From `seatrial calibration fit`."),
        click.option(
            "--at-least",
            multiple=True,
            help="A share, e.g. 0.5: the report tests whether success lies above it. Registered; may be repeated.",
        ),
        click.option("--tool-seconds", default=60, show_default=True, help="CPU seconds of a searching tool."),
        click.option("--outage-grace", default=900, show_default=True, help="Seconds to wait for an endpoint."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _reached(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how a submission is reached; `review` and `resume` share them."""
    options = [
        click.option(
            "--submission", default="", help="Review a submission through the gateway; --model as it serves it."
        ),
        click.option(
            "--lease", type=click.Path(path_type=Path, dir_okay=False), help="A lease's file, with --gateway."
        ),
        click.option("--gateway", default="", help="A running gateway's address. Default: one for this review alone."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _check_way(chosen: dict[str, Any], model: str) -> None:
    """Raise `UsageError` for options of the way to a submission that do not go together."""
    from seatrial.framework.identifier import check_id

    submission, lease, gateway = chosen["submission"], chosen["lease"], chosen["gateway"]
    if not submission and (lease or gateway):
        raise click.UsageError("--lease and --gateway are for a submission: name it with --submission")
    if bool(lease) != bool(gateway):
        raise click.UsageError("--lease and --gateway go together; leave both out for a gateway of the review's own")
    if submission:
        check_id(submission, "--submission")
        if not model:
            raise click.UsageError("--submission needs --model: the name under which its endpoint serves it")


def _access(chosen: dict[str, Any], model: str) -> AbstractContextManager[Access | None]:
    """The way to the submission that was named; nothing when none was."""
    from seatrial.cli.gateway import for_review
    from seatrial.custody.secret import Secret
    from seatrial.evaluation.submission import Access

    submission, lease, gateway = chosen["submission"], chosen["lease"], chosen["gateway"]
    if not submission:
        return nullcontext()
    if lease:
        token = Secret(lease.read_bytes().strip())
        return nullcontext(Access.through(submission, model, gateway.rstrip("/"), token))
    return for_review(submission, model)


def _request(chosen: dict[str, Any]) -> Request:
    from seatrial.evaluation.request import Request

    minutes, hours = chosen["limit_minutes"], chosen["total_hours"]
    sizes = {field: chosen[name] for name, field in _SIZES.items() if chosen[name] is not None}
    if sizes and not chosen["precision"]:
        raise click.UsageError("--first, --later and --cap size an adaptive review's rounds: name its --precision")
    return Request(
        model=chosen["model"],
        alias=chosen["alias"],
        participants=chosen["participants"] or Request.participants,
        tier=chosen["tier"],
        families=tuple(item for item in chosen["families"].split(",") if item),
        levels=_levels(chosen["levels"]),
        instances=chosen["instances"],
        seed=chosen["seed"],
        limit_tokens=chosen["limit_tokens"],
        limit_turns=chosen["limit_turns"],
        limit_working_s=round(minutes * 60) if minutes else None,
        total_tokens=chosen["total_tokens"],
        total_usd=_money("--total-usd", chosen["total_usd"]) if chosen["total_usd"] else None,
        total_s=round(hours * 3600) if hours else None,
        usd_per_million=(_price(chosen, 0), _price(chosen, 1)),
        outage_grace_s=chosen["outage_grace"],
        participant_budget_s=chosen["tool_seconds"],
        precision=chosen["precision"],
        mode=chosen["mode"],
        calibration=chosen["calibration"],
        at_least=tuple(_share(text) for text in chosen["at_least"]),
        **sizes,
    )


def _price(chosen: dict[str, Any], which: int) -> str:
    text = chosen["usd_per_million"][which]
    return _money("--usd-per-million", text) if text else ""


def _share(text: str) -> str:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise click.UsageError(f"--at-least {text!r}: write a share between 0 and 1, e.g. 0.5")
    return text


def _levels(text: str) -> tuple[int, ...]:
    try:
        levels = tuple(int(item) for item in text.split(",") if item)
    except ValueError:
        raise click.UsageError(f"--levels {text!r}: write numbers separated by commas, e.g. 1,2,3") from None
    if any(level < 1 for level in levels):
        raise click.UsageError(f"--levels {text!r}: levels start at 1")
    return levels


def _money(option: str, text: str) -> str:
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise click.UsageError(f"{option} {text!r}: write an amount in USD, e.g. 2.50") from None
    if not amount.is_finite() or amount < 0:
        raise click.UsageError(f"{option} {text!r}: must not be negative")
    return str(amount)


@click.command()
@_requested
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(*, as_json: bool, **chosen: Any) -> None:  # noqa: ANN401 - the options by name
    """Say what a review would run and may cost, before anything runs; with --precision, what that takes."""
    from seatrial.evaluation.forecast import forecast, precision

    with spoken():
        figures = forecast(_request(chosen))
        if chosen["precision"]:
            figures["precision"] = precision(_request(chosen))
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    click.echo(f"{figures['instances']} instances of {len(figures['families'])} families, tier {figures['tier']}")
    for family, levels in figures["families"].items():
        counts = ", ".join(f"{count} of L{level}" for level, count in levels.items())
        click.echo(f"  {family:<12} {counts}")
    if chosen["precision"]:
        _say_precision(figures["precision"], figures["participants"])
    else:
        click.echo(f"{figures['attempts']} attempts for each of: {', '.join(figures['participants'])}")
    for line in figures["notes"]:
        click.echo(f"- {line}")


def _say_precision(found: dict[str, Any], participants: list[str]) -> None:
    """The runs that a precision takes, and a line for each quantity."""
    points = 100 * float(found["wanted"])
    cost = f"{found['tokens_at_most']:,} tokens and " if found["tokens_at_most"] else ""
    click.echo(f"wanted: ±{points:g} points on success on exactly these {found['instances']} instances")
    click.echo(
        f"about {found['runs']} runs, {cost}{found['hours_at_most']} hours, for each of: {', '.join(participants)}"
    )
    for item in found["expectations"]:
        click.echo(f"  {item['quantity']:<4} {item['about']}: {_worth(item)}")
        if item["remark"]:
            click.echo(f"       {item['remark']}")
    for line in found["notes"]:
        click.echo(f"- {line}")


def _worth(item: dict[str, Any]) -> str:
    value = item["expected"]
    if value is None:
        return "nothing to expect"
    words = {
        "half-width": f"±{100 * value:.2g} points",
        "factor": f"limits a factor {value:.2g} from the estimate",
        "power": f"with probability {value:.0%}",
    }[item["measure"]]
    return words if item["reachable"] else f"{words}, wanted ±{100 * item['wanted']:.2g}: out of reach"


@click.command()
@_requested
@_reached
@click.option("--out", type=click.Path(path_type=Path), help="Run directory; default: runs/DATE-TIME.")
def review(*, out: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - the options by name
    """Run a review: generate and verify challenges, run them in sealed boxes, grade, estimate, report."""
    from seatrial.evaluation import campaign
    from seatrial.evaluation.request import notices

    path = out or RUNS / time.strftime("%Y%m%d-%H%M%S")
    with spoken():
        _check_way(chosen, chosen["model"])
        here = _here(chosen)
        if here:
            here.check()
    with spoken(), _access(chosen, chosen["model"]) as access, _watching() as tell:
        request = _request(chosen)
        request = access.asked(request) if access else request
        for line in notices(request):
            click.echo(f"- {line}", err=True)
        if here:
            here.enter(path)
        with here.shown_closed() if here else nullcontext():
            plan = campaign.prepare(request, path, tell, access=access)
        if here:
            here.planned(plan)
        state = _run(path, tell, access, here, chosen["model_base_url"])
    _report(path, state, here)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--model-base-url", default="", help="The endpoint, as given to `review`.")
@_reached
def resume(run: Path, model_base_url: str, **chosen: Any) -> None:  # noqa: ANN401 - the options by name
    """Carry on with a review that was stopped, paused or killed; finished samples are kept."""
    from seatrial.evaluation.campaign import check_resumable

    with spoken():
        model = check_resumable(run, chosen["submission"]).subject.model.rpartition("/")[2]
        _check_way(chosen, model)
        here = _here(chosen)
        if here:
            here.check()
    with spoken(), _access(chosen, model) as access, _watching() as tell:
        if here:
            here.enter(run)
        state = _run(run, tell, access, here, model_base_url)
    _report(run, state, here)


def _run(
    path: Path, tell: Callable[[Progress], None], access: Access | None, here: SubmittedReview | None, base_url: str
) -> str:
    """Run what is left; of a submission with its endpoint asked first, and its part written into the record."""
    from seatrial.cli.submitted_review import first_questions
    from seatrial.evaluation import campaign

    if access is None or here is None:
        if access is not None:
            first_questions(path, access)
        return campaign.execute(path, tell, base_url=base_url, access=access)
    here.closed(path, access)
    state = campaign.execute(
        path, tell, base_url=base_url, access=access, begin=lambda attempt: here.began(path, access, attempt)
    )
    here.ended(path, state)
    return state


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--reason", default="by request", show_default=True, help="Written into the record.")
def stop(run: Path, reason: str) -> None:
    """End a running review within seconds; what was in flight is censored, not failed."""
    from seatrial.evaluation import campaign

    started = time.monotonic()
    with spoken():
        campaign.stop(run, reason)
    click.echo(f"stopped after {time.monotonic() - started:.1f} s; `seatrial resume {run}` carries on")


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def report(run: Path) -> None:
    """Write assessment.json, report.html and the transcripts of a run again, from its rows."""
    from seatrial.report import write_report

    with spoken():
        click.echo(write_report(run))


def _here(chosen: dict[str, Any]) -> SubmittedReview | None:
    """The submission, where its installation is this one; with a lease from elsewhere its record is elsewhere."""
    from seatrial.cli.submitted_review import SubmittedReview

    return SubmittedReview(chosen["submission"]) if chosen["submission"] and not chosen["lease"] else None


def _report(path: Path, state: str, here: SubmittedReview | None) -> None:
    from seatrial.report import write_report

    with spoken():
        page = write_report(path)
        if here and state == "finished":
            here.drafted(page.with_name("assessment.json"))
    click.echo(f"review {state}")
    click.echo(f"report: {page.resolve()}")
    if state != "finished":
        click.echo(here.goes_on(path) if here else f"carry on with: seatrial resume {path}")
        sys.exit(4)


@contextmanager
def _watching() -> Iterator[Callable[[Progress], None]]:
    """Show progress: a live line at a terminal, a line per stage and ten per cent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from seatrial.evaluation.progress import describe

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}
        shown: dict[str, int] = {}

        def tell(now: Progress) -> None:
            text = describe(now)
            if console.is_terminal:
                if now.stage not in tasks:
                    tasks[now.stage] = bar.add_task(text, total=None)
                bar.update(tasks[now.stage], description=text, completed=now.done, total=now.total or None)
                return
            tenth = 10 * now.done // now.total if now.total else 0
            if shown.get(now.stage) != tenth:
                shown[now.stage] = tenth
                console.print(f"{text} {now.done}/{now.total}" if now.total else text, highlight=False, soft_wrap=True)

        yield tell
