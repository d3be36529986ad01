"""A whole assessment is committed, verified, revealed and checked; every change is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery import gate, packs, reveal
from seatrial.battery.handout import write_json
from seatrial.battery.seeds import Reveal, SeedEntry, commitment, secret_commitment

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.sandbox import Boxes

SALT, SECRET = bytes(32), bytes(range(32))


@pytest.fixture(scope="module")
def assessment(boxes: Boxes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    entries = tuple(SeedEntry.of(SECRET, "toylock", "1", level, 0) for level in (1, 2))
    found = gate.verify_all({"toylock": toyfamily.FAMILY}, entries, boxes, jobs=2)
    for verified in found:
        assert verified.reason == ""
        assert verified.manifest is not None
        write_json(folder / "manifests" / f"{verified.entry.key.id}.json", verified.manifest.public())
    sealed = Reveal(entries, SALT, commitment(entries, SALT))
    write_json(folder / "seeds.json", {**json.loads(sealed.dumps()), "run_secret": SECRET.hex()})
    plan = {"seed_commitment": sealed.commitment, "secret_commitment": secret_commitment(SECRET, SALT)}
    write_json(folder / "plan.json", plan)
    return folder


@pytest.fixture(autouse=True)
def _toy_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packs.BUILT_IN, "toylock", "toyfamily:FAMILY")


def copy(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*.json"):
        write_json(to / path.relative_to(folder), json.loads(path.read_text()))
    return to


def test_an_honest_assessment_agrees(assessment: Path) -> None:
    report = reveal.check(assessment)
    assert (report.instances, report.manifests, report.problems, report.notes) == (2, 2, (), ())


def change(path: Path, *place: str | int, value: object) -> None:
    document = json.loads(path.read_text())
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    write_json(path, document)


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("seeds.json", ("salt",), "01" * 32, "does not open"),
        ("seeds.json", ("seeds", 0, "seed"), "01" * 32, "does not open"),
        ("seeds.json", ("seeds", 1, "index"), 7, "does not open"),
        ("seeds.json", ("run_secret",), "02" * 32, "run secret"),
        ("seeds.json", ("run_secret",), "no hex", "run secret"),
        ("plan.json", ("seed_commitment",), "00" * 32, "not the one in plan.json"),
        ("plan.json", ("secret_commitment",), "00" * 32, "run secret"),
    ],
)
def test_every_change_is_found(
    name: str, place: tuple[str | int, ...], value: object, said: str, assessment: Path, tmp_path: Path
) -> None:
    folder = copy(assessment, tmp_path)
    change(folder / name, *place, value=value)
    assert any(said in problem for problem in reveal.check(folder).problems)


def test_a_changed_manifest_is_found_also_with_its_digest_made_anew(assessment: Path, tmp_path: Path) -> None:
    folder = copy(assessment, tmp_path)
    path = min((folder / "manifests").glob("*.json"))
    change(path, "files_sha256", value="0" * 64)
    assert any("changed after it was written" in problem for problem in reveal.check(folder).problems)
    document = json.loads(path.read_text())
    body = {key: item for key, item in document.items() if key not in {"timing", "manifest_sha256"}}
    from seatrial.battery.canonical import digest  # noqa: PLC0415 - only the forger needs it

    change(path, "manifest_sha256", value=digest(body))
    assert any("files_sha256 differs" in problem for problem in reveal.check(folder).problems)


def test_a_missing_and_an_unlisted_manifest_are_found(assessment: Path, tmp_path: Path) -> None:
    folder = copy(assessment, tmp_path)
    path = min((folder / "manifests").glob("*.json"))
    path.rename(path.with_name("toylock-v1-L1-ffffffffffff.json"))
    problems = " ".join(reveal.check(folder).problems)
    assert "has no manifest" in problems
    assert "is not in the seed list" in problems


def test_a_reveal_file_alone_says_what_it_cannot_show(assessment: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text((assessment / "seeds.json").read_text())
    report = reveal.check(tmp_path / "r.json")
    assert report.problems == ()
    assert len(report.notes) == 2
    with pytest.raises(ValueError, match="cannot be read"):
        reveal.check(tmp_path / "none.json")
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ValueError, match=r"plan\.json"):
        reveal.check(tmp_path / "r.json")
