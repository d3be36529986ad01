"""A linear congruential generator."""

import hashlib


class Congruential:
    """state -> (multiplier * state + increment) mod modulus; a value is the state without its `hidden` low bits."""

    def __init__(self, multiplier: int, increment: int, modulus: int, state: int, hidden: int = 0) -> None:
        self.multiplier, self.increment, self.modulus = multiplier, increment, modulus
        self.state, self.hidden = state, hidden

    def value(self) -> int:
        """The next value."""
        self.state = (self.multiplier * self.state + self.increment) % self.modulus
        return self.state >> self.hidden


def sealing_key(values: list[int], size: int) -> bytes:
    """A key from the four values that follow, each as `size` bytes."""
    return hashlib.sha256(b"".join(value.to_bytes(size, "big") for value in values[:4])).digest()
