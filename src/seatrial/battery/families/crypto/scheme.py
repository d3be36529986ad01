"""The parts of an instance: a technique, the scheme that the seed draws for it, and what the attempt puts into it.

An instance is a chain of parts. Each part hides 16 bytes (`secret`); those of the last part are the answer, those of
any other part open the sealed bundle in which the next part lies. Keys come from the seed, secrets from the attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from seatrial.battery.draw import Draw

if TYPE_CHECKING:
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style
    from seatrial.battery.instance import InstanceKey, Knobs, Service

Fresh = Callable[[str, int], bytes]  # label, bytes → randomness of the attempt
Files = dict[str, bytes]


@dataclass(frozen=True)
class Streams:
    """Named draws of one part: a change of one purpose does not shift the others."""

    key: InstanceKey
    prefix: str

    def __call__(self, purpose: str) -> Draw:
        """A fresh stream of that purpose."""
        key = self.key
        stream = f"{self.prefix}/{purpose}"
        return Draw(key.seed, family=key.family, version=key.version, level=key.level, form=key.form, stream=stream)


class Scheme(Protocol):
    """One drawn scheme with its keys, weak or sound."""

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Everything that is delivered once 16 bytes lie under the scheme."""
        ...

    def recover(self, view: Delivered) -> bytes:
        """What the rightful key holder gets out of the delivered files."""
        ...


class Served(Scheme, Protocol):
    """A scheme with a service beside the box."""

    def service(self) -> Service:
        """The program, without any secret."""
        ...

    def startup(self, answer: str, access: str, noise: bytes) -> Mapping[str, Any]:
        """The start-up message: keys, what it may release, the code that opens it (or ""), 16 bytes of noise."""
        ...


@dataclass(frozen=True)
class Drawn:
    """A scheme and the same scheme without exactly its weakness."""

    knobs: Knobs
    weak: Scheme
    sound: Scheme
    facts: Mapping[str, str | int]  # what the brief says in numbers and names


@dataclass(frozen=True)
class Technique:
    """One way to be weak.

    `words` are the names that neutral style replaces. `telling` and `neutral` are the brief at level 1 and from
    level 2 on; `{name}` in them is a word as delivered or a fact of the drawn scheme. `hints` go from a description
    to the way.
    """

    id: str
    cwe: int
    solver: str  # module of `solve/`
    words: tuple[str, ...]
    telling: str
    neutral: str
    hints: tuple[str, str, str]
    draw: Callable[[Streams, int, Style], Drawn]
    answer: Literal["hex", "flag"] = "hex"
    needs: tuple[str, ...] = ()  # delivered programs that the delivered programs import
    served: bool = False  # a service belongs to it


@dataclass(frozen=True)
class Part:
    """One part of an instance: a technique in its style with the scheme drawn for it."""

    technique: Technique
    rung: int
    style: Style
    drawn: Drawn
    weak: bool = True

    @property
    def scheme(self) -> Scheme:
        """The scheme in use."""
        return self.drawn.weak if self.weak else self.drawn.sound

    @property
    def layout(self) -> Mapping[str, Any]:
        """What the solver is told: names and number format, nothing else."""
        words = {word: self.style.word(word) for word in self.technique.words}
        return {"words": words, "packed": self.style.bulk, "needs": list(self.technique.needs), **self.drawn.facts}

    @property
    def brief(self) -> str:
        """What people and models are told about this part."""
        text = self.technique.neutral if self.style.neutral else self.technique.telling
        words = {word: self.style.word(word) for word in self.technique.words}
        return text.format(**{**words, **self.drawn.facts})
