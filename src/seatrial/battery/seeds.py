"""Seeds that nobody could choose after the fact: derived, committed before the run, revealed after it.

* A seed depends on the assessment's secret seed and on what the instance is, and on nothing else.
* The commitment binds the whole list and a salt, so that it reveals nothing and can be opened only one way.
* Tasks of a `pair` (a patch task on a memfind program) take their partner's seed by its name.

>>> entry = SeedEntry.of(bytes(32), "memfind", "1", 2, index=0)
>>> sealed = commitment([entry], salt=bytes(32))
>>> Reveal((entry,), bytes(32), sealed).problems()
()
>>> Reveal((entry,), bytes([1]) + bytes(31), sealed).problems()
('the commitment does not open: the seed list or its salt was changed',)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from seatrial.battery import fingerprint
from seatrial.battery.canonical import canonical
from seatrial.battery.instance import SEED_BYTES, InstanceKey

if TYPE_CHECKING:
    from seatrial.battery.family import Family

SALT_BYTES = 32
SCHEMA = "seatrial.seeds/1"
_LIST, _SECRET = b"seatrial/seeds/v1\0", b"seatrial/run-secret/v1\0"


@dataclass(frozen=True)
class SeedEntry:
    """One line of the seed list: everything that `generate` needs, and the index of the draw."""

    family: str
    version: str
    level: int
    index: int
    seed: bytes
    form: str = "base"
    hint: int = 0

    @classmethod
    def of(
        cls,
        assessment_seed: bytes,
        family: str,
        version: str,
        level: int,
        index: int,
        *,
        partner: tuple[str, str] | None = None,
    ) -> Self:
        """The entry of an index; with `partner` (family, version), the seed of that family's entry of the index."""
        seed = instance_seed(assessment_seed, *(partner or (family, version)), level, index)
        return cls(family, version, level, index, seed)

    @property
    def key(self) -> InstanceKey:
        """The key of the instance."""
        return InstanceKey(self.family, self.version, self.level, self.seed, self.form, self.hint)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "family": self.family,
            "version": self.version,
            "level": self.level,
            "index": self.index,
            "form": self.form,
            "hint": self.hint,
            "seed": self.seed.hex(),
        }

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Self:
        """From JSON; `ValueError` says what is wrong."""
        try:
            entry = cls(
                str(line["family"]),
                str(line["version"]),
                int(line["level"]),
                int(line["index"]),
                bytes.fromhex(line["seed"]),
                str(line["form"]),
                int(line["hint"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"seed entry {dict(line)!r}: {type(error).__name__}: {error}") from error
        entry.key  # noqa: B018 - checks level and seed
        return entry


def instance_seed(assessment_seed: bytes, family: str, version: str, level: int, index: int) -> bytes:
    """HMAC-SHA-256(assessment seed, family NUL version NUL level NUL index): 32 bytes."""
    label = f"{family}\0{version}\0{level}\0{index}"
    return hmac.digest(assessment_seed, label.encode(), "sha256")


def shorthand(text: str) -> bytes:
    """A seed from the command line: 64 hex digits, or a decimal number that is hashed to 32 bytes."""
    if len(text) == 2 * SEED_BYTES and all(char in "0123456789abcdefABCDEF" for char in text):
        return bytes.fromhex(text)
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return hashlib.sha256(b"seatrial/seed-number/v1\0" + str(int(text)).encode()).digest()
    raise ValueError(f"seed {text!r}: use {2 * SEED_BYTES} hex digits, or a whole number of at most 18 digits")


def commitment(entries: Sequence[SeedEntry], salt: bytes) -> str:
    """SHA-256 over label, salt and the canonical JSON of the list; published before the first run."""
    return hashlib.sha256(_LIST + _salted(salt) + canonical([entry.plain() for entry in entries])).hexdigest()


def secret_commitment(run_secret: bytes, salt: bytes) -> str:
    """The like for the run secret, from which every attempt's secrets are derived."""
    return hashlib.sha256(_SECRET + _salted(salt) + run_secret).hexdigest()


def _salted(salt: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt of {len(salt)} bytes: a salt is {SALT_BYTES} bytes")
    return salt


@dataclass(frozen=True)
class Reveal:
    """The opened seed list of a finished assessment."""

    entries: tuple[SeedEntry, ...]
    salt: bytes
    commitment: str

    def problems(self) -> tuple[str, ...]:
        """What does not agree with the commitment; empty when it opens."""
        if hmac.compare_digest(commitment(self.entries, self.salt), self.commitment):
            return ()
        return ("the commitment does not open: the seed list or its salt was changed",)

    def dumps(self) -> str:
        """As a file."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "commitment": self.commitment,
                "salt": self.salt.hex(),
                "seeds": [entry.plain() for entry in self.entries],
            },
            indent=1,
        )

    @classmethod
    def loads(cls, text: str) -> Self:
        """From a file; `ValueError` says what is wrong."""
        try:
            document = json.loads(text)
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema {document['schema']!r}: this reads {SCHEMA}")
            entries = tuple(SeedEntry.read(line) for line in document["seeds"])
            return cls(entries, _salted(bytes.fromhex(document["salt"])), str(document["commitment"]))
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a reveal file: {type(error).__name__}: {error}") from error


def regenerate(entry: SeedEntry, family: Family, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Make an instance again and name every field of its manifest that does not agree with it."""
    if family.version != entry.version:
        return (f"{entry.key.id}: made by version {entry.version}, installed is {family.version}",)
    instance = family.generate(entry.key)
    again = {
        **fingerprint.digests(instance),
        "seed_commitment": entry.key.seed_commitment,
        "technique": instance.technique,
        "pair": instance.pair,
        "knobs": dict(instance.knobs),
    }
    return tuple(f"{entry.key.id}: {name} differs" for name, value in again.items() if manifest.get(name) != value)
