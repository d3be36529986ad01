"""A cluster's proofs on its fixed version: what verifies a fix, what leaves it open, what looks like a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.finding import Recipe
from seatrial.clearinghouse.spread import Here
from seatrial.clearinghouse.steps import Fixes, Refused, Reproduction, cluster_findings
from seatrial.clearinghouse.steps.chains import Chains
from seatrial.clearinghouse.steps.fixes import Rechecked
from support.findings import HOUSE, Kept, kept, source
from support.framework import BUREAU, DAY, T0
from support.told_boxes import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seatrial.clearinghouse.steps.fixes import Pair

RECIPE = {"image": "host", "run": ["./target", "{pov}"]}
FIXED = Recipe(image="host", run=("./fixed", "{pov}"))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Kept]:
    with kept("memory", tmp_path) as found:
        yield found


@dataclass
class Answers:
    """Boxes that answer by what follows the `#` of a proof; they see that the fixed version is run."""

    answers: dict[str, Rechecked]

    def run(self, step: Callable[..., Any], items: Iterable[tuple[str, Pair]]) -> Iterator[tuple[str, Any]]:
        del step
        for name, pair in items:
            assert (pair.fixed.recipe, pair.fixed.archives) == (FIXED, (b"tar",))
            yield name, self.answers.get((pair.case.pov or b"").decode().partition("#")[2], Rechecked())


def told(at: Kept, *povs: str, stage: Stage = Stage.OPEN) -> str:
    """One cluster of these, in a stage; its id."""
    items = [
        {
            "purl": "pkg:generic/one",
            "title": pov,
            "artefacts": [{"role": "pov", "name": "pov", "text": pov}],
            "recipe": RECIPE,
        }
        for pov in povs
    ]
    at.take([source(items)])
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY, Told())
    list(boxes.run(HOUSE, list(boxes.waiting(HOUSE))))
    cluster_findings(at.store, HOUSE, BUREAU, T0 + DAY)
    [one] = at.store.clusters(HOUSE)
    chains = Chains.of(at.store, HOUSE, [one.cluster_id], Actor("per-analyst", "analyst"), T0 + DAY)
    chains.add(one.cluster_id, EventType.DECIDED, {})
    at.store.append(HOUSE, chains.made, [one.model_copy(update={"stage": stage})])
    return one.cluster_id


def fixes(at: Kept, **answers: Rechecked) -> Fixes:
    return Fixes(at.store, at.blobs, lambda: T0 + 2 * DAY, Answers(answers))


@pytest.mark.parametrize(
    ("stage", "after"),
    [(Stage.DISCLOSED, Stage.FIX_VERIFIED), (Stage.OPEN, Stage.OPEN), (Stage.WONT_FIX, Stage.WONT_FIX)],
)
def test_a_fix_is_verified_by_every_proof_and_a_later_hit_is_a_suspicion(at: Kept, stage: Stage, after: Stage) -> None:
    name = told(at, "abcd#1", "abcd#2", stage=stage)
    found = fixes(at).verify(HOUSE, name, "1.2", b"tar", FIXED)
    assert (len(found.stopped), found.verified, found.regression) == (2, True, False)
    assert at.store.clusters(HOUSE)[0].stage is after
    assert at.store.events(HOUSE, name)[-1].type is EventType.FIX_VERIFIED
    later = fixes(at, **{"2": Rechecked(hits=1)}).verify(HOUSE, name, "1.3", b"tar", FIXED)
    assert (later.verified, later.regression, len(later.still)) == (False, True, 1)
    assert at.store.events(HOUSE, name)[-1].type is EventType.REGRESSION_SUSPECTED
    assert at.store.clusters(HOUSE)[0].stage is after


@pytest.mark.parametrize("second", [Rechecked(hits=1), Rechecked(trouble="the tests of the fixed version fail")])
def test_one_proof_is_enough_to_leave_it_open(at: Kept, second: Rechecked) -> None:
    name = told(at, "abcd#1", "abcd#2", stage=Stage.FIXED)
    found = fixes(at, **{"2": second}).verify(HOUSE, name, "1.2", b"tar", FIXED)
    assert (found.verified, found.regression, len(found.stopped)) == (False, False, 1)
    assert at.store.clusters(HOUSE)[0].stage is Stage.FIXED
    assert EventType.FIX_VERIFIED not in {event.type for event in at.store.events(HOUSE, name)}


def test_what_cannot_be_asked_is_refused(at: Kept) -> None:
    name = told(at, "abcd#1")
    with pytest.raises(Refused, match="give the fixed version"):
        fixes(at).verify(HOUSE, name, "1.2")
    with pytest.raises(Refused, match="no such cluster"):
        fixes(at).verify(HOUSE, "C-000404", "1.2", b"tar")


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  int letter = fgetc(fopen(argv[1], "rb"));
  char *cell = malloc(4); cell[letter == 'x' ? LAST : 0] = 1; free(cell);
  return 0;
}
"""


@pytest.mark.slow
def test_a_fix_is_verified_in_boxes_and_a_proof_gets_smaller(at: Kept) -> None:
    build = ["gcc", "-g", "-fsanitize=address", "-o", "target", "target.c"]
    recipe = {"image": "host", "build": build, "run": ["./target", "{pov}"], "timeout_s": 5}
    artefacts = [
        {"role": "pov", "name": "pov", "text": "xyz"},
        {"role": "harness", "name": "target.c", "text": PROGRAM.replace("LAST", "4")},
    ]
    one = {"purl": "pkg:generic/one", "title": "one", "kind": "memory", "artefacts": artefacts, "recipe": recipe}
    [receipt] = at.take([source([one])])
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY)
    [(_, verdict)] = boxes.run(HOUSE, list(boxes.waiting(HOUSE)))
    assert verdict.hits == 3
    cluster_findings(at.store, HOUSE, BUREAU, T0 + DAY)
    [cluster] = at.store.clusters(HOUSE)
    real = Fixes(at.store, at.blobs, lambda: T0 + 2 * DAY, Here())
    build = ["sh", "-c", "sed -i 's/? 4/? 3/' target.c && " + " ".join(build)]
    fixed = Recipe.model_validate({**recipe, "build": build})
    assert real.verify(HOUSE, cluster.cluster_id, "1.1", recipe=fixed).verified
    still = real.verify(HOUSE, cluster.cluster_id, "1.1.1", recipe=Recipe.model_validate(recipe))
    assert (still.still, still.regression) == ((receipt.id,), True)
    assert real.smaller(HOUSE, receipt.id, 30).pov == b"x"
    [event] = [event for event in at.store.events(HOUSE, receipt.id) if event.type is EventType.MINIMISED]
    assert at.blobs.get("exploit", event.body["pov"]) == b"x"
