"""What applies to an operator's inventory, and by when: one row for each root cause and product.

- A row stands for every asset group and every detection; an operator answers for each group whether it is exposed to
  the public. A group without an answer counts as exposed, and the row says so.
- Of several statements about one component the most exact counts (this version, then a range, then the package), of
  equally exact ones the newest document's.
- Rows are ordered by due instant, those without one last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from seatrial.clearinghouse.operators.advisories import Status
from seatrial.clearinghouse.operators.products import Fit, fit
from seatrial.clearinghouse.rating import (
    Facts,
    Known,
    NotAVector,
    automatable,
    clock_start,
    due,
    read_vector,
    total_impact,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatrial.clearinghouse.operators.advisories import Feed, Statement
    from seatrial.clearinghouse.operators.inventory import Component
    from seatrial.clearinghouse.rating import Timeline

_EXACTNESS = (Fit.VERSION, Fit.RANGE, Fit.PACKAGE, Fit.CPE, Fit.UNSURE)


@dataclass(frozen=True)
class Kev:
    """A snapshot of CISA's catalogue of known exploited vulnerabilities: its date, and when each CVE was listed."""

    as_of: str = ""
    listed: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, content: bytes) -> Kev:
        """Read the catalogue's JSON. Raises `ValueError` where it is none."""
        try:
            given = json.loads(content)
            listed = {
                one["cveID"]: datetime.strptime(one["dateAdded"], "%Y-%m-%d").replace(tzinfo=UTC)
                for one in given["vulnerabilities"]
            }
            return cls(str(given["dateReleased"]), listed)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"no KEV catalogue: {error!r}; give CISA's JSON file") from error


@dataclass(frozen=True, slots=True)
class Row:
    """One root cause in one product.

    Attributes:
        status: affected, under investigation; `not comparable` fits are affected until somebody knows better.
        groups: the asset groups in which it stands, sorted.
        versions: of the product there, sorted.
        fit: how it was matched.
        due: by when, for the most pressing group; `None` means with the next upgrade.
        forensic: look for signs of a break-in first.
        reason: what the date rests on, in words.
    """

    vulnerability: str
    product: str
    status: Status
    fit: Fit
    groups: tuple[str, ...]
    versions: tuple[str, ...]
    due: datetime | None
    forensic: bool
    reason: str
    title: str = ""
    remedy: str = ""
    document: str = ""
    sectors: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "vulnerability": self.vulnerability,
            "product": self.product,
            "status": str(self.status),
            "fit": str(self.fit),
            "groups": list(self.groups),
            "versions": list(self.versions),
            "due": self.due.isoformat() if self.due else None,
            "forensic_investigation": self.forensic,
            "reason": self.reason,
            "title": self.title,
            "remedy": self.remedy,
            "document": self.document,
            "sectors": list(self.sectors),
        }


@dataclass(frozen=True)
class Listing:
    """Rows in the order of their due instants; components that nothing could be matched with."""

    rows: tuple[Row, ...]
    without_name: int = 0


def match(
    components: Sequence[Component],
    feed: Feed,
    *,
    detected: datetime,
    exposed: Mapping[str, bool] | None = None,
    kev: Kev | None = None,
) -> Listing:
    """List what applies.

    Args:
        components: the inventory.
        feed: what is known about products.
        detected: since when the operator knows, where the KEV listing is not earlier.
        exposed: for each asset group whether the public can reach it.
        kev: the snapshot that says what is exploited.
    """
    index = _index(feed.statements)
    found: dict[tuple[str, str], list[tuple[Component, Fit, Statement]]] = {}
    for component in components:
        for vulnerability, (how, statement) in _of(component, index).items():
            if statement.status in {Status.AFFECTED, Status.UNDER_INVESTIGATION} or how is Fit.UNSURE:
                found.setdefault((vulnerability, _product(component)), []).append((component, how, statement))
    rows = [
        _row(vulnerability, product, hits, detected, exposed or {}, kev or Kev())
        for (vulnerability, product), hits in found.items()
    ]
    latest = datetime.max.replace(tzinfo=UTC)
    rows.sort(key=lambda row: (row.due or latest, row.vulnerability, row.product))
    return Listing(tuple(rows), sum(not component.nameable for component in components))


