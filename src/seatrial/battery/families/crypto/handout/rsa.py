"""RSA: a value of 16 bytes in a padded block as long as the modulus."""


def pad(secret: bytes, size: int, filler: bytes) -> bytes:
    """00 02, filler without zero bytes, 00, then the value: `size` bytes in all."""
    kept = bytes(byte or 1 for byte in filler[: size - 3 - len(secret)])
    return b"\0\2" + kept + b"\0" + secret


def encrypt(modulus: int, exponent: int, block: bytes) -> int:
    """A padded block under a public key."""
    return pow(int.from_bytes(block, "big"), exponent, modulus)
