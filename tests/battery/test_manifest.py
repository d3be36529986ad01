from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import toyfamily
from hypothesis import given
from hypothesis import strategies as st

from seatrial.battery import gate, manifest
from seatrial.battery.canonical import canonical
from seatrial.battery.manifest import GUARANTEES, Guarantee, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatrial.battery.instance import InstanceKey
    from seatrial.sandbox import Boxes

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
)


@given(plain)
def test_canonical_json_reads_back(value: object) -> None:
    assert json.loads(canonical(value)) == value


def test_canonical_json_follows_the_examples_of_rfc_8785() -> None:
    # Section 3.2.3: order by UTF-16 code units, and the escapes of section 3.2.2.2.
    value = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "😀": "Emoji: Grinning Face",
        "\u0080": "Control",
        "ö": "Latin Small Letter O With Diaeresis",
    }
    order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"]
    text = canonical(value).decode()
    assert [text.index(word) for word in order] == sorted(text.index(word) for word in order)
    assert canonical('€$\u000f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


@pytest.mark.parametrize("value", [1.0, [0.5], {"a": b"x"}, {1: 2}, {"a": {1, 2}}])
def test_canonical_json_refuses_what_is_not_plain(value: object) -> None:
    with pytest.raises(TypeError, match=r"^\$"):
        canonical(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800"])
def test_canonical_json_refuses_what_readers_disagree_on(value: object) -> None:
    with pytest.raises(ValueError, match=r"^\$"):
        canonical(value)


def made(**guarantees: Guarantee) -> Manifest:
    found = {name: Guarantee.held(runs=1) for name in GUARANTEES} | guarantees
    return Manifest(
        instance_id="toy-v1-L1-0",
        identity={"family": "toy"},
        digests={},
        witness={},
        guarantees=found,
        participants={},
        toolchain={},
        view_digest="",
        isolation_level=1,
        engine="test",
        depth="full",
        timing={"built_at": 1},
    )


def test_a_manifest_is_qualified_when_nothing_is_broken() -> None:
    assert made().qualified
    assert made(G7=Guarantee.not_applicable("no secret")).qualified


def test_a_manifest_names_the_first_broken_guarantee() -> None:
    broken = made(G9=Guarantee.broken("later"), G2=Guarantee.broken("echo solved it"))
    assert broken.first_broken == "G2: echo solved it"
    assert broken.public()["status"] == {"state": "rejected", "first_broken": "G2: echo solved it"}


def test_a_guarantee_that_was_not_tried_rejects() -> None:
    untried = made()
    untried.guarantees.pop("G8")
    assert untried.first_broken == "G8: not tested"


def test_time_is_outside_the_digest_and_all_else_inside() -> None:
    assert made().digest() == made().digest()
    assert made(G1=Guarantee.held(runs=2)).digest() != made().digest()


def test_the_file_of_a_manifest_shows_any_change(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(made().public()))
    assert manifest.read(path)["manifest_sha256"] == made().digest()
    path.write_text(path.read_text().replace('"held"', '"heldx"', 1))
    with pytest.raises(ValueError, match="changed after it was written"):
        manifest.read(path)
    for text in ("", "[]", "{}", '{"manifest_sha256": 1, "schema": "x"}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"m\.json"):
            manifest.read(path)


def test_seed_and_witness_stand_in_the_sealed_copy_only(boxes: Boxes, key: Callable[..., InstanceKey]) -> None:
    instance = toyfamily.FAMILY.generate(key("toylock"))
    found = gate.verify(toyfamily.FAMILY, instance.key, boxes)
    public, sealed = found.public(), found.sealed(instance)
    bug, answer = instance.hidden.witness.bug_id, str(instance.hidden.witness.answer["x"])
    assert instance.key.seed.hex() not in json.dumps(public)
    assert bug not in json.dumps(public)
    assert public["witness"] == {"cwe": 330, "fault_classes": []}
    assert sealed["sealed"]["seed"] == instance.key.seed.hex()
    assert sealed["sealed"]["witness"]["bug_id"] == bug
    assert answer in json.dumps(sealed["sealed"])
    assert {key: value for key, value in sealed.items() if key != "sealed"} == public
