"""The calibration store: what goes in, what never does, and what comes out."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from seatrial.evaluation.calibrating import Matrix, form_fits, linked
from seatrial.evaluation.calibrators import Calibrator, CalibratorStore, Form, default_path, opened, read_store
from seatrial.evaluation.comparable import Comparison
from seatrial.evaluation.plan import PlannedFamily, PlannedInstance, Subject
from seatrial.evaluation.rounds import read_calibration, write_calibration
from seatrial.evaluation.rows import COLUMNS, item_of
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.measurement import NotIdentifiable
from support.plans import made_plan

TECHNIQUES = tuple(f"t{number}" for number in range(4))
KEY = Comparison("scaffold", {"1": (10, 10, 10)}, {"crypto": "1"}).key


def finished(path: Path, *, solved: tuple[bool, ...] = (True, False, True, True), state: str = "finished") -> Path:
    """A run directory as a finished review of the model `secret-name`, called alpha, leaves it."""
    run = RunDirectory.create(path)
    ids = [f"crypto-v1-L1-{technique}" for technique in TECHNIQUES]
    run.register(
        made_plan(
            review=path.name,
            subject=Subject(alias="alpha", kind="model", model="openai-api/lab/secret-name"),
            families=(PlannedFamily(id="crypto", version="1", levels=(1,), instances_per_level=4),),
            instances=tuple(
                PlannedInstance(id=name, family="crypto", level=1, index=0, epochs=1, manifest_sha256="0" * 64)
                for name in ids
            ),
        )
    )
    run.write("run.json", {"state": state})
    rows = [row("alpha", name, technique, hit) for name, technique, hit in zip(ids, TECHNIQUES, solved, strict=True)]
    rows.append(row("alpha", ids[0], TECHNIQUES[0], hit=None, superseded=True))
    rows.append(row("null", ids[0], TECHNIQUES[0], hit=False))
    (path / "samples.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return path


def row(participant: str, task: str, technique: str, hit: bool | None, *, superseded: bool = False) -> str:  # noqa: FBT001
    values = dict.fromkeys(COLUMNS, "")
    numbers = ("epoch", "attempt", "turns", "tokens_in", "tokens_out", "tokens", "cap_tokens", "isolation")
    values |= dict.fromkeys(numbers, "0") | {"working_s": "0.0", "wall_s": "0.0"}
    values |= {
        "participant": participant,
        "kind": "model" if participant == "alpha" else "floor",
        "task": task,
        "item": "crypto-v1-L1",  # as releases before forms wrote it
        "family": f"crypto/{technique}",
        "generator": "crypto",
        "technique": technique,
        "level": "1",
        "superseded": str(superseded),
        "outcome": "invalid" if hit is None else "solved" if hit else "unsolved",
        "status": "lost" if hit is None else "finished",
        "score": "" if hit is None else str(float(hit)),
    }
    return ",".join(values[name] for name in COLUMNS)


def added(store: CalibratorStore, path: Path) -> str:
    return store.add(path, consent="public", note="weights are public", added="2026-01-01")


def test_a_finished_review_becomes_a_calibrator_without_a_name(tmp_path: Path) -> None:
    place = tmp_path / "own" / "store.json"
    with opened(place, write=True) as store:
        own = added(store, finished(tmp_path / "run"))
        item = store.calibrators[own]
    assert (item.solved, item.runs, item.kind) == (3, 4, "model")
    assert item.scores[item_of("crypto", "1", 1, "t1")] == (0, 1)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    text = place.read_text()
    assert "alpha" not in text
    assert "secret" not in text
    with opened(place) as again:
        assert again.calibrators == {own: item}
        assert again.exposure[item_of("crypto", "1", 1, "t0")] == 1


@pytest.mark.parametrize(
    ("note", "consent", "said"),
    [
        ("", "public", "note is empty"),
        ("this is Alpha of the lab", "given", "names 'alpha'"),
        ("Secret-Name, by mail", "given", "names 'secret-name'"),
        ("found it somewhere", "none", "only public models"),
    ],
)
def test_what_would_break_a_promise_is_refused(tmp_path: Path, note: str, consent: str, said: str) -> None:
    with pytest.raises(RunError, match=said):
        CalibratorStore().add(finished(tmp_path / "run"), consent=consent, note=note, added="2026-01-01")


def test_a_review_is_added_once_and_only_when_finished(tmp_path: Path) -> None:
    store, path = CalibratorStore(), finished(tmp_path / "run")
    own = added(store, path)
    with pytest.raises(RunError, match=f"added before, as {own}"):
        added(store, path)
    with pytest.raises(RunError, match="stopped, not finished"):
        added(store, finished(tmp_path / "other", state="stopped"))
    with pytest.raises(RunError, match="no scored run"):
        store.add(path, consent="public", note="x", added="", participant="nobody")


def test_export_and_import_are_checked(tmp_path: Path) -> None:
    store, file = CalibratorStore(), tmp_path / "given.json"
    own = added(store, finished(tmp_path / "run"))
    document = store.plain(private=False)
    assert "salt" not in document
    assert "source" not in document["calibrators"][own]
    file.write_text(json.dumps(document))
    other = CalibratorStore()
    assert other.merge(read_store(file)) == (own,)
    assert other.merge(read_store(file)) == ()
    assert other.exposure == store.exposure
    document["calibrators"][own]["note"] = "changed"
    file.write_text(json.dumps(document))
    with pytest.raises(RunError, match="changed after it was written"):
        read_store(file)
    file.write_text(json.dumps({**document, "schema": "seatrial.calibrators/9"}))
    with pytest.raises(RunError, match=r"this release reads seatrial\.calibrators/1"):
        read_store(file)
    file.write_text("[1, 2]")
    with pytest.raises(RunError, match="no file of calibrators"):
        read_store(file)


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "store.json"
    with opened(place, write=True) as store:
        own = added(store, finished(tmp_path / "run"))
    before = place.read_bytes()

    def removed() -> None:
        with opened(place, write=True) as store:
            store.remove(own)
            store.remove("zz")

    with pytest.raises(RunError, match="no calibrator 'zz'"):
        removed()
    assert place.read_bytes() == before


def test_a_removed_calibrator_leaves_its_exposure(tmp_path: Path) -> None:
    store = CalibratorStore()
    own = added(store, finished(tmp_path / "run"))
    assert store.remove(own[:4]) == own
    assert not store.calibrators
    assert store.exposure.total() == 4


def test_the_default_place_follows_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert default_path() == Path("/elsewhere/seatrial/calibrators.json")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_path() == Path("~/.local/share/seatrial/calibrators.json").expanduser()


def simulated(calibrators: int, forms: int, *, shift: float = 0.0, seed: int = 7) -> CalibratorStore:
    """Calibrators of spread ability on forms of spread difficulty; the last form is solved by the weak ones only."""
    rng, store = np.random.default_rng(seed), CalibratorStore()
    difficulty = np.linspace(-2, 2, forms)
    names = [f"crypto-v1-L1/t{place:03}" for place in range(forms)]
    store.forms = {name: Form(f"crypto/t{place:03}", 1) for place, name in enumerate(names)}
    for place, ability in enumerate(np.linspace(-2, 2, calibrators)):
        chance = 1 / (1 + np.exp(-(1.5 * (ability - difficulty - shift))))
        solved = (rng.random((4, forms)) < chance).sum(axis=0)
        solved[-1] = 4 if ability < 0 else 0
        scores = {name: (int(hit), 4) for name, hit in zip(names, solved, strict=True)}
        store.calibrators[f"{place:016x}"] = Calibrator("model", KEY, "public", "note", "2026-01-01", scores)
    return store


def test_a_calibration_holds_no_row_and_is_the_same_again(tmp_path: Path) -> None:
    store = simulated(8, 24)
    matrix = Matrix.of(store)
    made, file = matrix.calibration(1), tmp_path / "calibration.json"
    write_calibration(file, made)
    assert file.read_text() == matrix.calibration(1).to_json() == read_calibration(file).to_json()
    assert made.usable == 8
    assert made.multipliers
    assert not any(own in file.read_text() for own in store.calibrators)
    with pytest.raises(RunError, match="the plan names"):
        read_calibration(file, expected="0" * 64)
    file.write_text('{"item": []}')
    with pytest.raises(RunError, match="no calibration that this release reads"):
        read_calibration(file)


@pytest.mark.parametrize(
    ("field", "value"),
    [("usable", "many"), ("b", ["x"]), ("axis", "time"), ("spread", None), ("multipliers", {"30": 0.5}), ("item", [])],
)
def test_a_calibration_with_nonsense_in_it_is_refused(tmp_path: Path, field: str, value: object) -> None:
    record, file = json.loads(Matrix.of(simulated(6, 8)).calibration(1).to_json()), tmp_path / "calibration.json"
    file.write_text(json.dumps({**record, field: ["x"] * 8 if field == "b" else value}))
    with pytest.raises(RunError, match="no calibration that this release reads"):
        read_calibration(file)


def test_a_form_that_only_weak_calibrators_solve_is_shown_first() -> None:
    fits = form_fits(Matrix.of(simulated(10, 24)), simulated(10, 24))
    assert fits[0].item == "crypto-v1-L1/t023"
    assert fits[0].doubt == "solved rather by weak calibrators"
    assert sum(fit.doubt == "" for fit in fits) >= 20


def test_an_empty_store_and_mixed_scaffolds_say_what_to_do() -> None:
    with pytest.raises(RunError, match="calibration add"):
        Matrix.of(CalibratorStore())
    store = simulated(6, 8)
    other = Comparison("another", {"1": (10, 10, 10)}, {"crypto": "1"}).key
    first = next(iter(store.calibrators))
    store.calibrators["ff"] = Calibrator(**{**vars(store.calibrators[first]), "comparison": other})
    with pytest.raises(RunError, match="scaffold; name calibrators of one kind with --only"):
        Matrix.of(store)
    assert len(Matrix.of(store, [first]).scores) == 1


def test_a_new_calibration_goes_on_an_older_scale() -> None:
    old, new = Matrix.of(simulated(16, 60)), Matrix.of(simulated(16, 60, shift=0.5, seed=8))
    before, after = old.calibration(1), new.calibration(1)
    found = linked(after, before, new.solve_rate)
    assert not isinstance(found, NotIdentifiable)
    moved, how = found
    assert moved.scale_version == before.scale_version != after.scale_version
    assert moved.linking_se == how.se > 0
    assert abs(np.mean(moved.b) - np.mean(before.b)) < abs(np.mean(after.b) - np.mean(before.b))


def test_too_few_anchors_are_no_link() -> None:
    few = Matrix.of(simulated(8, 10))
    made = few.calibration(1)
    assert isinstance(linked(made, made, few.solve_rate), NotIdentifiable)
