"""Ciphers, generators and methods of the crypto family against vectors of standards, or another way to say them."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from fractions import Fraction
from math import isqrt
from types import ModuleType

import pytest

from seatrial.battery.draw import Draw
from seatrial.battery.families.crypto import curve, primes, structure
from seatrial.battery.families.crypto.drbg import Drbg
from seatrial.battery.families.crypto.handout import (
    exchange,
    feistel,
    lcg,
    lr4,
    mersenne,
    records,
    register,
    rsa,
    sealing,
    signing,
    ticket,
)
from seatrial.battery.families.crypto.solve import generators as solve_generators
from seatrial.battery.families.crypto.solve import lattice, services
from seatrial.battery.families.crypto.solve import nonces as solve_nonces
from seatrial.battery.families.crypto.solve import rsa as solve_rsa
from seatrial.battery.families.crypto.solve import structure as solve_structure
from seatrial.battery.families.crypto.solve.delivered import opened
from seatrial.battery.families.crypto.style import Style


def draw(stream: str = "test") -> Draw:
    return Draw(bytes(32), family="crypto", version="test", level=1, stream=stream)


def test_hmac_drbg_gives_the_nist_vector() -> None:
    """CAVP drbgvectors_no_reseed, HMAC_DRBG, SHA-256, no personalisation, COUNT = 0: the second request."""
    entropy = "ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488"
    nonce = "659ba96c601dc69fc902940805ec0ca8"
    drbg = Drbg(bytes.fromhex(entropy + nonce))
    drbg.generate(128)
    assert drbg.generate(128).hex() == (
        "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89d54fbb978a15b5c443c9ec21036d2460"
        "b6f73ebad0dc2aba6e624abf07745bc107694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
        "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8"
    )


RFC_6979_PRIVATE = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC_6979 = {
    b"sample": (
        0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    b"test": (
        0xD16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0,
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}


@pytest.mark.parametrize("message", RFC_6979)
def test_signatures_are_those_of_rfc_6979(message: bytes) -> None:
    """RFC 6979, A.2.5, with SHA-256."""
    nonce, r, s = RFC_6979[message]
    assert curve.rfc6979_nonce(RFC_6979_PRIVATE, message) == nonce
    (x,) = curve.affine_x([nonce])
    assert curve.sign(RFC_6979_PRIVATE, nonce, x, message) == (r, s)
    assert signing.sign(RFC_6979_PRIVATE, nonce, message) == (r, s)


def test_the_comb_and_the_delivered_curve_agree() -> None:
    scalars = [1, 2, 3, 255, 256, signing.ORDER - 1, *(draw().between(1, signing.ORDER - 1) for _ in range(8))]
    assert curve.multiples(scalars) == [signing.multiply(scalar, signing.BASE) for scalar in scalars]
    assert signing.multiply(signing.ORDER, signing.BASE) is None
    (public,) = curve.multiples([RFC_6979_PRIVATE])
    assert public == (
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
    )


def seeded(seed: int) -> list[int]:
    """init_genrand of the authors' reference code."""
    words = [seed]
    for place in range(1, 624):
        words.append((1812433253 * (words[-1] ^ (words[-1] >> 30)) + place) & 0xFFFFFFFF)
    return words


def test_the_twister_gives_the_known_values() -> None:
    generator = mersenne.Mersenne(seeded(5489))
    values = [generator.value() for _ in range(10_000)]
    assert values[:5] == [3499211612, 581869302, 3890346734, 3586334585, 545404204]
    assert values[-1] == 4123659995  # the value that the C++ standard asks of mt19937, [rand.predef]
    python = random.Random(7)
    _, state, _ = python.getstate()
    ours = mersenne.Mersenne(list(state[:-1]))
    assert [ours.value() for _ in range(700)] == [python.getrandbits(32) for _ in range(700)]
    words = [draw().below(1 << 32) for _ in range(50)]
    for word in words:
        tempering = mersenne.Mersenne([word] * 624)
        tempering.place = 0
        assert solve_generators._untempered(tempering.value()) == word


