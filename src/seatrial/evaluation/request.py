"""What somebody asks for, whether it can be met, and what follows from it before anything is generated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from seatrial.battery import family_by_id
from seatrial.battery.ladder import caps
from seatrial.battery.tiers import expand, repeat_share
from seatrial.evaluation import scaffold
from seatrial.evaluation.comparable import WITHOUT_MODEL, Comparison
from seatrial.evaluation.participants import check_participant
from seatrial.evaluation.plan import LevelCaps, Rounds, Sampling
from seatrial.evaluation.rounds import design_of, read_calibration
from seatrial.evaluation.rundir import RunError
from seatrial.measurement.adaptive import Design
from seatrial.measurement.calibration import MIN_CALIBRATORS

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.battery.tiers import Cell
    from seatrial.evaluation.plan import Mode
    from seatrial.measurement.calibration import Calibration


@dataclass(frozen=True)
class Request:
    """What somebody asks for; everything else follows from the tier."""

    model: str = ""
    alias: str = ""
    participants: tuple[str, ...] = ("reference", "fuzzer", "static", "null")
    tier: str = "screen"
    families: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    instances: int | None = None
    seed: str = ""
    limit_tokens: int | None = None
    limit_turns: int | None = None
    limit_working_s: int | None = None
    total_tokens: int | None = None
    total_usd: str | None = None
    total_s: int | None = None
    usd_per_million: tuple[str, str] = ("", "")
    outage_grace_s: int = 900
    participant_budget_s: int = 60
    precision: str = ""  # wanted half-width as a share, e.g. "0.05"; empty: every instance runs
    first: int = Design.first
    block: int = Design.block
    cap: int = Design.cap
    mode: Mode = "auto"
    calibration: Path | None = None
    at_least: tuple[str, ...] = ()  # shares of success whose exceeding the report tests, as decimal text


def cells_of(request: Request) -> tuple[Cell, ...]:
    """The cells that a request asks for; `RunError` or `ValueError` when it cannot be met."""
    if request.total_usd and not request.usd_per_million[0]:
        raise RunError("--total-usd needs the prices: --usd-per-million INPUT OUTPUT")
    if not request.model and not request.participants:
        raise RunError("nothing to review: name a --model or a --participant")
    if not request.precision and (request.calibration or request.mode != Request.mode):
        raise RunError("--calibration and --mode are about an adaptive review: name its --precision, e.g. 0.05")
    if request.precision and request.at_least:
        raise RunError("--at-least needs every instance run: no test holds on picked ones; leave --precision out")
    cells = expand(
        request.tier, families=request.families or None, levels=request.levels or None, instances=request.instances
    )
    families = [family_by_id(name) for name in sorted({cell.family for cell in cells})]
    for name in request.participants:
        check_participant(name, families)
    return cells


def sampling_of(request: Request, order_seed: str, calibration: Calibration | None) -> Sampling | Rounds:
    """How instances are chosen: all of them, or in rounds when a precision is asked for."""
    if not request.precision:
        return Sampling(order_seed=order_seed, repeat_share_percent=round(100 * repeat_share(request.tier)))
    try:
        rounds = Rounds(
            order_seed=order_seed,
            precision=request.precision,
            first=request.first,
            block=request.block,
            cap=request.cap,
            mode=request.mode,
            calibration_sha256=hashlib.sha256(calibration.to_json().encode()).hexdigest() if calibration else "",
        )
        design_of(rounds)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"--{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:
        raise RunError(str(error)) from error
    return rounds


def usable_calibration(request: Request, cells: tuple[Cell, ...]) -> Calibration | None:
    """The calibration that a request names; `RunError` says what of the review it was not made for."""
    if request.calibration is None:
        return None
    calibration = read_calibration(request.calibration)
    try:
        made = Comparison.read(calibration.comparison_key)
    except ValueError as error:
        raise RunError(f"{request.calibration}: {error}") from error
    asked = comparison_of(request, cells)
    differing = asked.differences(made)
    if differing:
        raise RunError(
            f"{request.calibration}: made for another review ({', '.join(differing)} differ); leave --calibration out "
            "and the review draws with known chances instead"
        )
    return calibration


def notices(request: Request) -> tuple[str, ...]:
    """What somebody who asks for this should know before it starts. Raises as `prepare` does."""
    cells = cells_of(request)
    calibration = usable_calibration(request, cells)
    sampling_of(request, "0" * 64, calibration)
    if calibration is None or calibration.usable >= MIN_CALIBRATORS:
        return ()
    few = f"{request.calibration}: {calibration.usable} usable calibrators, {MIN_CALIBRATORS} needed"
    return (f"{few}: probability mode is used, instances are drawn with known chances",)


def comparison_of(request: Request, cells: tuple[Cell, ...]) -> Comparison:
    """What a request's review may be compared by, before it is planned."""
    levels = {str(level): level_caps(level, request) for level in sorted({cell.level for cell in cells})}
    caps = {level: (cap.tokens, cap.working_s, cap.turns) for level, cap in levels.items()}
    return Comparison(
        scaffold.digest() if request.model else WITHOUT_MODEL,
        caps if request.model else dict.fromkeys(levels, (request.participant_budget_s,)),
        {name: family_by_id(name).version for name in sorted({cell.family for cell in cells})},
    )


def level_caps(level: int, request: Request) -> LevelCaps:
    """Caps of one attempt: what was asked for, else the ladder's."""
    row = caps(level)
    return LevelCaps(
        tokens=request.limit_tokens or row.tokens,
        working_s=request.limit_working_s or row.working_s,
        turns=request.limit_turns or row.turns,
    )
