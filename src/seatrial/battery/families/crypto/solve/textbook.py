"""Formulas of the first chapter on whatever numbers lie in /challenge; knows no format and reads no source."""

import hashlib
import re
import sys
from collections.abc import Iterator
from itertools import combinations
from math import gcd
from pathlib import Path

from seatrial.battery.families.crypto.solve.rsa import chinese, exact_root, fermat, wiener

NUMBERS = 64  # at most so many large numbers are looked at: all pairs of them
STEPS = 10_000  # of Fermat's method
LARGE = 400  # bits of a number that may be a modulus or a ciphertext
_WORD = re.compile(r"(?<![0-9A-Za-z+/=])(?:0x)?[0-9a-fA-F]{3,}(?![0-9A-Za-z+/=])")


def main() -> int:
    """Write the first guess whose SHA-256 stands in the files."""
    challenge, submission = [*sys.argv[1:], *("/challenge", "/submission")[len(sys.argv) - 1 :]][:2]
    text = "\n".join(path.read_text(errors="replace") for path in sorted(Path(challenge).rglob("*")) if path.is_file())
    checks = set(re.findall(r"\b[0-9a-f]{64}\b", text))
    numbers = list(dict.fromkeys(int(word.removeprefix("0x"), 16) for word in _WORD.findall(text)))
    for guess in guesses(numbers):
        if hashlib.sha256(guess).hexdigest() in checks:
            (Path(submission) / "answer").write_text(guess.hex() + "\n")
            return 0
    return 1


def guesses(numbers: list[int]) -> Iterator[bytes]:
    """Endings of everything that a formula turns a large number into."""
    large = [number for number in numbers if number.bit_length() >= LARGE][:NUMBERS]
    exponents = list(dict.fromkeys([3, 5, 7, 11, 17, 65537, *(n for n in numbers if n % 2 and n > 2)]))
    for number in large:
        for exponent in (3, 5, 7):
            root = exact_root(number, exponent)
            if root is not None:
                yield _ending(root)
    small = [exponent for exponent in exponents if exponent < 32]
    for exponent in small:
        yield from _broadcast(large, exponent)
    for modulus, factor in _factors(large, exponents):
        phi = (factor - 1) * (modulus // factor - 1)
        for exponent in exponents[:NUMBERS]:
            if gcd(exponent, phi) == 1:
                private = pow(exponent, -1, phi)
                yield from (_ending(pow(number, private, modulus)) for number in large if number < modulus)


def _broadcast(large: list[int], exponent: int) -> Iterator[bytes]:
    """Moduli and ciphertexts one after the other, or all moduli and then all ciphertexts."""
    if len(large) == 2 * exponent:
        for moduli, texts in ((large[:exponent], large[exponent:]), (large[::2], large[1::2])):
            if all(gcd(one, other) == 1 for one, other in combinations(moduli, 2)):
                root = exact_root(chinese(list(zip(moduli, texts, strict=True))), exponent)
                if root is not None:
                    yield _ending(root)


def _factors(large: list[int], exponents: list[int]) -> Iterator[tuple[int, int]]:
    for one, other in combinations(large, 2):
        common = gcd(one, other)
        if common.bit_length() > LARGE // 3 and common not in (one, other):
            yield one, common
            yield other, common
    for modulus in large:
        factor = fermat(modulus, STEPS)
        if factor and factor > 1:
            yield modulus, factor
    for modulus in large:
        for exponent in exponents:
            if exponent.bit_length() >= LARGE and exponent < modulus:
                factor = wiener(modulus, exponent)
                if factor:
                    yield modulus, factor


def _ending(number: int) -> bytes:
    return (number % (1 << 128)).to_bytes(16, "big")


if __name__ == "__main__":
    sys.exit(main())
