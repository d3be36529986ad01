"""Linear feedback shift registers as a keystream of bits."""


class Register:
    """`degree` bits of state; the bit that enters is the parity of the state under `taps`."""

    def __init__(self, degree: int, taps: int, state: int) -> None:
        self.degree, self.taps, self.state = degree, taps, state

    def bit(self) -> int:
        """The next bit."""
        leaving = self.state & 1
        entering = (self.state & self.taps).bit_count() & 1
        self.state = (self.state >> 1) | (entering << (self.degree - 1))
        return leaving


def combined(registers: list[Register]) -> int:
    """The next bit of one register, or of three: the second chooses between the first and the third."""
    bits = [register.bit() for register in registers]
    if len(bits) == 1:
        return bits[0]
    first, chooser, third = bits
    return first if chooser else third


def encrypt(registers: list[Register], text: bytes) -> bytes:
    """A text under the keystream, from each byte's highest bit down; decrypting is the same."""
    return bytes(byte ^ sum(combined(registers) << (7 - place) for place in range(8)) for byte in text)
