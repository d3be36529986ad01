"""Patches of findings against proofs of clusters: what joins by itself, what a person decides, what speaks for two."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.grouping import Matrix, Outcome
from seatrial.clearinghouse.spread import Lost
from seatrial.clearinghouse.steps import Desk, Matrices, Reproduction, cluster_findings
from seatrial.clearinghouse.steps.chains import Chains
from seatrial.clearinghouse.steps.proposals import proposals
from support.findings import HOUSE, SENDER, Kept, kept, source
from support.framework import BUREAU, DAY, T0
from support.told_boxes import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.steps.matrix import Sheet

PROJECT = "pkg:generic/one"
PERSON = Actor("per-analyst", "analyst")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Kept]:
    with kept("memory", tmp_path) as found:
        yield found


@dataclass
class Stops:
    """Boxes in which a patch stops the proofs that its text names, and turns tests red where it says so."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def run(self, step: Callable[..., Any], items: Iterable[tuple[str, Sheet]]) -> Iterator[tuple[str, Any]]:
        del step
        for name, sheet in items:
            cells = {("", proof.sha256): Outcome.STILL for proof, _ in sheet.proofs}
            for patch, diff in sheet.patches:
                words = diff.decode().split()
                for proof, pov in sheet.proofs:
                    self.asked.append((diff.decode(), pov.decode()))
                    if "red" in words:
                        cells[patch.sha256, proof.sha256] = Outcome.TESTS_RED
                    elif "waver" not in words:
                        stopped = pov.decode() in words
                        cells[patch.sha256, proof.sha256] = Outcome.STOPPED if stopped else Outcome.STILL
            made = Matrix(tuple(one for one, _ in sheet.patches), tuple(one for one, _ in sheet.proofs), cells)
            yield name, Lost("its worker died") if any(diff == b"+dies" for _, diff in sheet.patches) else made


def bring(at: Kept, *given: tuple[str, str]) -> dict[str, str]:
    """Findings by their proof, each with its patch (or none), each from a run of its own; the cluster of each."""
    ids = {}
    for number, (pov, patch) in enumerate(given):
        artefacts = [{"role": "pov", "name": "pov", "text": pov}]
        artefacts += [{"role": "patch", "name": "fix.diff", "text": f"+{patch}"}] if patch else []
        recipe = {"image": "host", "run": ["./target", "{pov}"], "test": ["make", "check"]}
        one = {"purl": PROJECT, "title": pov, "artefacts": artefacts, "recipe": recipe}
        [receipt] = at.take([source([one])], sender=replace(SENDER, run=f"trial-{number}"))
        ids[pov] = receipt.id
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY, Told())
    list(boxes.run(HOUSE, list(boxes.waiting(HOUSE))))
    cluster_findings(at.store, HOUSE, BUREAU, T0 + DAY)
    held = at.store.findings(HOUSE, list(ids.values()))
    return {pov: held[name].cluster_id for pov, name in ids.items()}


def matrices(at: Kept, boxes: Stops | None = None) -> Matrices:
    return Matrices(at.store, at.blobs, lambda: T0 + 2 * DAY, boxes or Stops())


def cluster(at: Kept, name: str) -> Cluster:
    [found] = at.store.clusters(HOUSE, [name])
    return found


BOTH = (("abcd", " abcd wxyz first"), ("wxyz", " abcd wxyz second"))


def test_patches_that_agree_both_ways_join_with_their_evidence_and_once(at: Kept) -> None:
    home = bring(at, *BOTH)
    boxes = Stops()
    found = matrices(at, boxes).run(HOUSE, PROJECT)
    assert (found.cells, found.joined, found.proposed) == (4, ((home["abcd"], home["wxyz"]),), ())
    one = cluster(at, home["abcd"])
    assert len(one.members) == 2
    assert [ground.kind for ground in one.evidence] == ["two_way_patches"]
    assert cluster(at, home["wxyz"]).merged_into == one.cluster_id
    last = at.store.events(HOUSE, one.cluster_id)[-1]
    assert (last.type, last.actor.is_person) == (EventType.MERGED, False)
    again = matrices(at, boxes).run(HOUSE, PROJECT)
    assert (again.cells, again.joined, len(boxes.asked)) == (0, (), 4)


