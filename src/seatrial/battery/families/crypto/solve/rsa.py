"""RSA by its numbers: broadcast root, Fermat, common prime, Wiener."""

from collections import defaultdict
from collections.abc import Iterator
from math import gcd, isqrt, prod

from seatrial.battery.families.crypto.solve.delivered import Delivered

FERMAT_WHEEL = 5040


def solve_rsa_broadcast(view: Delivered) -> bytes | None:
    """Chinese remainders of one letter to as many keys as the exponent says, then an integer root."""
    table = view.table("keys")
    keys = [(view.number(key["modulus"]), view.number(key["exponent"])) for key in table["keys"]]
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for letter in table["letters"]:
        modulus, exponent = keys[letter["to"]]
        groups[letter["number"], exponent].append((modulus, view.number(letter["text"])))
    for (_, exponent), pairs in groups.items():
        if len(pairs) >= exponent:
            root = exact_root(chinese(pairs), exponent)
            if root is not None and view.right(_ending(root)):
                return _ending(root)
    return None


def solve_rsa_close_primes(view: Delivered) -> bytes | None:
    """Fermat's method on every key that has a letter, with growing patience."""
    keys = _keys_with_letters(view)
    for patience in (1 << 12, 1 << (view.layout["effort"] + 1)):
        for modulus, exponent, texts in keys:
            factor = fermat(modulus, patience)
            if factor and (secret := _read(view, modulus, exponent, factor, texts)):
                return secret
    return None


def solve_rsa_shared_prime(view: Delivered) -> bytes | None:
    """Every modulus that has a letter against the product of all the others."""
    everything = prod({view.number(key["modulus"]) for key in view.table("keys")["keys"]})
    for modulus, exponent, texts in _keys_with_letters(view):
        factor = gcd(modulus, everything // modulus % modulus)
        if 1 < factor < modulus and (secret := _read(view, modulus, exponent, factor, texts)):
            return secret
    return None


def solve_rsa_wiener(view: Delivered) -> bytes | None:
    """Convergents of exponent/modulus as candidates for k/d."""
    for modulus, exponent, texts in _keys_with_letters(view):
        factor = wiener(modulus, exponent)
        if factor and (secret := _read(view, modulus, exponent, factor, texts)):
            return secret
    return None


def _keys_with_letters(view: Delivered) -> list[tuple[int, int, list[int]]]:
    table = view.table("keys")
    texts: dict[int, list[int]] = defaultdict(list)
    for letter in table["letters"]:
        texts[letter["to"]].append(view.number(letter["text"]))
    keys = table["keys"]
    return [(view.number(keys[to]["modulus"]), view.number(keys[to]["exponent"]), texts[to]) for to in texts]


def _read(view: Delivered, modulus: int, exponent: int, factor: int, texts: list[int]) -> bytes | None:
    private = pow(exponent, -1, (factor - 1) * (modulus // factor - 1))
    return view.first_right(_ending(pow(text, private, modulus)) for text in texts)


def _ending(block: int) -> bytes:
    return (block % (1 << 128)).to_bytes(16, "big")


def chinese(pairs: list[tuple[int, int]]) -> int:
    """The number below the product of the moduli with these (modulus, residue)."""
    everything = prod(modulus for modulus, _ in pairs)
    total = 0
    for modulus, residue in pairs:
        rest = everything // modulus
        total += residue * rest * pow(rest, -1, modulus)
    return total % everything


def exact_root(number: int, degree: int) -> int | None:
    """The integer root by Newton's method from above, or None when there is none."""
    guess = 1 << (number.bit_length() // degree + 1)
    while True:
        better = ((degree - 1) * guess + number // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess if guess**degree == number else None
        guess = better


def fermat(modulus: int, patience: int) -> int | None:
    """A factor from a**2 - modulus = b**2 in so many steps of a; a wheel leaves out impossible a."""
    start = isqrt(modulus - 1) + 1
    squares = {place * place % FERMAT_WHEEL for place in range(FERMAT_WHEEL)}
    steps = [k for k in range(FERMAT_WHEEL) if ((start + k) ** 2 - modulus) % FERMAT_WHEEL in squares]
    for turn in range(0, patience, FERMAT_WHEEL):
        for step in steps:
            a = start + turn + step
            square = a * a - modulus
            if square & 127 in _LOW_SQUARES:
                b = isqrt(square)
                if b * b == square:
                    return a - b
    return None


_LOW_SQUARES = frozenset(place * place & 127 for place in range(128))


def wiener(modulus: int, exponent: int) -> int | None:
    """A factor when the private exponent is the denominator of a convergent of exponent/modulus."""
    for k, private in convergents(exponent, modulus):
        if k and (exponent * private - 1) % k == 0:
            total = modulus - (exponent * private - 1) // k + 1  # p + q
            square = total * total - 4 * modulus
            if square >= 0 and isqrt(square) ** 2 == square:
                factor = (total + isqrt(square)) // 2
                if 1 < factor < modulus and modulus % factor == 0:
                    return factor
    return None


def convergents(above: int, below: int) -> Iterator[tuple[int, int]]:
    """Of the continued fraction of above/below."""
    last_k, k, last_d, d = 0, 1, 1, 0
    while below:
        quotient, rest = divmod(above, below)
        last_k, k = k, quotient * k + last_k
        last_d, d = d, quotient * d + last_d
        yield k, d
        above, below = below, rest
