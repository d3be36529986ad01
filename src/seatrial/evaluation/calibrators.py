"""The calibration store: what earlier reviews say of how hard each form of challenge is.

- One private file (0600). A row belongs to a calibrator under a random id; no name, alias or plan of it stands there.
- Only public models, or such as consented, calibrate; the kind of consent and a note are part of every row.
- What is exported carries a digest; a changed file, or one of another version, is refused.
- Exposure counts the reviews that ran a form; it stays when a calibrator is removed, since what was seen was seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import json
import os
import secrets
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from seatrial.battery.canonical import digest
from seatrial.evaluation.comparable import Comparison
from seatrial.evaluation.rows import item_of, read_rows
from seatrial.evaluation.rundir import RunDirectory, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.evaluation.rows import OutcomeRow

SCHEMA = "seatrial.calibrators/1"
FILE = "calibrators.json"
ID_BYTES = 8  # random; enough that two stores never name two calibrators alike
SALT_BYTES = 32
Consent = Literal["public", "given"]


@dataclass(frozen=True)
class Calibrator:
    """One model's counts on each form: solved runs and runs."""

    kind: str  # model, or tool, reference, simulated
    comparison: str  # key, see `Comparison`
    consent: Consent
    note: str
    added: str  # date
    scores: dict[str, tuple[int, int]]
    source: str = ""  # tells a run directory that was added twice; keyed with the store's salt, never exported

    @property
    def runs(self) -> int:
        """All of its runs."""
        return sum(count for _, count in self.scores.values())

    @property
    def solved(self) -> int:
        """Those solved."""
        return sum(count for count, _ in self.scores.values())


@dataclass(frozen=True)
class Form:
    """What is known of a form beforehand: its statistical family and its level."""

    family: str
    level: int


@dataclass
class CalibratorStore:
    """The content of a store; `opened` reads it, locks it and writes it back."""

    salt: str = field(default_factory=lambda: secrets.token_hex(SALT_BYTES))
    forms: dict[str, Form] = field(default_factory=dict)
    exposure: Counter[str] = field(default_factory=Counter)
    calibrators: dict[str, Calibrator] = field(default_factory=dict)

    def add(self, path: Path, *, consent: str, note: str, added: str, participant: str = "") -> str:
        """Take the rows of a finished review's subject, or of another of its participants; returns the new id.

        Raises `RunError` when the run cannot calibrate, was added before, or the note would name the participant.
        """
        if consent not in get_args(Consent):
            raise RunError(f"consent {consent!r}: only public models, or such as consented, calibrate")
        run = RunDirectory.open(path)
        plan = run.plan()
        name = participant or plan.subject.alias
        _check(run, note, {name, plan.subject.alias, plan.subject.model} - {""})
        rows = [row for row in read_rows(run.path / "samples.csv") if _counts(row, name)]
        if not rows:
            raise RunError(f"{path}: {name} has no scored run in it; there is {', '.join(plan.everybody)}")
        registered = (run.path / "plan.digest").read_text().strip()
        source = hmac.digest(bytes.fromhex(self.salt), f"{registered}\0{name}".encode(), "sha256").hex()
        known = next((own for own, item in self.calibrators.items() if item.source == source), None)
        if known is not None:
            raise RunError(f"{path}: was added before, as {known}")
        version = {family.id: family.version for family in plan.families}
        forms, runs, solved = {}, Counter[str](), Counter[str]()
        for row in rows:
            item = item_of(row.generator, version.get(row.generator, ""), row.level, row.technique)
            forms[item] = Form(row.family, row.level)
            runs[item] += 1
            solved[item] += row.score == 1.0
        made = Calibrator(
            kind=rows[0].kind,
            comparison=Comparison.of(plan, name).key,
            consent="public" if consent == "public" else "given",
            note=note.strip(),
            added=added,
            scores={item: (solved[item], runs[item]) for item in sorted(runs)},
            source=source,
        )
        return self._take(secrets.token_hex(ID_BYTES), made, forms)

    def remove(self, start: str) -> str:
        """Forget the calibrator whose id starts so; returns the id."""
        own = self.named(start)
        del self.calibrators[own]
        return own

    def named(self, start: str) -> str:
        """The one id that starts so."""
        found = [own for own in self.calibrators if start and own.startswith(start)]
        if len(found) != 1:
            there = f"there is {', '.join(self.calibrators)}" if self.calibrators else "the store is empty"
            raise RunError(f"{'no' if not found else 'more than one'} calibrator {start!r}; {there}")
        return found[0]

    def merge(self, other: CalibratorStore) -> tuple[str, ...]:
        """Take the calibrators that this store does not have yet; returns their ids."""
        fresh = tuple(own for own in other.calibrators if own not in self.calibrators)
        for own in fresh:
            item = other.calibrators[own]
            self._take(own, item, {form: other.forms[form] for form in item.scores})
        return fresh

    def plain(self, *, private: bool) -> dict[str, Any]:
        """As JSON with its digest; what is not private can be given away."""
        rows = {own: asdict(item) for own, item in sorted(self.calibrators.items())}
        used = {form for item in self.calibrators.values() for form in item.scores}
        if not private:
            rows = {own: {name: value for name, value in row.items() if name != "source"} for own, row in rows.items()}
        body = {
            "schema": SCHEMA,
            "forms": {name: asdict(form) for name, form in sorted(self.forms.items()) if private or name in used},
            "exposure": {name: self.exposure[name] for name in sorted(self.forms) if private or name in used},
            "calibrators": rows,
            **({"salt": self.salt} if private else {}),
        }
        return {**body, "sha256": digest(body)}

    @classmethod
    def read(cls, text: str, where: Path) -> CalibratorStore:
        """From JSON; `RunError` says what is wrong with the file."""
        try:
            document = json.loads(text)
            schema, claimed = document["schema"], document.pop("sha256")
            if schema != SCHEMA:
                raise RunError(f"{where}: version {schema!r}; this release reads {SCHEMA}")
            if digest(document) != claimed:
                raise RunError(
                    f"{where}: was changed after it was written; its digest is not {str(claimed)[:12]}…", code=5
                )
            if any(row["consent"] not in get_args(Consent) for row in document["calibrators"].values()):
                raise RunError(f"{where}: holds a calibrator that is neither public nor consented")
            rows = {
                str(own): Calibrator(**{**row, "scores": {form: _pair(pair) for form, pair in row["scores"].items()}})
                for own, row in document["calibrators"].items()
            }
            forms = {
                str(name): Form(str(form["family"]), int(form["level"])) for name, form in document["forms"].items()
            }
            lost = sorted({form for row in rows.values() for form in row.scores} - set(forms))
            if lost:
                raise RunError(f"{where}: nothing is said of the form {lost[0]}")
            exposure = Counter({str(name): int(count) for name, count in document["exposure"].items()})
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise RunError(f"{where}: is no file of calibrators: {type(error).__name__}: {error}") from error
        store = cls(forms=forms, exposure=exposure, calibrators=rows)
        store.salt = str(document.get("salt", store.salt))
        return store

    def _take(self, own: str, item: Calibrator, forms: dict[str, Form]) -> str:
        for name, form in forms.items():
            if self.forms.setdefault(name, form) != form:
                raise RunError(f"form {name}: family or level differ from what the store has; is its version the same?")
            self.exposure[name] += 1
        self.calibrators[own] = item
        return own


