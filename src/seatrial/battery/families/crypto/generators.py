"""Generators whose past gives away their future: linear congruential, Mersenne twister, feedback registers.

A sound source in the same place is the HMAC-DRBG of NIST SP 800-90A with SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.drbg import Drbg
from seatrial.battery.families.crypto.handout import lcg, mersenne, register, sealing
from seatrial.battery.families.crypto.scheme import Drawn, Technique
from seatrial.battery.families.crypto.solve.delivered import opened
from seatrial.battery.families.crypto.solve.generators import berlekamp_massey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.draw import Draw
    from seatrial.battery.families.crypto.scheme import Files, Fresh, Streams
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style


@dataclass(frozen=True)
class Logged:
    """Lines of values from one or more sources, and a text sealed under the values that one of them gives next."""

    style: Style
    program: str
    words: tuple[str, ...]
    lines: tuple[tuple[int | None, int], ...]  # source (None: not told), value
    key: bytes
    known: Mapping[str, int]  # parameters that are told

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """The log, the parameters, the sealed text and the program."""
        number = self.style.number
        lines = [
            {"value": number(value)} if source is None else {"source": source, "value": number(value)}
            for source, value in self.lines
        ]
        table = {
            **{name: number(value) for name, value in self.known.items()},
            "values": lines,
            "sealed": self.style.octets(sealing.seal(self.key, fresh("nonce", 16), secret)),
        }
        return {
            self.style.word("values") + ".json": self.style.table(table),
            self.style.word(self.program) + ".py": self.style.source(self.program, self.words),
        }

    def recover(self, view: Delivered) -> bytes:
        """Open the text with the key that the source's owner kept."""
        return opened(self.key, view.octets(view.table("values")["sealed"])) or b""


_LCG_BITS = (64, 96, 128, 128, 128)
_LCG_HIDDEN = (0, 0, 0, 64, 96)
_LCG_VALUES = 12
_LCG_WORDS = (
    *("lcg", "Congruential", "multiplier", "increment", "modulus", "state", "hidden", "value", "values", "sealing_key"),
    *("size", "source", "sealed"),
)


def _lcg(streams: Streams, rung: int, style: Style) -> Drawn:
    beyond = max(0, rung - 5)
    bits, hidden = _LCG_BITS[min(rung, 5) - 1] + 32 * beyond, _LCG_HIDDEN[min(rung, 5) - 1] + 24 * beyond
    draw = streams("parameters")
    multiplier, increment, modulus, state = _parameters(draw, bits)
    weak = lcg.Congruential(multiplier, increment, modulus, state, hidden)
    sound = _Words(Drbg(draw.bytes(48)), bits - hidden)
    told = {"multiplier": multiplier, "increment": increment, "modulus": modulus, "hidden": hidden} if hidden else {}
    sources = 4 if style.bulk else 1
    target, order = streams("order").below(sources), streams("order lines")
    turns = [0] * _LCG_VALUES if sources == 1 else list(order.shuffled(list(range(sources)) * _LCG_VALUES))
    size = (bits + 7) // 8

    def logged(generator: lcg.Congruential | _Words) -> Logged:
        others = [_Words(Drbg(streams(f"source {place}").bytes(48)), bits - hidden) for place in range(sources)]
        lines = tuple((turn, (generator if turn == target else others[turn]).value()) for turn in turns)
        key = lcg.sealing_key([generator.value() for _ in range(4)], size)
        return Logged(style, "lcg", _LCG_WORDS, lines, key, told)

    knobs = {"modulus_bits": bits, "hidden_bits": hidden, "sources": sources, "values": len(turns)}
    return Drawn(knobs, logged(weak), logged(sound), {"size": size})


def _parameters(draw: Draw, bits: int) -> tuple[int, int, int, int]:
    """Multiplier, increment, modulus and state such that the steps between states have an inverse."""
    while True:
        modulus = (1 << (bits - 1)) | draw.below(1 << (bits - 1)) | 1
        multiplier, increment = draw.between(modulus >> 8, modulus - 1), draw.between(1, modulus - 1)
        state = draw.below(modulus)
        if gcd(multiplier * ((multiplier - 1) * state + increment), modulus) == 1:
            return multiplier, increment, modulus, state


