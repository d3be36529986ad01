from __future__ import annotations

import json

import pytest
import toyfamily
from hypothesis import given
from hypothesis import strategies as st

from seatrial.battery import fingerprint
from seatrial.battery.seeds import (
    Reveal,
    SeedEntry,
    commitment,
    instance_seed,
    regenerate,
    secret_commitment,
    shorthand,
)

SEED, SALT = bytes(range(32)), bytes(range(32, 64))


def entries(count: int = 3) -> tuple[SeedEntry, ...]:
    return tuple(SeedEntry.of(SEED, "toylock", "1", 1 + index % 2, index) for index in range(count))


def test_a_seed_depends_on_everything_that_names_it() -> None:
    base = instance_seed(SEED, "web", "1", 2, 3)
    others = [
        instance_seed(SALT, "web", "1", 2, 3),
        instance_seed(SEED, "we", "b1", 2, 3),
        instance_seed(SEED, "web", "2", 2, 3),
        instance_seed(SEED, "web", "1", 3, 3),
        instance_seed(SEED, "web", "1", 2, 4),
    ]
    assert len(base) == 32
    assert len({base, *others}) == 6


def test_a_paired_task_takes_the_seed_of_its_partner() -> None:
    patch = SeedEntry.of(SEED, "patch", "4", 2, 0, partner=("memfind", "1"))
    assert patch.seed == SeedEntry.of(SEED, "memfind", "1", 2, 0).seed
    assert patch.key.family == "patch"


def test_a_reveal_goes_through_a_file() -> None:
    reveal = Reveal(entries(), SALT, commitment(entries(), SALT))
    assert Reveal.loads(reveal.dumps()) == reveal
    assert reveal.problems() == ()


@given(st.integers(0, 255), st.integers(1, 255))
def test_every_flipped_byte_is_found(place: int, flip: int) -> None:
    document = json.loads(Reveal(entries(), SALT, commitment(entries(), SALT)).dumps())
    part = [document["salt"], *(line["seed"] for line in document["seeds"])]
    which, byte = place % 4, (place // 4) % 32
    value = bytearray.fromhex(part[which])
    value[byte] ^= flip
    if which == 0:
        document["salt"] = value.hex()
    else:
        document["seeds"][which - 1]["seed"] = value.hex()
    assert Reveal.loads(json.dumps(document)).problems()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[" * 100_000, '{"schema": "other"}', '{"schema": "seatrial.seeds/1"}']
)
def test_a_bad_reveal_file_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Reveal.loads(text)


def test_the_run_secret_has_a_commitment_of_its_own() -> None:
    assert secret_commitment(bytes(32), SALT) != secret_commitment(b"1" * 32, SALT)
    with pytest.raises(ValueError, match="32 bytes"):
        secret_commitment(bytes(32), b"short")


def test_regenerating_finds_what_was_changed() -> None:
    (entry, *_) = entries()
    family = toyfamily.FAMILY
    instance = family.generate(entry.key)
    manifest = {
        **fingerprint.digests(instance),
        "seed_commitment": entry.key.seed_commitment,
        "technique": "linear",
        "pair": instance.pair,
        "knobs": dict(instance.knobs),
    }
    assert regenerate(entry, family, manifest) == ()
    assert regenerate(entry, family, {**manifest, "files_sha256": "0" * 64}) == (
        f"{entry.key.id}: files_sha256 differs",
    )
    assert "version" in regenerate(entry, toyfamily.Toy(version="2"), manifest)[0]


def test_shorthand_takes_hex_and_numbers() -> None:
    assert shorthand("00" * 32) == bytes(32)
    assert shorthand("7") == shorthand("07") != shorthand("8")
    for text in ("", "x", "-1", "0x7", "ab" * 31, "1" * 19, "٣"):
        with pytest.raises(ValueError, match="64 hex digits"):
            shorthand(text)