@pytest.mark.parametrize(
    ("patches", "why"),
    [
        ((" abcd wxyz first", " abcd wxyz first"), "the same change twice is one opinion"),
        ((" abcd wxyz first", " wxyz second"), "only one of them stops the other"),
        ((" abcd wxyz first", " abcd wxyz red"), "it breaks what worked"),
        ((" abcd wxyz first", " waver"), "its replays differ"),
        ((" abcd wxyz first", ""), "only one patch came"),
        ((" abcd wxyz first", "dies"), "it could not be measured"),
    ],
)
def test_less_than_that_joins_nothing(at: Kept, patches: tuple[str, str], why: str) -> None:
    home = bring(at, *zip(("abcd", "wxyz"), patches, strict=True))
    found = matrices(at).run(HOUSE, PROJECT)
    assert found.joined == (), why
    assert len({cluster(at, name).cluster_id for name in home.values()}) == 2
    offered = [(pair.one, pair.other) for pair in proposals(at.store, HOUSE)]
    assert (offered == [tuple(sorted(home.values()))]) == (patches[1] != "dies")


def parted(at: Kept, home: dict[str, str]) -> tuple[str, ...]:
    """What a person put together and then apart."""
    desk = Desk(at.store, HOUSE, PERSON, T0 + DAY)
    one = desk.merge(home["abcd"], home["wxyz"], "one check")
    desk.revert(one.cluster_id, one.constraints[0].decision, "after all not")
    [leaver] = [member.finding_id for member in one.members if member.crash_line.startswith("w")]
    desk.split(one.cluster_id, [leaver], "two checks")
    return ()


def signed_off(at: Kept, home: dict[str, str]) -> tuple[str, ...]:
    one = cluster(at, home["wxyz"])
    chains = Chains.of(at.store, HOUSE, [one.cluster_id], PERSON, T0 + DAY)
    chains.add(one.cluster_id, EventType.SIGNED_OFF, {})
    at.store.append(HOUSE, chains.made, [one.model_copy(update={"stage": Stage.SIGNED_OFF})])
    return ()


def cases(at: Kept, home: dict[str, str]) -> tuple[str, ...]:
    del at
    return tuple(home.values())


@pytest.mark.parametrize("stand", [parted, signed_off, cases])
def test_what_people_have_decided_about_is_only_proposed(
    at: Kept, stand: Callable[[Kept, dict[str, str]], tuple[str, ...]]
) -> None:
    with_case = stand(at, bring(at, *BOTH))
    found = matrices(at).run(HOUSE, PROJECT, with_case)
    assert (found.joined, len(found.proposed)) == ((), 1)
    [pair] = proposals(at.store, HOUSE)
    assert (pair.one, pair.other) == found.proposed[0]
    assert "a person has to join them" in pair.hints[0].words


def test_the_one_with_a_case_stays(at: Kept) -> None:
    home = bring(at, *BOTH)
    assert matrices(at).run(HOUSE, PROJECT, [home["wxyz"]]).joined == ((home["wxyz"], home["abcd"]),)


def test_a_patch_that_parts_its_own_cluster_proposes_a_split(at: Kept) -> None:
    home = bring(at, ("abcd", " abcd only"), ("abce", ""))
    assert home["abcd"] == home["abce"]
    for _ in range(2):
        assert matrices(at).run(HOUSE, PROJECT).parted == (home["abcd"],)
    [ground] = cluster(at, home["abcd"]).evidence
    [leaver] = ground.findings
    assert ground.kind == "split_proposed"
    pov = at.store.findings(HOUSE, [leaver])[leaver].finding.artefacts[0].sha256
    assert pov == hashlib.sha256(b"abce").hexdigest()
