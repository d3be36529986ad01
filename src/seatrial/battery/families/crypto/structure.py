"""Schemes with too much structure: a group of smooth order, a cipher whose rounds are linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.handout import exchange, feistel, lr4, sealing
from seatrial.battery.families.crypto.primes import is_probable_prime, prime, rounds_for, small_primes
from seatrial.battery.families.crypto.scheme import Drawn, Technique
from seatrial.battery.families.crypto.solve.delivered import opened

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.crypto.scheme import Files, Fresh, Streams
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style

# The first Oakley group (RFC 2409, section 6.1): 768 bits, a safe prime.
OAKLEY_1 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A3620FFFFFFFFFFFFFFFF",
    16,
)
_GROUP_BITS = 768
_FACTOR_BITS = (20, 23, 26, 29, 32)
_FACTOR_ROUNDS = 4  # a composite among the factors would only make the order smoother
_EXCHANGE_WORDS = ("exchange", "public", "base", "private", "prime", "other", "sealing_key", "shared", "sealed")


@dataclass(frozen=True)
class Exchanged:
    """Exchanges in one or more groups; a text is sealed under the key of one of them."""

    style: Style
    exchanges: tuple[tuple[int, int, int, int], ...]  # prime, base, public of one end, public of the other
    target: int
    private: int  # of the target's first end

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """What an eavesdropper saw, and the program."""
        number = self.style.number
        group, _, _, other = self.exchanges[self.target]
        key = exchange.sealing_key(other, self.private, group)
        table = {
            "exchanges": [
                {"prime": number(p), "base": number(g), "public": [number(a), number(b)]}
                for p, g, a, b in self.exchanges
            ],
            "sealed": self.style.octets(sealing.seal(key, fresh("nonce", 16), secret)),
        }
        return {
            self.style.word("exchanges") + ".json": self.style.table(table),
            self.style.word("exchange") + ".py": self.style.source("exchange", _EXCHANGE_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """One end opens the text."""
        group, _, _, other = self.exchanges[self.target]
        sealed = view.octets(view.table("exchanges")["sealed"])
        return opened(exchange.sealing_key(other, self.private, group), sealed) or b""


def _exchange(streams: Streams, rung: int, style: Style) -> Drawn:
    bits = _FACTOR_BITS[rung - 1] if rung <= 5 else min(32 + rung - 5, 38)
    draw = streams("group")
    smooth, factors = _smooth_prime(draw, bits)
    base = _generator(draw, smooth, factors)
    privates = [draw.between(2, OAKLEY_1 >> 2) for _ in range(2)]
    noise = streams("noise")
    strangers = [
        (OAKLEY_1, 2, _public(noise, OAKLEY_1, 2), _public(noise, OAKLEY_1, 2)) for _ in range(6 if style.bulk else 0)
    ]
    target = streams("order").below(len(strangers) + 1)

    def exchanged(group: int, generator: int) -> Exchanged:
        one, other = (exchange.public(generator, private, group) for private in privates)
        mine = (group, generator, one, other)
        everything = (*strangers[:target], mine, *strangers[target:])
        return Exchanged(style, everything, target, privates[0])

    knobs = {"factor_bits": bits, "group_bits": _GROUP_BITS, "exchanges": len(strangers) + 1}
    return Drawn(knobs, exchanged(smooth, base), exchanged(OAKLEY_1, 2), {})


def _public(draw: Draw, group: int, base: int) -> int:
    return exchange.public(base, draw.between(2, group >> 2), group)


def _smooth_prime(draw: Draw, bits: int) -> tuple[int, tuple[int, ...]]:
    """A prime p with p-1 a product of 2 and different primes of exactly `bits` bits (the last one a bit shorter)."""
    factors = {2}
    product = 2
    while product.bit_length() + bits < _GROUP_BITS - bits:
        factor = prime(draw, bits, rounds=_FACTOR_ROUNDS)
        if factor not in factors:
            factors.add(factor)
            product *= factor
    while True:
        # Two more factors make up the size; both are drawn anew until the sum is prime.
        one, two = (prime(draw, size, rounds=_FACTOR_ROUNDS) for size in (bits, bits - 2))
        candidate = product * one * two + 1
        if one in factors or two in factors or any(candidate % small == 0 for small in small_primes(2000)):
            continue
        if is_probable_prime(draw, candidate, rounds_for(candidate.bit_length())):
            return candidate, tuple(sorted({*factors, one, two}))


def _generator(draw: Draw, group: int, factors: tuple[int, ...]) -> int:
    while True:
        base = draw.between(2, group - 2)
        if all(pow(base, (group - 1) // factor, group) != 1 for factor in factors):
            return base


_ROUNDS = (4, 6, 8, 12, 16)
_PAIRS = (256, 192, 160, 144, 136)
_FEISTEL_WORDS = (
    *("feistel", "schedule", "rounds", "steps", "rotate", "encrypt_block", "decrypt_block", "pairs", "plain", "cipher"),
    *("line", "left", "right", "mixed", "constant", "key", "block", "target", "word", "first", "second", "third"),
)


@dataclass(frozen=True)
class Blocks:
    """Known pairs of one or more keys, and one more block under one of them."""

    style: Style
    keys: tuple[bytes, ...]
    target: int
    plain: tuple[tuple[int, bytes], ...]  # key, known block
    rounds: int
    linear: bool = True

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Pairs, the block that holds the value, and the program."""
        del fresh  # a block cipher has no randomness
        octets = self.style.octets
        table = {
            "pairs": [
                {"line": line, "plain": octets(block), "cipher": octets(self._encrypt(line, block))}
                for line, block in self.plain
            ],
            "target": {"line": self.target, "cipher": octets(self._encrypt(self.target, secret))},
        }
        return {
            self.style.word("pairs") + ".json": self.style.table(table),
            self.style.word("feistel") + ".py": self.style.source("feistel" if self.linear else "lr4", _FEISTEL_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """Decrypt the block with its key."""
        block, key = view.octets(view.table("pairs")["target"]["cipher"]), self.keys[self.target]
        if self.linear:
            return feistel.decrypt_block(feistel.schedule(key, self.rounds), block)
        return lr4.decrypt_block(key, block)

    def _encrypt(self, line: int, block: bytes) -> bytes:
        if self.linear:
            return feistel.encrypt_block(feistel.schedule(self.keys[line], self.rounds), block)
        return lr4.encrypt_block(self.keys[line], block)


def _blocks(streams: Streams, rung: int, style: Style) -> Drawn:
    rounds = _ROUNDS[rung - 1] if rung <= 5 else 16 + 4 * (rung - 5)
    count = _PAIRS[min(rung, 5) - 1]
    draw = streams("blocks")
    lines = 4 if style.bulk else 1
    keys = tuple(draw.bytes(16) for _ in range(lines))
    target = draw.below(lines)
    plain = []
    for line in range(lines):
        known = _spanning(draw, count) if line == target else [draw.bytes(16) for _ in range(count)]
        plain += [(line, block) for block in known]
    weak = Blocks(style, keys, target, draw.shuffled(plain), rounds)
    sound = Blocks(style, keys, target, weak.plain, rounds, linear=False)
    return Drawn({"rounds": rounds, "pairs": count, "lines": lines}, weak, sound, {"rounds_told": rounds})


def _spanning(draw: Draw, count: int) -> list[bytes]:
    """Blocks whose differences span all 128 bits."""
    while True:
        blocks = [draw.bytes(16) for _ in range(count)]
        first = int.from_bytes(blocks[0], "big")
        pivots: dict[int, int] = {}
        for block in blocks[1:]:
            rest = int.from_bytes(block, "big") ^ first
            while rest and rest.bit_length() in pivots:
                rest ^= pivots[rest.bit_length()]
            if rest:
                pivots[rest.bit_length()] = rest
        if len(pivots) == 128:
            return blocks


WEAK_DH = Technique(
    id="weak-dh",
    cwe=326,
    solver="structure",
    words=("exchanges", *_EXCHANGE_WORDS),
    telling="`{exchanges}.json` lists a Diffie-Hellman exchange as in `{exchange}.py`: prime, base and both public "
    "numbers. The group's order is smooth. The 16 bytes are `{sealed}` by `sealing.py` under the `{sealing_key}` of "
    "both ends.",
    neutral="`{exchanges}.json` lists under `{exchanges}` what was seen of runs of `{exchange}.py`. The 16 bytes are "
    "under `{sealed}`, closed by `sealing.py` under the `{sealing_key}` of both ends of one of them.",
    hints=(
        "One group was chosen badly.",
        "The order of its multiplicative group has small prime factors only.",
        "Pohlig and Hellman: a discrete logarithm modulo each factor by baby and giant steps, then Chinese remainders.",
    ),
    draw=_exchange,
)
LINEAR_FEISTEL = Technique(
    id="linear-feistel",
    cwe=327,
    solver="structure",
    words=_FEISTEL_WORDS,
    telling="`{pairs}.json` lists known pairs of the cipher of `{feistel}.py` ({rounds_told} rounds, all of them "
    "linear) under one unknown key, and one more ciphertext block: the 16 bytes under the same key.",
    neutral="`{pairs}.json` lists under `{pairs}` blocks before and after `{encrypt_block}` of `{feistel}.py` "
    "({rounds_told} steps, a key for each `{line}`), and under `{target}` one more block after it: the 16 bytes.",
    hints=(
        "The cipher lacks something that every cipher needs.",
        "Under a fixed key it is an affine map over the field of two elements.",
        "129 independent pairs determine the map: write the target as a sum of known ciphertexts.",
    ),
    draw=_blocks,
)
TECHNIQUES = (WEAK_DH, LINEAR_FEISTEL)
