"""Generators by their past: congruential, Mersenne twister, feedback registers."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise
from math import gcd

from seatrial.battery.families.crypto.solve.delivered import Delivered, opened
from seatrial.battery.families.crypto.solve.lattice import nearest, reduced

DIMENSION = 8


def solve_lcg(view: Delivered) -> bytes | None:
    """Predict four values of each source and try them on the sealed text."""
    table = view.table("values")
    program = view.program("lcg")
    sealed = view.octets(table["sealed"])
    sources: dict[int, list[int]] = defaultdict(list)
    for line in table["values"]:
        sources[line.get("source", 0)].append(view.number(line["value"]))
    for values in sources.values():
        if "modulus" in table:
            names = ("multiplier", "increment", "modulus", "hidden")
            following = _truncated(values, *(view.number(table[name]) for name in names))
        else:
            following = _whole(values)
        if following is not None:
            secret = opened(program.sealing_key(following, view.layout["size"]), sealed)
            if secret is not None:
                return secret
    return None


def _whole(values: list[int]) -> list[int] | None:
    """All of multiplier, increment and modulus from whole states."""
    steps = [later - sooner for sooner, later in pairwise(values)]
    multiple = 0
    for one, two, three in zip(steps, steps[1:], steps[2:], strict=False):
        multiple = gcd(multiple, three * one - two * two)
    for cofactor in range(1, 64):
        modulus, rest = divmod(multiple, cofactor)
        if rest == 0 and modulus > max(values) and gcd(steps[0], modulus) == 1:
            multiplier = steps[1] * pow(steps[0], -1, modulus) % modulus
            following = _continued(values, multiplier, (values[1] - multiplier * values[0]) % modulus, modulus)
            if following is not None:
                return following
    return None


def _continued(values: list[int], multiplier: int, increment: int, modulus: int) -> list[int] | None:
    for sooner, later in pairwise(values):
        if (multiplier * sooner + increment) % modulus != later:
            return None
    following = [values[-1]]
    for _ in range(4):
        following.append((multiplier * following[-1] + increment) % modulus)
    return following[1:]


def _truncated(values: list[int], multiplier: int, increment: int, modulus: int, hidden: int) -> list[int] | None:
    """Low bits as a nearest lattice vector: states minus the increment's share are a lattice modulo the modulus."""
    powers, shares = [1], [0]
    for _ in range(DIMENSION - 1):
        powers.append(powers[-1] * multiplier % modulus)
        shares.append((shares[-1] * multiplier + increment) % modulus)
    basis = [powers] + [[modulus * (i == j) for j in range(DIMENSION)] for i in range(1, DIMENSION)]
    half = 1 << (hidden - 1)
    target = [(value << hidden) + half - share for value, share in zip(values, shares, strict=False)]
    state = (nearest(reduced(basis), target)[0]) % modulus
    following = []
    for value in values:
        if state >> hidden != value:
            return None
        state = (multiplier * state + increment) % modulus
    for _ in range(4):
        following.append(state >> hidden)
        state = (multiplier * state + increment) % modulus
    return following


def solve_mt19937(view: Delivered) -> bytes | None:
    """Rebuild the state from 624 values of each source, or of each pattern of turns that fulfils the recurrence."""
    table = view.table("values")
    program = view.program("mersenne")
    sealed = view.octets(table["sealed"])
    for values in _selections(view):
        words = [_untempered(value) for value in values]
        generator = program.Mersenne(words[:624])
        if [generator.value() for _ in values[624:]] == values[624:]:
            secret = opened(program.sealing_key([generator.value() for _ in range(8)]), sealed)
            if secret is not None:
                return secret
    return None


def _selections(view: Delivered) -> Iterator[list[int]]:
    lines = view.table("values")["values"]
    if "source" in lines[0]:
        sources: dict[int, list[int]] = defaultdict(list)
        for line in lines:
            sources[line["source"]].append(view.number(line["value"]))
        yield from (values for values in sources.values() if len(values) >= 632)
        return
    words = [_untempered(view.number(line["value"])) for line in lines]
    raw = [view.number(line["value"]) for line in lines]
    for period in range(1, view.layout["longest"] + 1):
        for share in range(1, period + 1):
            for places in combinations(range(period), share):
                chosen = (
                    [turn for turn in range(len(raw)) if turn % period in places]
                    if _fits(words, period, places)
                    else []
                )
                if len(chosen) >= 632:
                    yield [raw[turn] for turn in chosen]


def _fits(words: list[int], period: int, places: tuple[int, ...]) -> bool:
    """Whether the first words of a pattern fulfil x[i+624] = x[i+397] ^ twist(x[i], x[i+1])."""

    def word(place: int) -> int | None:
        turn = place // len(places) * period + places[place % len(places)]
        return words[turn] if turn < len(words) else None

    for place in range(3):
        upper, lower, far, new = (word(place + step) for step in (0, 1, 397, 624))
        if upper is None or lower is None or far is None or new is None:
            return False
        both = (upper & 0x80000000) | (lower & 0x7FFFFFFF)
        if new != far ^ (both >> 1) ^ (0x9908B0DF if both & 1 else 0):
            return False
    return True


def _untempered(value: int) -> int:
    value ^= value >> 18
    value ^= (value << 15) & 0xEFC60000
    word = value
    for _ in range(4):
        word = value ^ ((word << 7) & 0x9D2C5680)
    value = word
    for _ in range(2):
        word = value ^ (word >> 11)
    return word


def solve_lfsr(view: Delivered) -> bytes | None:
    """The shortest linear register of each stream's known beginning, run on over the value."""
    table = view.table("streams")
    known = table["known"].encode()
    for stream in table["streams"]:
        text = view.octets(stream)
        bits = [(a ^ b) >> (7 - place) & 1 for a, b in zip(text, known, strict=False) for place in range(8)]
        connection, length = berlekamp_massey(bits)
        if 2 * length > len(bits):
            continue
        window = int("".join(map(str, bits)), 2)
        kept = (1 << length) - 1
        following = 0
        for _ in range(128):
            bit = ((connection >> 1) & window & kept).bit_count() & 1
            window = (window << 1) | bit
            following = (following << 1) | bit
        secret = bytes(a ^ b for a, b in zip(text[len(known) :], following.to_bytes(16, "big"), strict=False))
        if view.right(secret):
            return secret
    return None


def berlekamp_massey(bits: list[int]) -> tuple[int, int]:
    """Connection polynomial (bit i: coefficient of x**i) and length of the shortest register."""
    connection, before, length, gap, window = 1, 1, 0, 1, 0
    for place, bit in enumerate(bits):
        window = (window << 1) | bit
        if not (connection & window & ((1 << (length + 1)) - 1)).bit_count() & 1:
            gap += 1
        elif 2 * length <= place:
            connection, before, length, gap = connection ^ (before << gap), connection, place + 1 - length, 1
        else:
            connection ^= before << gap
            gap += 1
    return connection, length