class _Words:
    """A DRBG as a source of numbers."""

    def __init__(self, drbg: Drbg, bits: int) -> None:
        self._drbg, self._bits = drbg, bits

    def value(self) -> int:
        return int.from_bytes(self._drbg.generate((self._bits + 7) // 8), "big") >> (-self._bits % 8)


_TWISTER_PERIODS = (1, 1, 3, 6, 10)  # at rung 3 sources are told, from rung 4 on their turns must be found
_TWISTER_WORDS = (
    "mersenne",
    "Mersenne",
    "words",
    "place",
    "word",
    "value",
    "values",
    "sealing_key",
    "source",
    "sealed",
)


def _twister(streams: Streams, rung: int, style: Style) -> Drawn:
    period = _TWISTER_PERIODS[rung - 1] if rung <= 5 else min(10 + rung - 5, 14)
    draw = streams("pattern")
    share = (period + 1) // 2 if rung > 3 else 1  # turns of each period that are the twister's
    mine = set(draw.sample(range(period), share))
    rounds = -(-(640 + draw.below(60)) // share)
    state = streams("state")

    def logged(generator: mersenne.Mersenne | _Words) -> Logged:
        other = _Words(Drbg(streams("other").bytes(48)), 32)
        third = _Words(Drbg(streams("third").bytes(48)), 32)
        lines = []
        for turn in range(period * rounds):
            place = turn % period
            source = 0 if place in mine else 1 + place % 2
            lines.append((source, (generator, other, third)[source].value()))
        key = mersenne.sealing_key([generator.value() for _ in range(8)])
        shown = period > 1 and rung <= 3
        names = streams("labels").shuffled(range(3))
        labelled = tuple((names[source] if shown else None, value) for source, value in lines)
        return Logged(style, "mersenne", _TWISTER_WORDS, labelled, key, {})

    knobs = {"period": period, "sources": min(period, 3), "values": period * rounds, "turns_told": int(rung <= 3)}
    twister = mersenne.Mersenne([state.below(1 << 32) for _ in range(624)])
    return Drawn(knobs, logged(twister), logged(_Words(Drbg(state.bytes(48)), 32)), {"longest": period})


_DEGREES = (32, 64, 128, 256)
_COMBINED = (11, 16, 19)  # chooser's neighbours and chooser; linear complexity at most 16*19 + 19*11 + 11 = 524
_REGISTER_WORDS = (
    *("register", "Register", "degree", "taps", "state", "bit", "combined", "registers", "encrypt", "leaving"),
    *("entering", "chooser", "first", "third", "streams", "text", "known", "place"),
)


@dataclass(frozen=True)
class Ciphered:
    """Texts that begin alike, each under its own keystream; the value ends one of them."""

    style: Style
    opening: bytes
    target: int
    others: tuple[bytes, ...]  # whole ciphertexts of the other streams
    stream: bytes  # the target's keystream, as long as the text

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """The known opening, all ciphertexts and the program."""
        del fresh  # the keystream is fixed by the seed; the value alone is the attempt's
        mine = bytes(a ^ b for a, b in zip(self.opening + secret, self.stream, strict=True))
        texts = [*self.others[: self.target], mine, *self.others[self.target :]]
        table = {"known": self.opening.decode(), "streams": [self.style.octets(text) for text in texts]}
        return {
            self.style.word("streams") + ".json": self.style.table(table),
            self.style.word("register") + ".py": self.style.source("register", _REGISTER_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """Decrypt with the keystream that both ends can make."""
        text = view.octets(view.table("streams")["streams"][self.target])
        return bytes(a ^ b for a, b in zip(text, self.stream, strict=True))[-16:]


def _register(streams: Streams, rung: int, style: Style) -> Drawn:
    degrees: tuple[int, ...]
    if rung <= len(_DEGREES):
        degrees, bound = (_DEGREES[rung - 1],), _DEGREES[rung - 1]
    else:
        first, third, chooser = _COMBINED[1] + 2 * (rung - 5), _COMBINED[0], _COMBINED[2]
        degrees, bound = (first, chooser, third), first * chooser + chooser * third + third
    draw = streams("registers")
    opening = _opening(streams("text"), (2 * bound + 7) // 8 + 8)
    size = len(opening) + 16
    while True:
        registers = [_drawn_register(draw, degree) for degree in degrees]
        stream = register.encrypt(registers, bytes(size))
        bits = [byte >> (7 - place) & 1 for byte in stream for place in range(8)]
        if berlekamp_massey(bits)[1] * 10 >= 9 * bound:
            break
    count = 5 if style.bulk else 1
    others = tuple(Drbg(streams(f"stream {place}").bytes(48)).generate(size) for place in range(count - 1))
    target = streams("order").below(count)
    knobs = {"registers": len(degrees), "complexity": bound, "streams": count}
    sound = Drbg(streams("sound").bytes(48)).generate(size)
    return Drawn(
        knobs,
        Ciphered(style, opening, target, others, stream),
        Ciphered(style, opening, target, others, sound),
        {},
    )


def _drawn_register(draw: Draw, degree: int) -> register.Register:
    """Taps with the lowest bit, so that the register is invertible, and a state that is not zero."""
    return register.Register(degree, draw.below(1 << degree) | 1, draw.between(1, (1 << degree) - 1))


_PHRASES = ("bearing", "harbour", "tide", "lantern", "ballast", "course", "anchor", "pilot", "ledger", "signal")


def _opening(draw: Draw, size: int) -> bytes:
    words = [draw.choice(_PHRASES) for _ in range(size // 4 + 1)]
    return " ".join(words).encode()[:size]


LCG = Technique(
    id="lcg",
    cwe=338,
    solver="generators",
    words=_LCG_WORDS,
    telling="`{values}.json` lists under `{values}` consecutive whole states of the linear congruential generator of "
    "`{lcg}.py`; its multiplier, increment and modulus are not known. The 16 bytes are `{sealed}` by `sealing.py` "
    "under `{sealing_key}` of the next four values, each as {size} bytes.",
    neutral="`{values}.json` lists under `{values}` values of sources in the order in which they gave them; one source "
    "is the one of `{lcg}.py` (what is known of its parameters, stands there too). The 16 bytes are under `{sealed}`, "
    "closed by `sealing.py` under `{sealing_key}` of the four values that it gives next, each as {size} bytes.",
    hints=(
        "One source is a linear congruential generator.",
        "Its past values determine all later ones, even when the parameters are unknown or low bits are hidden.",
        (
            "Whole values: the modulus divides combinations of differences. Truncated values with known parameters: a "
            "lattice of dimension 8 and the nearest vector."
        ),
    ),
    draw=_lcg,
)
TWISTER = Technique(
    id="mt19937",
    cwe=338,
    solver="generators",
    words=_TWISTER_WORDS,
    telling="`{values}.json` lists under `{values}` consecutive 32-bit values of the MT19937 of `{mersenne}.py`. The "
    "16 bytes are `{sealed}` by `sealing.py` under `{sealing_key}` of the next eight values.",
    neutral="`{values}.json` lists under `{values}` 32-bit values in the order in which they came, of one or several "
    "sources that take turns in a fixed order; one of them is the one of `{mersenne}.py`. The 16 bytes are under "
    "`{sealed}`, closed by `sealing.py` under `{sealing_key}` of the eight values that this source gives next.",
    hints=(
        "One source is MT19937.",
        "624 consecutive values give its whole state.",
        "Where turns are not told, try patterns of turns: tempered values of a right pattern fulfil its recurrence.",
    ),
    draw=_twister,
)
REGISTERS = Technique(
    id="lfsr",
    cwe=338,
    solver="generators",
    words=_REGISTER_WORDS,
    telling="`{streams}.json` holds a text encrypted by `{encrypt}` of `{register}.py` with one linear feedback shift "
    "register of unknown taps and state. The text begins as `{known}` says; the 16 bytes follow.",
    neutral="`{streams}.json` lists texts under `{streams}`, each under a keystream of its own; one keystream is of "
    "the kind of `{register}.py`. All texts begin as `{known}` says; the 16 bytes follow in that one.",
    hints=(
        "One keystream comes from linear feedback shift registers.",
        "Its linear complexity is at most half of the known bits.",
        "Berlekamp and Massey find the shortest register; let it run on.",
    ),
    draw=_register,
)
TECHNIQUES = (LCG, TWISTER, REGISTERS)