def test_the_register_is_the_recurrence_that_it_says() -> None:
    """x**4 + x + 1 has the m-sequence of period 15; Berlekamp and Massey find four cells and its polynomial."""
    machine = register.Register(4, 0b0011, 0b1000)
    bits = [machine.bit() for _ in range(30)]
    assert bits[:15] == bits[15:]
    assert sum(bits[:15]) == 8
    assert all(bits[i + 4] == bits[i] ^ bits[i + 1] for i in range(26))
    connection, length = solve_generators.berlekamp_massey(bits)
    assert (connection, length) == (0b11001, 4)  # 1 + x**3 + x**4, the reciprocal
    for sequence in ("1", "0001", "10100111", "110100110"):
        shortest = next(size for size in range(len(sequence) + 1) if _has_register([*map(int, sequence)], size))
        assert solve_generators.berlekamp_massey([*map(int, sequence)])[1] == shortest


def _has_register(bits: list[int], size: int) -> bool:
    """By trying all connection polynomials."""
    return any(
        all(bits[i] == sum(bits[i - 1 - j] & (taps >> j) for j in range(size)) & 1 for i in range(size, len(bits)))
        for taps in range(1 << size)
    )


def test_lr4_is_a_permutation_and_is_the_construction_that_it_says() -> None:
    key, block = draw().bytes(32), draw("block").bytes(16)
    left, right = block[:8], block[8:]
    for number in range(4):
        left, right = (
            right,
            bytes(
                a ^ b
                for a, b in zip(left, hmac.new(key, bytes([number]) + right, hashlib.sha256).digest(), strict=False)
            ),
        )
    assert lr4.encrypt_block(key, block) == right + left
    assert lr4.decrypt_block(key, right + left) == block
    text = draw("text").bytes(64)
    chained = lr4.encrypt_chain(key, block, text)
    assert lr4.decrypt_chain(key, block, chained) == text
    assert chained[:16] == lr4.encrypt_block(key, bytes(a ^ b for a, b in zip(block, text, strict=False)))


def test_sealed_texts_open_under_their_key_only() -> None:
    key, nonce, text = draw().bytes(16), draw("nonce").bytes(16), b"sixteen bytes or more"
    sealed = sealing.seal(key, nonce, text)
    assert sealing.unseal(key, sealed) == opened(key, sealed) == text
    assert opened(bytes(16), sealed) is None
    for place in range(0, len(sealed), 7):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(ValueError, match="wrong key"):
            sealing.unseal(key, bytes(altered))


def test_the_linear_cipher_is_linear_and_inverts() -> None:
    steps = feistel.schedule(draw().bytes(16), 6)
    blocks = [draw(str(number)).bytes(16) for number in range(3)]
    images = [int.from_bytes(feistel.encrypt_block(steps, block), "big") for block in blocks]
    total = 0
    for block in blocks:
        total ^= int.from_bytes(block, "big")
    assert feistel.encrypt_block(steps, total.to_bytes(16, "big")) == (images[0] ^ images[1] ^ images[2]).to_bytes(
        16, "big"
    )
    assert all(feistel.decrypt_block(steps, feistel.encrypt_block(steps, block)) == block for block in blocks)


def test_rsa_blocks_are_padded_to_the_modulus() -> None:
    block = rsa.pad(b"s" * 16, 64, bytes(64))
    assert len(block) == 64
    assert block[:2] == b"\0\2"
    assert block.endswith(b"\0" + b"s" * 16)
    assert 0 not in block[2:-17]


def test_records_and_tickets_read_back() -> None:
    key, nonce = draw().bytes(32), bytes(8)
    text = records.letter(7, 9, b"s" * 16, bytes(32))
    assert len(text) == len(records.beat(1, 2)) == len(records.load(1, 2, bytes(48))) == 64
    assert records.encrypt(key, nonce, records.encrypt(key, nonce, text)) == text
    assert records.stream(key, nonce, 32)[16:] == lr4.encrypt_block(key, nonce + (1).to_bytes(8, "big"))
    fields = [ticket.field("role", "clerk"), ticket.field("dock", "bosun")]
    written = ticket.write([b"-" * 16, fields[0], b"-" * 16, fields[1]], summed=True)
    assert ticket.read(written, ["role", "dock"], summed=True) == {"role": "clerk", "dock": "bosun"}
    with pytest.raises(ValueError, match="sum"):
        ticket.read(written.replace(b"clerk", b"clark"), ["role", "dock"], summed=True)