def default_path() -> Path:
    """Where the store lies unless another place is named."""
    base = os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(base) / "seatrial" / FILE


@contextlib.contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[CalibratorStore]:
    """The store of a file; with `write` held against other processes, and written back unless the block raised."""
    if not write:
        yield read_store(path) if path.exists() else CalibratorStore()
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = read_store(path) if path.exists() else CalibratorStore()
        yield store
        write_store(path, store, private=True)
    finally:
        os.close(lock)


def read_store(path: Path) -> CalibratorStore:
    """A store, or what another one exported."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from error
    return CalibratorStore.read(text, path)


def write_store(path: Path, store: CalibratorStore, *, private: bool) -> None:
    """Write a store, or what may be given away of it, readable by its owner only."""
    part = path.with_name(f".{path.name}.part")
    text = json.dumps(store.plain(private=private), indent=1, sort_keys=True) + "\n"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error}") from error


def _check(run: RunDirectory, note: str, names: set[str]) -> None:
    state = (run.read("run.json") or {}).get("state")
    if state != "finished":
        raise RunError(f"{run.path}: the review is {state}, not finished; `seatrial resume {run.path}` carries on")
    if not note.strip():
        raise RunError("the note is empty: say on what ground this model may calibrate")
    spoken = [part for own in names for part in {own, own.rpartition("/")[2]} if part and part.lower() in note.lower()]
    if spoken:
        raise RunError(f"the note names {spoken[0]!r}: a store of calibrators holds no name; say the ground only")
    if not (run.path / "samples.csv").is_file():
        raise RunError(f"{run.path}/samples.csv: missing; without its rows a run cannot calibrate")


def _counts(row: OutcomeRow, name: str) -> bool:
    return row.participant == name and not row.superseded and row.score is not None


def _pair(pair: Any) -> tuple[int, int]:  # noqa: ANN401 - JSON
    solved, runs = int(pair[0]), int(pair[1])
    if not 0 <= solved <= runs:
        raise ValueError(f"{solved} solved of {runs} runs")
    return solved, runs