def by_sector(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows under each sector that their documents name; `unknown` where none does."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        for sector in row.sectors or ("unknown",):
            found.setdefault(sector, []).append(row)
    return dict(sorted(found.items()))


def _index(statements: Iterable[Statement]) -> dict[str, list[Statement]]:
    """Statements by the name of their package, or by the vendor and product of their CPE."""
    index: dict[str, list[Statement]] = {}
    for statement in statements:
        product = statement.product
        for key in dict.fromkeys((*map(_key, product.purls), _cpe_key(product.cpe))):
            if key:
                index.setdefault(key, []).append(statement)
    return index


def _of(component: Component, index: Mapping[str, list[Statement]]) -> dict[str, tuple[Fit, Statement]]:
    """For each vulnerability the statement that counts for a component."""
    best: dict[str, tuple[Fit, Statement]] = {}
    near = {id(one): one for key in (_key(component.purl), _cpe_key(component.cpe)) for one in index.get(key, ())}
    for statement in near.values():
        how = fit(statement.product, component.purl, component.cpe, component.version)
        if how is Fit.NONE:
            continue
        held = best.get(statement.vulnerability)
        if held is None or _rank(how, statement) > _rank(*held):
            best[statement.vulnerability] = (how, statement)
    return best


def _rank(how: Fit, statement: Statement) -> tuple[int, str, bool]:
    """More exact, then newer, then the more careful: affected before anything else."""
    return -_EXACTNESS.index(how), statement.updated, statement.status is Status.AFFECTED


def _row(
    vulnerability: str,
    product: str,
    hits: Sequence[tuple[Component, Fit, Statement]],
    detected: datetime,
    exposed: Mapping[str, bool],
    kev: Kev,
) -> Row:
    how, statement = max(((how, statement) for _, how, statement in hits), key=lambda hit: _rank(*hit))
    groups = tuple(sorted({component.group for component, _, _ in hits}))
    unanswered = [group for group in groups if group not in exposed]
    open_ = any(exposed.get(group, True) for group in groups)
    listed = kev.listed.get(vulnerability)
    timeline = due(
        Facts(
            in_kev=listed is not None,
            exposed=open_,
            automatable=_known(statement, "automatable"),
            total=_known(statement, "total"),
            kev_as_of=kev.as_of,
        )
    )
    return Row(
        vulnerability,
        product,
        Status.AFFECTED if statement.status not in {Status.AFFECTED, Status.UNDER_INVESTIGATION} else statement.status,
        how,
        groups,
        tuple(sorted({component.version for component, _, _ in hits if component.version})),
        timeline.instant(clock_start(listed, detected)),
        timeline.forensic,
        _reason(timeline, listed, kev, unanswered, exposed=open_),
        statement.title,
        statement.remedy,
        statement.document,
        statement.sectors,
    )


def _known(statement: Statement, which: str) -> Known | None:
    """What the advisory states, else what its first readable vector lets one derive."""
    stated: bool | None = getattr(statement, which)
    if stated is not None:
        return Known(stated, f"stated by {statement.document}")
    for text in statement.vectors:
        try:
            vector = read_vector(text)
        except NotAVector:
            continue
        return automatable(vector) if which == "automatable" else total_impact(vector)
    return None


def _reason(timeline: Timeline, listed: datetime | None, kev: Kev, unanswered: Sequence[str], *, exposed: bool) -> str:
    catalogue = f"KEV of {kev.as_of}" if kev.as_of else "no KEV snapshot given"
    parts = [
        f"exploited, listed {listed:%Y-%m-%d}" if listed else f"not known to be exploited ({catalogue})",
        "exposed to the public" if exposed else "not exposed",
        f"{'automatable' if timeline.automatable.yes else 'not automatable'} ({timeline.automatable.source})",
        f"{'total' if timeline.total.yes else 'partial'} impact ({timeline.total.source})",
    ]
    if unanswered:
        parts.append(f"no answer about exposure for {', '.join(unanswered)}: taken as exposed")
    return f"{timeline}: {'; '.join(parts)}"


def _product(component: Component) -> str:
    """The product of a row: the package without its version, else what the inventory calls it."""
    if component.purl:
        return component.purl.split("?")[0].split("#")[0].rpartition("@")[0] or component.purl
    return component.name or component.cpe


def _key(purl: str) -> str:
    try:
        held = PackageURL.from_string(purl) if purl else None
    except ValueError:
        return ""
    return f"{held.type}/{held.namespace or ''}/{held.name}" if held else ""


def _cpe_key(cpe: str) -> str:
    parts = cpe.removeprefix("cpe:2.3:").removeprefix("cpe:/").split(":")
    return "cpe " + ":".join(parts[1:3]).casefold() if cpe and len(parts) > 2 else ""
