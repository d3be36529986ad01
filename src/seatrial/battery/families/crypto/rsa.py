"""RSA keys that are weak by their numbers: four techniques on letters encrypted to public keys.

The value of 16 bytes lies in a padded block as long as the modulus, with filler of the attempt, so that no single
letter gives way to a small root. Moduli are far beyond what can be factored in a box; only the planted relation helps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd, isqrt
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.handout import rsa as program
from seatrial.battery.families.crypto.primes import BULK_ROUNDS, next_prime, prime
from seatrial.battery.families.crypto.scheme import Drawn, Technique

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.crypto.scheme import Files, Fresh, Streams
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style

E_COMMON = 65_537
_WORDS = ("keys", "modulus", "exponent", "letters", "to", "text", "rsa", "pad", "encrypt", "secret", "filler", "block")
_PROGRAM_WORDS = ("rsa", "pad", "encrypt", "modulus", "exponent", "secret", "filler", "block")


@dataclass(frozen=True)
class Mailbox:
    """Public keys, and letters to some of them; the value is in the letter to `target`."""

    style: Style
    keys: tuple[tuple[int, int], ...]  # (modulus, exponent)
    target: int
    factors: tuple[int, int]  # of the target's modulus
    others: tuple[tuple[int, int], ...] = ()  # (key, ciphertext) of letters to other keys

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Keys, letters and the program that encrypted them."""
        modulus, exponent = self.keys[self.target]
        size = (modulus.bit_length() + 7) // 8
        text = program.encrypt(modulus, exponent, program.pad(secret, size, fresh("filler", size)))
        letters = sorted([*self.others, (self.target, text)])
        number = self.style.number
        table = {
            "keys": [{"modulus": number(n), "exponent": number(e)} for n, e in self.keys],
            "letters": [{"to": to, "text": number(text)} for to, text in letters],
        }
        return {
            self.style.word("keys") + ".json": self.style.table(table),
            self.style.word("rsa") + ".py": self.style.source("rsa", _PROGRAM_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """Decrypt the letter with the private exponent."""
        modulus, exponent = self.keys[self.target]
        letter = next(item for item in view.table("keys")["letters"] if item["to"] == self.target)
        private = pow(exponent, -1, (self.factors[0] - 1) * (self.factors[1] - 1))
        return pow(view.number(letter["text"]), private, modulus).to_bytes(modulus.bit_length() // 8 + 1, "big")[-16:]


@dataclass(frozen=True)
class Broadcast:
    """One padded value to several recipients of the same small exponent, among letters that do not repeat."""

    style: Style
    keys: tuple[tuple[int, int], ...]
    recipients: tuple[int, ...]
    factors: tuple[int, int]  # of the first recipient's modulus
    others: tuple[tuple[int, int, int], ...] = ()  # (letter number, key, ciphertext)
    number: int = 0
    one_padding: bool = True

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Keys, numbered letters and the program that encrypted them."""
        size = min((n.bit_length() + 7) // 8 for n, _ in self.keys)
        letters = list(self.others)
        for to in self.recipients:
            label = "filler" if self.one_padding else f"filler {to}"
            modulus, exponent = self.keys[to]
            block = program.pad(secret, size, fresh(label, size))
            letters.append((self.number, to, program.encrypt(modulus, exponent, block)))
        number = self.style.number
        table = {
            "keys": [{"modulus": number(n), "exponent": number(e)} for n, e in self.keys],
            "letters": [{"number": i, "to": to, "text": number(text)} for i, to, text in sorted(letters)],
        }
        return {
            self.style.word("keys") + ".json": self.style.table(table),
            self.style.word("rsa") + ".py": self.style.source("rsa", _PROGRAM_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """The first recipient decrypts its letter."""
        first = self.recipients[0]
        modulus, exponent = self.keys[first]
        letters = view.table("keys")["letters"]
        text = next(item["text"] for item in letters if item["to"] == first and item["number"] == self.number)
        private = pow(exponent, -1, (self.factors[0] - 1) * (self.factors[1] - 1))
        return pow(view.number(text), private, modulus).to_bytes(modulus.bit_length() // 8 + 1, "big")[-16:]


def _letters(draw: Draw, keys: tuple[tuple[int, int], ...], target: int, count: int) -> tuple[tuple[int, int], ...]:
    """Letters to other keys: RSA permutes, so any number is the ciphertext of something."""
    others = [place for place in range(len(keys)) if place != target]
    return tuple((to, draw.between(2, keys[to][0] - 2)) for to in draw.sample(others, min(count, len(others))))


def _rung(values: tuple[int, ...], rung: int, step: int) -> int:
    """The value of a main knob: drawn up for rungs 1 to 5, then on by a step each."""
    return values[rung - 1] if rung <= len(values) else values[-1] + step * (rung - len(values))


_EXPONENTS = (3, 5, 7, 11, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)
_BROADCAST_BITS = 768


def _broadcast(streams: Streams, rung: int, style: Style) -> Drawn:
    exponent = _EXPONENTS[min(rung, len(_EXPONENTS)) - 1]
    draw = streams("keys")
    strangers = 3 if style.bulk else 0
    pairs = [
        [prime(draw, _BROADCAST_BITS // 2, coprime_to=exponent, rounds=BULK_ROUNDS if place else None) for _ in "pq"]
        for place in range(exponent + strangers)
    ]
    keys = [(p * q, exponent if place < exponent else E_COMMON) for place, (p, q) in enumerate(pairs)]
    order = streams("order").shuffled(range(len(keys)))
    shown = tuple(keys[place] for place in order)
    recipients = tuple(order.index(place) for place in range(exponent))
    noise = streams("noise")
    number = noise.between(1, 4) if style.bulk else 1
    others = tuple(
        (other, to, noise.between(2, shown[to][0] - 2))
        for other in (range(1, 6) if style.bulk else ())
        if other != number
        for to in noise.sample(range(len(shown)), 3)
    )
    weak = Broadcast(style, shown, recipients, (pairs[0][0], pairs[0][1]), others, number)
    knobs = {"exponent": exponent, "modulus_bits": _BROADCAST_BITS, "keys": len(keys)}
    return Drawn(knobs, weak, replace(weak, one_padding=False), {})


_CLOSE_BITS = 1024
_CLOSE_STEPS = (6, 10, 14, 17, 20)  # log2 of Fermat's iterations


def _close(streams: Streams, rung: int, style: Style) -> Drawn:
    steps_log = min(_rung(_CLOSE_STEPS, rung, 1), 26)
    draw = streams("keys")
    half = _CLOSE_BITS // 2
    low = prime(draw, half, coprime_to=E_COMMON)
    # Fermat needs (p+q)/2 - ceil(sqrt N) = (q-p)**2 / (8 sqrt N) steps, nearly.
    steps = draw.between(3 << (steps_log - 2), (1 << steps_log) - 1)
    high = next_prime(draw, low + isqrt(8 * steps * low), coprime_to=E_COMMON)
    far = prime(draw, half, coprime_to=E_COMMON)
    strangers = [
        prime(draw, half, coprime_to=E_COMMON, rounds=BULK_ROUNDS) * prime(draw, half, rounds=BULK_ROUNDS)
        for _ in range(3 if style.bulk else 0)
    ]
    target = streams("order").below(len(strangers) + 1)

    def mailbox(other: int) -> Mailbox:
        moduli = [*strangers[:target], low * other, *strangers[target:]]
        keys = tuple((modulus, E_COMMON) for modulus in moduli)
        return Mailbox(style, keys, target, (low, other), _letters(streams("noise"), keys, target, len(keys)))

    knobs = {"steps_log2": steps_log, "modulus_bits": _CLOSE_BITS, "keys": len(strangers) + 1}
    return Drawn(knobs, mailbox(high), mailbox(far), {"effort": steps_log})


_SHARED_BITS = 512
_SHARED_KEYS = (4, 16, 60, 400, 2000)
_SHARED_LETTERS = 20


def _shared(streams: Streams, rung: int, style: Style) -> Drawn:
    count = min(_rung(_SHARED_KEYS, rung, 100), 3000)
    draw = streams("keys")
    half = _SHARED_BITS // 2
    pairs = [
        (prime(draw, half, coprime_to=E_COMMON, rounds=BULK_ROUNDS), prime(draw, half, rounds=BULK_ROUNDS))
        for _ in range(count - 2)
    ]
    common, mine, other, alone = (prime(draw, half, coprime_to=E_COMMON) for _ in range(4))
    target, partner = streams("order").sample(range(count), 2)

    def mailbox(partners_prime: int) -> Mailbox:
        moduli = [p * q for p, q in pairs]
        for place, modulus in sorted([(target, common * mine), (partner, partners_prime * other)]):
            moduli.insert(place, modulus)
        keys = tuple((modulus, E_COMMON) for modulus in moduli)
        letters = _letters(streams("noise"), keys, target, _SHARED_LETTERS if style.bulk else 0)
        return Mailbox(style, keys, target, (common, mine), letters)

    knobs = {"keys": count, "modulus_bits": _SHARED_BITS}
    return Drawn(knobs, mailbox(common), mailbox(alone), {})


_WIENER_BITS = (1024, 1280, 1536, 2048, 3072)
_WIENER_EXPONENTS = 12


def _wiener(streams: Streams, rung: int, style: Style) -> Drawn:
    bits = min(_rung(_WIENER_BITS, rung, 128), 4096)
    draw = streams("keys")
    p, q = prime(draw, bits // 2, coprime_to=E_COMMON), prime(draw, bits // 2, coprime_to=E_COMMON)
    phi = (p - 1) * (q - 1)
    small = _unit(draw, bits // 4 - 3, phi)  # below N**(1/4) / 3
    strangers = [_unit(draw, bits - 2, phi) for _ in range(_WIENER_EXPONENTS - 1 if style.bulk else 0)]
    target = streams("order").below(len(strangers) + 1)

    def mailbox(exponent: int) -> Mailbox:
        exponents = [*strangers[:target], exponent, *strangers[target:]]
        keys = tuple((p * q, each) for each in exponents)
        return Mailbox(style, keys, target, (p, q), _letters(streams("noise"), keys, target, len(keys)))

    knobs = {"modulus_bits": bits, "keys": len(strangers) + 1}
    return Drawn(knobs, mailbox(pow(small, -1, phi)), mailbox(E_COMMON), {})


def _unit(draw: Draw, bits: int, modulus: int) -> int:
    """An odd number of exactly `bits` bits that has an inverse."""
    while True:
        number = draw.below(1 << (bits - 1)) | (1 << (bits - 1)) | 1
        if gcd(number, modulus) == 1:
            return number


_ONE_LETTER = (
    "`{keys}.json` lists RSA public keys and letters encrypted with `{rsa}.py`: each letter says to which key (counted "
    "from 0). "
)
_NEUTRAL = (
    "`{keys}.json` lists pairs (`{modulus}`, `{exponent}`) under `{keys}`, and under `{letters}` what `{rsa}.py` made "
    "of texts for some of them (`{to}` counts from 0). "
)
_ONE_OF = "The 16 bytes are at the end of one of the texts."

BROADCAST = Technique(
    id="rsa-broadcast",
    cwe=780,
    solver="rsa",
    words=(*_WORDS, "number"),
    telling="`{keys}.json` lists RSA public keys and letters made by `{rsa}.py`. One letter was broadcast: the same "
    "padded block, encrypted to every key. The 16 bytes end that block.",
    neutral=_NEUTRAL + "Texts of the same `{number}` belong together. The 16 bytes are at the end of one of them.",
    hints=(
        "One message went to many recipients.",
        "The same padded block was encrypted to as many keys as their exponent says.",
        "Combine the ciphertexts of one letter by the Chinese remainder theorem and take the integer root.",
    ),
    draw=_broadcast,
)
CLOSE_PRIMES = Technique(
    id="rsa-close-primes",
    cwe=326,
    solver="rsa",
    words=_WORDS,
    telling=_ONE_LETTER + "The primes of the key were chosen close to each other. The 16 bytes end the letter's block.",
    neutral=_NEUTRAL + _ONE_OF,
    hints=(
        "One key's primes were not chosen independently.",
        "Its two primes are close to each other.",
        "Fermat's method finds them in a feasible number of steps.",
    ),
    draw=_close,
)
SHARED_PRIME = Technique(
    id="rsa-shared-prime",
    cwe=331,
    solver="rsa",
    words=_WORDS,
    telling=_ONE_LETTER + "Some of these keys share a prime. The 16 bytes end the letter's block.",
    neutral=_NEUTRAL + _ONE_OF,
    hints=(
        "The keys were made by a machine with too little randomness.",
        "Two keys have a prime in common.",
        "The greatest common divisor of two moduli is that prime; a product of all moduli finds the pair quickly.",
    ),
    draw=_shared,
)
WIENER = Technique(
    id="rsa-wiener",
    cwe=326,
    solver="rsa",
    words=_WORDS,
    telling=_ONE_LETTER + "The private exponent was chosen small to make decryption quick. The 16 bytes end the "
    "letter's block.",
    neutral=_NEUTRAL + _ONE_OF,
    hints=(
        "One private exponent was chosen for speed.",
        "It is below a third of the fourth root of the modulus.",
        "Wiener: a convergent of exponent/modulus has it as its denominator.",
    ),
    draw=_wiener,
)
TECHNIQUES = (BROADCAST, CLOSE_PRIMES, SHARED_PRIME, WIENER)