def test_the_first_oakley_group_is_that_of_the_rfc() -> None:
    """RFC 2409, 6.1: 2**768 - 2**704 - 1 + 2**64 * (floor(2**638 pi) + 149686), and safe."""
    pi_scaled = _pi(700) >> (700 - 638)
    assert 2**768 - 2**704 - 1 + 2**64 * (pi_scaled + 149686) == structure.OAKLEY_1
    assert draw().is_prime(structure.OAKLEY_1)
    assert draw().is_prime((structure.OAKLEY_1 - 1) // 2)


def _pi(bits: int) -> int:
    """floor(2**bits * pi) by Machin's formula."""
    guard = bits + 32

    def arctangent(inverse: int) -> int:
        term = total = (1 << guard) // inverse
        place = 1
        while term:
            term //= -inverse * inverse
            place += 2
            total += term // place
        return total

    return 4 * (4 * arctangent(5) - arctangent(239)) >> 32


@pytest.mark.parametrize("bits", [20, 32, 64, 256])
def test_primes_have_their_size_and_are_prime(bits: int) -> None:
    stream = draw(f"{bits}")
    for _ in range(20):
        number = primes.prime(stream, bits, coprime_to=65537)
        assert number.bit_length() == bits
        assert number >> (bits - 2) == 3
        assert (number - 1) % 65537
        assert stream.is_prime(number)


def test_the_next_prime_skips_none() -> None:
    stream = draw()
    reference = [n for n in range(5001, 6000, 2) if all(n % d for d in range(3, isqrt(n) + 1, 2))]
    found = []
    start = 5001
    while True:
        start = primes.next_prime(stream, start)
        if start > 6000:
            break
        found.append(start)
        start += 2
    assert found == reference
    assert primes.small_primes(30) == (3, 5, 7, 11, 13, 17, 19, 23, 29)


def test_lattice_reduction_gives_the_known_basis() -> None:
    """A worked example that is found in textbooks: (1,1,1), (-1,0,2), (3,5,6)."""
    assert lattice.reduced([[1, 1, 1], [-1, 0, 2], [3, 5, 6]]) == [[0, 1, 0], [1, 0, 1], [-1, 0, 2]]


@pytest.mark.parametrize("size", [2, 4, 8])
def test_reduced_bases_fulfil_the_definition(size: int) -> None:
    stream = draw(f"lattice {size}")
    basis = [[stream.below(1 << 60) - (1 << 59) for _ in range(size)] for _ in range(size)]
    found = lattice.reduced(basis)
    assert abs(_determinant(found)) == abs(_determinant(basis))
    stars: list[list[Fraction]] = []
    mus: list[list[Fraction]] = []
    for vector in found:
        star, mu = [Fraction(x) for x in vector], []
        for other in stars:
            coefficient = sum(Fraction(x) * y for x, y in zip(vector, other, strict=True)) / sum(y * y for y in other)
            mu.append(coefficient)
            star = [x - coefficient * y for x, y in zip(star, other, strict=True)]
        stars.append(star)
        mus.append(mu)
    norms = [sum(x * x for x in star) for star in stars]
    assert all(abs(coefficient) <= Fraction(1, 2) for mu in mus for coefficient in mu)
    assert all(norms[i] >= (Fraction(3, 4) - mus[i][i - 1] ** 2) * norms[i - 1] for i in range(1, size))
    combination = [stream.below(1000) for _ in range(size)]
    point = [sum(c * row[i] for c, row in zip(combination, basis, strict=True)) for i in range(size)]
    assert lattice.nearest(found, [x + 3 for x in point]) == point


def _determinant(rows: list[list[int]]) -> int:
    """Bareiss."""
    m = [list(row) for row in rows]
    sign, before = 1, 1
    for k in range(len(m) - 1):
        if m[k][k] == 0:
            swap = next(i for i in range(k + 1, len(m)) if m[i][k])
            m[k], m[swap], sign = m[swap], m[k], -sign
        for i in range(k + 1, len(m)):
            for j in range(k + 1, len(m)):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // before
        before = m[k][k]
    return sign * m[-1][-1]


@pytest.mark.parametrize(("name", "size"), [("sha256", 4), ("sha512", 8)])
def test_hashes_are_extended_as_the_library_says(name: str, size: int) -> None:
    stream = draw(name)
    for length in (0, 1, 54, 55, 56, 63, 64, 111, 112, 119, 127, 128, 200):
        start, more = stream.bytes(length), stream.bytes(length % 90)
        filled = start + services.padding(length, size)
        digest = hashlib.new(name, start).digest()
        assert services.extended(digest, len(filled), more, size) == hashlib.new(name, filled + more).digest()


def test_square_roots_modulo_the_order() -> None:
    stream = draw("roots")
    for _ in range(20):
        value = stream.below(solve_nonces.ORDER)
        root = solve_nonces._square_root(value * value % solve_nonces.ORDER)
        assert root in (value, solve_nonces.ORDER - value)
    assert sum(solve_nonces._square_root(number) is None for number in range(1, 40)) > 10
    for value in (5, stream.below(solve_nonces.ORDER)):
        other = stream.below(solve_nonces.ORDER)
        c, b, a = value * other, -(value + other), 1
        assert {value, other} == set(solve_nonces._roots(c, b, a))


def test_integer_methods_of_the_solver() -> None:
    stream = draw("integers")
    for degree in (3, 5, 17):
        number = stream.below(1 << 300)
        assert solve_rsa.exact_root(number**degree, degree) == number
        assert solve_rsa.exact_root(number**degree + 1, degree) is None
    assert solve_rsa.chinese([(3, 2), (5, 3), (7, 2)]) == 23  # Sunzi
    p, q = primes.prime(stream, 128), primes.prime(stream, 128)
    near = primes.next_prime(stream, p + (1 << 66))
    assert solve_rsa.fermat(p * near, 1 << 12) in (p, near)
    assert solve_rsa.fermat(p * q, 1 << 12) is None
    assert solve_rsa.wiener(90581, 17993) in (239, 379)  # a widely used example, d = 5
    assert list(solve_rsa.convergents(649, 200)) == [(3, 1), (13, 4), (159, 49), (649, 200)]


def test_logarithms_in_a_smooth_group() -> None:
    assert solve_structure._factored(2**4 * 3 * 65_537 * 1_000_003 * 999_999_937) == {
        2: 4,
        3: 1,
        65_537: 1,
        1_000_003: 1,
        999_999_937: 1,
    }
    prime = 2**4 * 3**2 * 5 * 7 * 11 * 13 * 17 + 1
    while not draw().is_prime(prime):
        prime += 2**4 * 3**2 * 5 * 7 * 11 * 13 * 17
    factors = solve_structure._factored(prime - 1)
    assert factors is not None
    base = next(g for g in range(2, 200) if all(pow(g, (prime - 1) // f, prime) != 1 for f in factors))
    for exponent in (0, 1, 12345, prime - 2):
        assert solve_structure._logarithm(base, pow(base, exponent, prime), prime, factors) == exponent
    assert exchange.sealing_key(pow(5, 6, 23), 15, 23) == exchange.sealing_key(pow(5, 15, 23), 6, 23)


def test_congruential_values_are_the_recurrence() -> None:
    """Numerical Recipes' ranqd1 from 0: its first values are printed there."""
    source = lcg.Congruential(1664525, 1013904223, 2**32, 0)
    expected = [0x3C6EF35F, 0x47502932, 0xD1CCF6E9, 0xAAF95334, 0x6252E503, 0x9F2EC686]
    assert [source.value() for _ in range(6)] == expected


PROGRAMS: dict[str, tuple[ModuleType, tuple[str, ...]]] = {
    "lr4": (lr4, ("encrypt_block", "decrypt_chain")),
    "mersenne": (mersenne, ("Mersenne", "value", "words")),
    "signing": (signing, ("sign", "nonce", "private")),
    "register": (register, ("Register", "taps", "state")),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_neutral_programs_keep_their_meaning_and_lose_their_words(name: str) -> None:
    _, words = PROGRAMS[name]
    style = Style(bytes(16), neutral=True, bulk=True)
    source = style.source(name, words).decode()
    assert '"""' not in source
    assert "#" not in source
    assert not any(f" {word}(" in source or f".{word}" in source for word in words)
    compile(source, name, "exec")
    telling = Style(bytes(16), neutral=False, bulk=False).source(name, words).decode()
    assert telling.startswith('"""')


def test_numbers_read_back_in_every_style() -> None:
    for style in (Style(bytes(16), neutral=False, bulk=False), Style(b"x" * 16, neutral=True, bulk=True)):
        for number in (0, 1, 255, 256, 2**300 - 1):
            assert style.value(style.number(number)) == number
        table = json.loads(style.table({"modulus": [{"exponent": "1"}]}))
        assert table == {style.word("modulus"): [{style.word("exponent"): "1"}]}
