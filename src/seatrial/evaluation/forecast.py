"""What a review would run and may cost, said before anything runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from math import log2
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.battery import family_by_id
from seatrial.battery.ladder import caps, design_minutes
from seatrial.battery.tiers import REPEATS, repeat_share
from seatrial.evaluation.plan import Rounds
from seatrial.evaluation.request import cells_of, notices, sampling_of, usable_calibration
from seatrial.evaluation.rounds import design_of
from seatrial.evaluation.rows import item_of
from seatrial.measurement.bank import Bank
from seatrial.measurement.planning import expectations

if TYPE_CHECKING:
    from seatrial.battery.tiers import Cell
    from seatrial.evaluation.request import Request
    from seatrial.measurement.outcomes import Floats

CLUSTERS_WANTED = 15  # below that many clusters no statement about "instances like these" is made
ENDPOINT_SAMPLES = 8  # run at once while most of them wait for an endpoint
OPEN_LADDER = 2.0  # times the minutes of the level below, where a level has no design target
SEED = 1  # of the rehearsals: the same request gets the same forecast


def forecast(request: Request) -> dict[str, Any]:
    """Counts, caps and what they bound. Raises `RunError` for a request that cannot be met."""
    cells = cells_of(request)
    table: dict[str, dict[int, int]] = {}
    for (family, level), count in sorted(Counter((cell.family, cell.level) for cell in cells).items()):
        table.setdefault(family, {})[level] = count
    repeats = round(repeat_share(request.tier) * len(cells)) * (REPEATS - 1)
    tokens = sum(request.limit_tokens or caps(cell.level).tokens for cell in cells)
    techniques = sum(
        min(len(family_by_id(family).techniques), sum(levels.values())) for family, levels in table.items()
    )
    participants = [*([request.alias or request.model] if request.model else []), *request.participants]
    return {
        "tier": request.tier,
        "families": table,
        "instances": len(cells),
        "attempts": len(cells) + repeats,
        "participants": participants,
        "caps": {str(level): caps(level).tokens for level in sorted({cell.level for cell in cells})},
        "notes": list(_notes(request, tokens, techniques)),
    }


def precision(request: Request) -> dict[str, Any]:
    """What the wanted precision needs, and what else the review would show. Raises as `forecast` does."""
    cells = cells_of(request)
    calibration = usable_calibration(request, cells)
    sampling = sampling_of(request, "0" * 64, calibration)
    rng = np.random.default_rng(SEED)
    bank, octaves = likely_bank(cells, rng)
    found = expectations(
        bank,
        octaves,
        rng,
        design=design_of(sampling) if isinstance(sampling, Rounds) else None,
        calibration=calibration,
        wanted=float(Decimal(request.precision)),
    )
    runs = found[0].runs
    most = sorted(((_tokens(request, cell), _seconds(request, cell)) for cell in cells), reverse=True)[:runs]
    return {
        "wanted": request.precision,
        "instances": len(bank),
        "clusters": len(np.unique(bank.family)),
        "runs": runs,
        "tokens_at_most": sum(tokens for tokens, _ in most) if request.model else 0,
        "hours_at_most": round(
            sum(seconds for _, seconds in most) / 3600 / (ENDPOINT_SAMPLES if request.model else 1), 1
        ),
        "expectations": [asdict(item) for item in found],
        "notes": list(notices(request)),
    }


def likely_bank(cells: tuple[Cell, ...], rng: np.random.Generator) -> tuple[Bank, Floats]:
    """A bank as the cells will probably give it, techniques drawn at random; and log2 of the designed minutes."""
    family, item = [], []
    for cell in cells:
        made = family_by_id(cell.family)
        technique = str(rng.choice(made.techniques))
        family.append(f"{cell.family}/{technique}")
        item.append(item_of(cell.family, made.version, cell.level, technique))
    tasks = [f"{cell.family}-L{cell.level}-{cell.index}" for cell in cells]
    bank = Bank.of(tasks, family, item=item, level=[float(cell.level) for cell in cells])
    return bank, np.array([log2(_minutes(cell.level)) for cell in cells])


def _minutes(level: int) -> float:
    known = design_minutes(level)
    return float(known) if known else OPEN_LADDER * _minutes(level - 1)


def _tokens(request: Request, cell: Cell) -> int:
    return request.limit_tokens or caps(cell.level).tokens


def _seconds(request: Request, cell: Cell) -> int:
    return (request.limit_working_s or caps(cell.level).working_s) if request.model else request.participant_budget_s


def _notes(request: Request, tokens: int, techniques: int) -> list[str]:
    notes = []
    if request.model:
        most = min(tokens, request.total_tokens or tokens)
        notes.append(f"at most {most:,} tokens before repeats, plus the calls in flight when a cap is reached")
        if not request.usd_per_million[0]:
            notes.append("no prices given: money is not counted; --usd-per-million INPUT OUTPUT counts it")
    if techniques < CLUSTERS_WANTED:
        notes.append(
            f"about {techniques} clusters of challenges: {CLUSTERS_WANTED} are needed before the report says anything "
            "about challenges like these; it will state success on exactly these instead"
        )
    return notes
