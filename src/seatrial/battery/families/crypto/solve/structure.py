"""Structure: logarithms in a group of smooth order, affine ciphers."""

import hashlib
from collections import defaultdict
from math import gcd, isqrt, prod

from seatrial.battery.families.crypto.solve.delivered import Delivered, opened

TRIAL = 1 << 12
PATIENCE = 1 << 22  # steps of Pollard's walk: enough for factors of 40 bits
TRIES = 9  # constants of the walk: 1, 3, 5, ...
BATCH = 64
LARGEST = 1 << 41  # a factor beyond which baby steps no longer fit


def solve_weak_dh(view: Delivered) -> bytes | None:
    """The private number of one end in each group whose order factors."""
    table = view.table("exchanges")
    sealed = view.octets(table["sealed"])
    for item in table["exchanges"]:
        prime, base = view.number(item["prime"]), view.number(item["base"])
        mine, other = (view.number(text) for text in item["public"])
        factors = _factored(prime - 1)
        if factors is None or max(factors) > LARGEST:
            continue
        private = _logarithm(base, mine, prime, factors)
        if private is None:
            continue
        shared = pow(other, private, prime).to_bytes((prime.bit_length() + 7) // 8, "big")
        secret = opened(hashlib.sha256(shared).digest(), sealed)
        if secret is not None:
            return secret
    return None


def _factored(number: int) -> dict[int, int] | None:
    """Prime powers by trial division and Pollard's rho; None when it takes too long."""
    found: dict[int, int] = defaultdict(int)
    for small in range(2, TRIAL):
        while number % small == 0:
            found[small] += 1
            number //= small
    waiting = [(number, 1)]
    while waiting:
        number, constant = waiting.pop()
        if number == 1:
            continue
        if _probably_prime(number):
            found[number] += 1
            continue
        if constant > TRIES:
            return None
        waiting += [(part, constant + 2) for part in _split(number, constant)]
    return dict(found)


def _probably_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if number % base == 0:
            return number == base
        value = pow(base, odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def _split(number: int, constant: int) -> list[int]:
    """Factors by Brent's variant of rho: one walk goes on modulo what is left until that is prime or patience ends."""
    parts: list[int] = []
    y, span, steps = 2, 1, 0
    while steps < PATIENCE and number > 1 and not (parts and _probably_prime(number)):
        x = y
        for _ in range(span):
            y = (y * y + constant) % number
        done = 0
        while done < span and number > 1:
            count = min(BATCH, span - done)
            product, kept = 1, y
            for _ in range(count):
                y = (y * y + constant) % number
                product = product * (x - y) % number
            if gcd(product, number) > 1:
                for _ in range(count):  # the same batch again, one step at a time
                    kept = (kept * kept + constant) % number
                    factor = gcd(x - kept, number)
                    if factor > 1:
                        parts.append(factor)
                        number //= factor
                x, y = x % number, y % number
            done += count
        steps += 2 * span
        span *= 2
    return [*parts, number]


def _logarithm(base: int, target: int, prime: int, factors: dict[int, int]) -> int | None:
    """Pohlig and Hellman; the order of the base divides prime - 1."""
    order = prime - 1
    remainders: list[tuple[int, int]] = []
    for factor, power in factors.items():
        part = factor**power
        residue = _in_prime_power(
            pow(base, order // part, prime), pow(target, order // part, prime), prime, factor, power
        )
        if residue is None:
            return None
        remainders.append((part, residue))
    everything, total = prod(part for part, _ in remainders), 0
    for part, residue in remainders:
        rest = everything // part
        total += residue * rest * pow(rest, -1, part)
    return total % everything


def _in_prime_power(base: int, target: int, prime: int, factor: int, power: int) -> int | None:
    small = pow(base, factor ** (power - 1), prime)
    result, weight = 0, 1
    for digit in range(power):
        rest = target * pow(base, -result, prime) % prime
        found = _baby_giant(small, pow(rest, factor ** (power - 1 - digit), prime), prime, factor)
        if found is None:
            return None
        result += found * weight
        weight *= factor
    return result


def _baby_giant(base: int, target: int, prime: int, order: int) -> int | None:
    width = isqrt(order - 1) + 1
    babies: dict[int, int] = {}
    value = 1
    for step in range(width):
        babies.setdefault(value & 0xFFFFFFFFFFFFFFF, step)
        value = value * base % prime
    stride = pow(value, -1, prime)
    for turn in range(width + 1):
        step = babies.get(target & 0xFFFFFFFFFFFFFFF, -1)
        if step >= 0:
            return (turn * width + step) % order
        target = target * stride % prime
    return None


def solve_linear_feistel(view: Delivered) -> bytes | None:
    """Write the target as a sum of ciphertexts and take the same sum of plaintexts."""
    table = view.table("pairs")
    pairs = [
        (int.from_bytes(view.octets(pair["cipher"]), "big"), int.from_bytes(view.octets(pair["plain"]), "big"))
        for pair in table["pairs"]
        if pair["line"] == table["target"]["line"]
    ]
    (cipher, plain), *others = pairs
    pivots: dict[int, tuple[int, int]] = {}
    for other_cipher, other_plain in others:
        rest, image = _cleared(other_cipher ^ cipher, other_plain ^ plain, pivots)
        if rest:
            pivots[rest.bit_length()] = (rest, image)
        elif image:
            return None  # not an affine map
    target = int.from_bytes(view.octets(table["target"]["cipher"]), "big")
    rest, image = _cleared(target ^ cipher, plain, pivots)
    secret = image.to_bytes(16, "big")
    return secret if rest == 0 and view.right(secret) else None


def _cleared(rest: int, image: int, pivots: dict[int, tuple[int, int]]) -> tuple[int, int]:
    while rest and rest.bit_length() in pivots:
        row, row_image = pivots[rest.bit_length()]
        rest, image = rest ^ row, image ^ row_image
    return rest, image
