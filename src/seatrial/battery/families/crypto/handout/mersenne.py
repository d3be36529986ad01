"""MT19937, the generator of Matsumoto and Nishimura (1998), with words of 32 bits."""

import hashlib


class Mersenne:
    """624 words of state; a value is a tempered word."""

    def __init__(self, words: list[int]) -> None:
        self.words, self.place = list(words), 624

    def value(self) -> int:
        """The next value."""
        if self.place == 624:
            self._twist()
        word = self.words[self.place]
        self.place += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C5680
        word ^= (word << 15) & 0xEFC60000
        return word ^ (word >> 18)

    def _twist(self) -> None:
        words = self.words
        for i in range(624):
            both = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7FFFFFFF)
            words[i] = words[(i + 397) % 624] ^ (both >> 1) ^ (0x9908B0DF if both & 1 else 0)
        self.place = 0


def sealing_key(values: list[int]) -> bytes:
    """A key from the eight values that follow."""
    return hashlib.sha256(b"".join(value.to_bytes(4, "big") for value in values[:8])).digest()
