"""Services: a padding oracle, fields under cipher block chaining, a keyed hash that can be extended."""

import os
import socket
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import isqrt

from seatrial.battery.families.crypto.solve.delivered import Delivered

BATCH = 16  # requests sent before their answers are read
CALIBRATION = 96
LEAD = 6  # answers by which a right guess must be ahead: one in 32 may be wrong, and thousands of guesses are made
PASSES = 8  # over all 256 guesses of a byte, since a wrong answer may hide the right one


class Service:
    """A connection; `check` sends requests in batches and gives the answers in order."""

    def __init__(self, view: Delivered) -> None:
        self._socket = socket.create_connection((view.layout["host"], view.layout["port"]), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")
        if view.access:
            self.ask([f"OPEN {view.access}"])

    def ask(self, requests: list[str]) -> list[str]:
        """Answers of some requests."""
        self._socket.sendall("".join(request + "\n" for request in requests).encode())
        return [self._stream.readline().decode().strip() for _ in requests]

    def check(self, tokens: list[bytes]) -> list[str]:
        """Answers to CHECK."""
        return self.ask([f"CHECK {token.hex()}" for token in tokens])


class Padding:
    """What the answers say of padding; which answers mean that it is bad is learnt from random blocks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        heard: Counter[str] = Counter()
        for _ in range(CALIBRATION // BATCH):
            heard.update(service.check([os.urandom(32) for _ in range(BATCH)]))
        self.bad = {answer for answer, count in heard.items() if count >= CALIBRATION // 8}

    def right(self, tokens: list[bytes]) -> list[bool]:
        """Whether each token's padding looked right."""
        answers = self._service.check(tokens)
        if "limit" in answers:
            raise LookupError("no answers left")
        return [answer not in self.bad for answer in answers]

    def confirmed(self, token: bytes) -> bool:
        """Ask again after a first good answer, until right or wrong is clearly ahead."""
        ahead = 1
        while 0 <= ahead < LEAD:
            ahead += 1 if self.right([token])[0] else -1
        return ahead > 0


def solve_cbc_oracle(view: Delivered) -> bytes | None:
    """Decrypt the token block by block and look for the value in it."""
    table = view.table("tokens")
    token = bytes.fromhex(table["tokens"][table["target"]])
    blocks = [token[place : place + 16] for place in range(0, len(token), 16)]
    try:
        padding = Padding(Service(view))
        text = b""
        for before, block in pairwise(blocks):
            plain = _block(padding, before, block)
            if plain is None:
                return None
            text += plain
    except LookupError:
        return None
    return view.first_right(text[place : place + 16] for place in range(len(text) - 15))


def _block(padding: Padding, before: bytes, block: bytes) -> bytes | None:
    middle = bytearray(16)  # the block's decryption before it is added to the block before
    for place in range(15, -1, -1):
        found = _byte(padding, middle, place, block)
        if found is None:
            return None
        middle[place] = found
    return bytes(a ^ b for a, b in zip(middle, before, strict=True))


def _byte(padding: Padding, middle: bytearray, place: int, block: bytes) -> int | None:
    number = 16 - place
    ending = bytes(byte ^ number for byte in middle[place + 1 :])
    for _ in range(PASSES):
        head = os.urandom(place)
        for first in range(0, 256, BATCH):
            tokens = [head + bytes([guess]) + ending + block for guess in range(first, first + BATCH)]
            for token, right in zip(tokens, padding.right(tokens), strict=True):
                if right and padding.confirmed(token) and _is_last(padding, token, place):
                    return token[place] ^ number
    return None


def _is_last(padding: Padding, token: bytes, place: int) -> bool:
    """For the last byte: the padding is 1, not by chance 2 or more; the byte before it does not matter then."""
    if place < 15:
        return True
    return padding.confirmed(token[:14] + bytes([token[14] ^ 255]) + token[15:])


def solve_cbc_flip(view: Delivered) -> bytes | None:
    """Flip every field, and the sum, in the block before it."""
    table = view.table("wanted")
    service = Service(view)
    token = bytearray.fromhex(service.ask(["ISSUE"])[0])
    changes = [(_field(item["name"], item["issued"]), _field(item["name"], item["wanted"])) for item in table["fields"]]
    if table["summed"]:
        sums = [zlib.crc32(b"".join(change[side] for change in changes)) for side in (0, 1)]
        changes.append((_field("sum", f"{sums[0]:08x}"), _field("sum", f"{sums[1]:08x}")))
    noted = len(token) > 32  # a note before each field, which takes the garbling
    for number, (old, new) in enumerate(changes):
        start = 16 * (2 * number + 1) if noted else 0  # of the block before the field, as it is sent
        for place in range(16):
            token[start + place] ^= old[place] ^ new[place]
    answer = service.check([bytes(token)])[0]
    return answer.encode() if answer.startswith("flag{") else None


def _field(name: str, value: str) -> bytes:
    return f"{name}={value}".ljust(16).encode()


def solve_length_extension(view: Delivered) -> bytes | None:
    """Go on from the tag as the hash's state, for every possible length of the key."""
    service = Service(view)
    message, tag = (bytes.fromhex(word) for word in service.ask(["ISSUE"])[0].split())
    more = "".join(f"&{item['name']}={item['value']}" for item in view.table("wanted")["wanted"]).encode()
    size = 8 if view.layout["digest"] == "sha512" else 4
    tokens = []
    for length in range(view.layout["low"], view.layout["high"] + 1):
        filled = message + padding(length + len(message), size)
        tokens.append(f"CHECK {(filled + more).hex()} {extended(tag, length + len(filled), more, size).hex()}")
    for request in tokens:
        answer = service.ask([request])[0]
        if answer.startswith("flag{"):
            return answer.encode()
    return None


def padding(length: int, size: int) -> bytes:
    """What SHA-2 with words of `size` bytes appends to a text of that length (FIPS 180-4, section 5.1)."""
    block = 16 * size
    return b"\x80" + bytes(-(length + 1 + 2 * size) % block) + (8 * length).to_bytes(2 * size, "big")


def extended(state: bytes, done: int, more: bytes, size: int) -> bytes:
    """The digest of a text of `done` bytes (a multiple of the block) with that state, followed by `more`."""
    words = [int.from_bytes(state[place : place + size], "big") for place in range(0, 8 * size, size)]
    text = more + padding(done + len(more), size)
    for place in range(0, len(text), 16 * size):
        words = compressed(words, text[place : place + 16 * size], size)
    return b"".join(word.to_bytes(size, "big") for word in words)


_ROTATIONS = {
    4: ((7, 18, 3), (17, 19, 10), (6, 11, 25), (2, 13, 22)),
    8: ((1, 8, 7), (19, 61, 6), (14, 18, 41), (28, 34, 39)),
}


def compressed(state: list[int], block: bytes, size: int) -> list[int]:
    """The compression function of SHA-256 (words of 4 bytes) or SHA-512 (8 bytes), FIPS 180-4, section 6."""
    bits, mask = 8 * size, (1 << 8 * size) - 1
    low, high, upper, lower = _ROTATIONS[size]

    def turned(word: int, counts: tuple[int, int, int], last: Callable[[int, int], int]) -> int:
        first, second = (((word >> count) | (word << (bits - count))) & mask for count in counts[:2])
        return first ^ second ^ last(word, counts[2])

    def shifted(word: int, count: int) -> int:
        return word >> count

    def rotated(word: int, count: int) -> int:
        return ((word >> count) | (word << (bits - count))) & mask

    w = [int.from_bytes(block[place : place + size], "big") for place in range(0, 16 * size, size)]
    constants = _constants(size)
    for place in range(16, len(constants)):
        w.append((turned(w[-2], high, shifted) + w[-7] + turned(w[-15], low, shifted) + w[place - 16]) & mask)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(constants, w, strict=True):
        one = h + turned(e, upper, rotated) + ((e & f) ^ (~e & g)) + constant + word
        two = turned(a, lower, rotated) + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (one + two) & mask, a, b, c, (d + one) & mask, e, f, g
    return [(old + new) & mask for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def _constants(size: int) -> list[int]:
    """First bits of the fractional parts of the cube roots of the first primes."""
    count, bits = (64, 32) if size == 4 else (80, 64)
    primes = [number for number in range(2, 410) if all(number % other for other in range(2, isqrt(number) + 1))]
    return [_cube_root(prime << (3 * bits)) & ((1 << bits) - 1) for prime in primes[:count]]


def _cube_root(number: int) -> int:
    guess = 1 << (number.bit_length() // 3 + 1)
    while True:
        better = (2 * guess + number // (guess * guess)) // 3
        if better >= guess:
            return guess
        guess = better
