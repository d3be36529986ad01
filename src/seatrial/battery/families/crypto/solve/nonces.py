"""Nonces used twice or in a relation: ECDSA on P-256, and a keystream."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from seatrial.battery.families.crypto.handout.signing import ORDER
from seatrial.battery.families.crypto.solve.delivered import Delivered, opened

Line = tuple[int, int]  # nonce = first + second * private, modulo ORDER


def solve_ecdsa_nonce(view: Delivered) -> bytes | None:
    """Private numbers that explain a relation between nonces of a signer, tried on the sealed text."""
    table = view.table("signatures")
    sealed = view.octets(table["sealed"])
    by_signer: dict[int, list[tuple[int, Line]]] = defaultdict(list)
    for item in table["signatures"]:
        r, s = view.number(item["r"]), view.number(item["s"])
        inverse = pow(s, -1, ORDER)
        digest = int.from_bytes(hashlib.sha256(item["message"].encode()).digest(), "big")
        by_signer[item["signer"]].append((r, (digest * inverse % ORDER, r * inverse % ORDER)))
    for signatures in by_signer.values():
        for private in _privates(signatures):
            secret = opened(hashlib.sha256(private.to_bytes(32, "big")).digest(), sealed)
            if secret is not None:
                return secret
    return None


def _privates(signatures: list[tuple[int, Line]]) -> Iterator[int]:
    seen: dict[int, Line] = {}
    for r, (constant, slope) in signatures:
        if r in seen:
            yield from _roots(*_difference((constant, slope), seen[r]), 0)
            yield from _roots(*_difference((-constant, -slope), seen[r]), 0)  # r fixes the nonce up to its sign
        seen[r] = (constant, slope)
    lines = [line for _, line in signatures]
    steps = [_difference(later, sooner) for sooner, later in pairwise(lines)]
    for one, two in pairwise(steps):
        yield from _roots(*_difference(two, one), 0)  # a constant step
    for one, two, three in zip(steps, steps[1:], steps[2:], strict=False):
        # A linear rule: (k3 - k2)**2 = (k2 - k1) (k4 - k3).
        left, right = _product(two, two), _product(one, three)
        yield from _roots(*((a - b) % ORDER for a, b in zip(left, right, strict=True)))


def _difference(first: Line, second: Line) -> Line:
    return (first[0] - second[0]) % ORDER, (first[1] - second[1]) % ORDER


def _product(first: Line, second: Line) -> tuple[int, int, int]:
    return first[0] * second[0], first[0] * second[1] + first[1] * second[0], first[1] * second[1]


def _roots(c: int, b: int, a: int) -> Iterator[int]:
    """Roots modulo ORDER of a x**2 + b x + c."""
    if a == 0:
        if b:
            yield -c * pow(b, -1, ORDER) % ORDER
        return
    root = _square_root((b * b - 4 * a * c) % ORDER)
    if root is not None:
        half = pow(2 * a, -1, ORDER)
        yield (root - b) * half % ORDER
        yield (-root - b) * half % ORDER


def _square_root(square: int) -> int | None:
    """Tonelli and Shanks modulo ORDER."""
    if square == 0:
        return 0
    if pow(square, (ORDER - 1) // 2, ORDER) != 1:
        return None
    odd, twos = ORDER - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    other = next(z for z in range(2, 100) if pow(z, (ORDER - 1) // 2, ORDER) != 1)
    c, root, t = pow(other, odd, ORDER), pow(square, (odd + 1) // 2, ORDER), pow(square, odd, ORDER)
    while t != 1:
        order, power = 0, t
        while power != 1:
            order, power = order + 1, power * power % ORDER
        step = pow(c, 1 << (twos - order - 1), ORDER)
        twos, c = order, step * step % ORDER
        root, t = root * step % ORDER, t * c % ORDER
    return root


def solve_stream_reuse(view: Delivered) -> bytes | None:
    """Find the record whose keystream begins like the letter's, and whose text is known whole."""
    program = view.program("records")
    lines = view.table("records")["records"]
    begun: dict[bytes, list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        head = program.header(line["kind"], line["number"], line["stamp"])
        begun[_xor(view.octets(line["text"]), head)].append(place)
    for places in begun.values():
        letters = [place for place in places if lines[place]["kind"] == program.LETTER]
        beats = [place for place in places if lines[place]["kind"] == program.BEAT]
        for letter, beat in ((letter, beat) for letter in letters for beat in beats):
            known = program.beat(lines[beat]["number"], lines[beat]["stamp"])
            stream = _xor(view.octets(lines[beat]["text"]), known)
            secret = _xor(view.octets(lines[letter]["text"]), stream)[16:32]
            if view.right(secret):
                return secret
    return None


def _xor(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=False))
