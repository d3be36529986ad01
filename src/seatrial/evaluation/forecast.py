"""What a review would run and may cost, said before anything runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from seatrial.battery import family_by_id
from seatrial.battery.ladder import caps
from seatrial.battery.tiers import REPEATS, repeat_share
from seatrial.evaluation.campaign import cells_of

if TYPE_CHECKING:
    from seatrial.evaluation.campaign import Request

CLUSTERS_WANTED = 15  # below that many clusters no statement about "instances like these" is made


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
