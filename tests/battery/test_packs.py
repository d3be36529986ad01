from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.battery import PackError, UnknownFamily, family_by_id, family_ids, gate, packs

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.instance import InstanceKey
    from seatrial.sandbox import Boxes


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds a distribution into a folder on the path, as `pip install --target` would lay it out."""
    made = []

    def make(name: str, module: str, source: str, points: dict[str, str]) -> Path:
        site = tmp_path / name
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{key} = {value}\n" for key, value in points.items())
        (info / "entry_points.txt").write_text(f"[{packs.GROUP}]\n{lines}")
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        made.append(module)
        return site

    packs.load.cache_clear()
    yield make
    packs.load.cache_clear()
    for module in made:
        sys.modules.pop(module, None)


TOY = """
from dataclasses import dataclass
import toyfamily

@dataclass(frozen=True)
class Lock(toyfamily.Toy):
    id: str = "acme-lock"
    visibility: str = "private"

FAMILY = Lock()
"""


def test_a_private_pack_goes_through_the_same_gate(
    install: Callable[..., Path], key: Callable[..., InstanceKey], boxes: Boxes
) -> None:
    install("acme-pack", "acme_pack", TOY, {"acme-lock": "acme_pack:FAMILY"})
    assert "acme-lock" in family_ids()
    family = family_by_id("acme-lock")
    manifest = gate.verify(family, key("acme-lock"), boxes)
    assert manifest.first_broken == ""
    assert manifest.public()["visibility"] == "private"


def test_a_pack_built_and_installed_by_pip_is_found(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "acme_lock.py").write_text(TOY)
    (project / "pyproject.toml").write_text(
        textwrap.dedent("""
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "acme-lock-pack"
        version = "1.0"
        [project.entry-points."seatrial.families"]
        acme-lock = "acme_lock:FAMILY"
        [tool.hatch.build.targets.wheel]
        only-include = ["acme_lock.py"]
        """)
    )
    target = tmp_path / "site"
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, *pip, str(target), str(project)], check=True)
    ask = "from seatrial.battery import family_by_id; print(family_by_id('acme-lock').visibility)"
    path = os.pathsep.join([str(target), str(Path(__file__).parent)])
    found = subprocess.run(
        [sys.executable, "-c", ask], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert found.stdout == "private\n"


def test_a_missing_attribute_is_named_with_its_distribution(install: Callable[..., Path]) -> None:
    source = "class F:\n    id = 'acme-bare'\n    version = '1'\nFAMILY = F()\n"
    install("acme-bare-pack", "acme_bare", source, {"acme-bare": "acme_bare:FAMILY"})
    with pytest.raises(PackError, match=r"acme-bare \(acme-bare-pack, .*acme_bare:FAMILY\): the family lacks title"):
        family_by_id("acme-bare")


@pytest.mark.parametrize(
    ("source", "place", "said"),
    [
        ("x = 1", "acme_x:FAMILY", "has no attribute FAMILY"),
        ("raise RuntimeError('no licence file')", "acme_x:FAMILY", "RuntimeError: no licence file"),
        ("import not_there_at_all", "acme_x:FAMILY", "no module not_there_at_all"),
        (TOY, "acme_x:FAMILY", "calls itself 'acme-lock'"),
    ],
)
def test_a_pack_that_does_not_load_says_why(install: Callable[..., Path], source: str, place: str, said: str) -> None:
    install("acme-x-pack", "acme_x", source, {"acme-x": place})
    with pytest.raises(PackError, match=said) as caught:
        family_by_id("acme-x")
    assert "acme-x-pack" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_broken_pack_does_not_hide_the_others(install: Callable[..., Path]) -> None:
    install("acme-x-pack", "acme_x", "raise RuntimeError", {"acme-x": "acme_x:FAMILY"})
    install("acme-pack", "acme_pack", TOY, {"acme-lock": "acme_pack:FAMILY"})
    assert family_by_id("acme-lock").id == "acme-lock"


def test_two_claims_on_one_id_are_refused(install: Callable[..., Path]) -> None:
    install("acme-pack", "acme_pack", TOY, {"acme-lock": "acme_pack:FAMILY"})
    install("other-pack", "other_pack", TOY, {"acme-lock": "other_pack:FAMILY"})
    with pytest.raises(PackError, match="claimed by acme-pack and other-pack"):
        family_by_id("acme-lock")


def test_a_built_in_id_cannot_be_taken(install: Callable[..., Path]) -> None:
    install("acme-pack", "acme_pack", TOY, {"memfind": "acme_pack:FAMILY"})
    with pytest.raises(PackError, match="'memfind' is claimed by acme-pack and seatrial itself"):
        family_ids()


def test_an_unknown_family_names_the_nearest() -> None:
    with pytest.raises(UnknownFamily, match="did you mean memfind"):
        family_by_id("memfnd")
    with pytest.raises(UnknownFamily, match="known: memfind, patch"):
        family_by_id("zzz")


def test_a_built_in_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packs.BUILT_IN, "absent", "seatrial.battery.families.absent:FAMILY")
    with pytest.raises(PackError, match=r"no module seatrial\.battery\.families\.absent; reinstall seatrial"):
        family_by_id("absent")
