"""
The CRCs that object stores keep: CRC-32 (ISO 3309), CRC-32C (Castagnoli, RFC 9260 appendix A) and CRC-64/NVME (NVM Express, section 5.2.1.3.4).

All are reflected, and start and end with all bits inverted. They show accidents, never attacks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module

POLYNOMIALS = {"crc32": (32, 0xEDB88320), "crc32c": (32, 0x82F63B78), "crc64nvme": (64, 0x9A6C9329AC4BC9B5)}
"""Bits, and the polynomial with its lowest term in the highest bit."""

Update = Callable[[bytes | memoryview, int], int]
"""Given the next bytes and the CRC of those before them, the CRC of both."""


class Crc:
    """A CRC that grows with the bytes, used as what `hashlib` returns. Raises KeyError for an algorithm that is not in `POLYNOMIALS`."""

    def __init__(self, algorithm: str) -> None:
        self._digits = POLYNOMIALS[algorithm][0] // 4
        self._update = updater(algorithm)
        self._value = 0

    def copy(self) -> Crc:
        """One more that has seen the same bytes."""
        same = Crc.__new__(Crc)
        same._digits, same._update, same._value = self._digits, self._update, self._value
        return same

    def update(self, chunk: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        self._value = self._update(chunk, self._value)

    def hexdigest(self) -> str:
        """The CRC of all bytes so far."""
        return f"{self._value:0{self._digits}x}"


@cache
def updater(algorithm: str) -> Update:
    """The fastest way there is: zlib's, that of `awscrt` where it is installed (the extra `crt`), else a table in Python: some 10 MB/s."""
    if algorithm == "crc32":
        return zlib.crc32
    try:
        found: Update = getattr(import_module("awscrt.checksums"), algorithm)
    except (ImportError, AttributeError):
        return in_python(algorithm)
    try:
        found(memoryview(b""), 0)
    except TypeError:  # releases that take bytes only
        return lambda chunk, before: found(bytes(chunk), before)
    return found


def in_python(algorithm: str) -> Update:
    """The same without any library."""
    bits, polynomial = POLYNOMIALS[algorithm]
    ones = (1 << bits) - 1
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)

    def update(chunk: bytes | memoryview, before: int) -> int:
        value = before ^ ones
        for byte in bytes(chunk):
            value = table[(value ^ byte) & 0xFF] ^ value >> 8
        return value ^ ones

    return update


def combine(algorithm: str, parts: Iterable[tuple[int, int]]) -> int:
    """
    The CRC of a whole, from the CRC and the length in bytes of each of its parts in order.

    The bytes of a part that come later move what came before by a power of x, modulo the polynomial.
    """
    bits, polynomial = POLYNOMIALS[algorithm]
    whole = 0
    for crc, length in parts:
        whole = _multiply(_power(8 * length, bits, polynomial), whole, bits, polynomial) ^ crc
    return whole


def _multiply(one: int, other: int, bits: int, polynomial: int) -> int:
    product = 0
    for place in range(bits - 1, -1, -1):
        if one >> place & 1:
            product ^= other
        other = other >> 1 ^ (polynomial if other & 1 else 0)
    return product


def _power(exponent: int, bits: int, polynomial: int) -> int:
    """x to the power, as reflected bits: x^0 is the highest."""
    result, square = 1 << bits - 1, 1 << bits - 2
    while exponent:
        if exponent & 1:
            result = _multiply(result, square, bits, polynomial)
        square = _multiply(square, square, bits, polynomial)
        exponent >>= 1
    return result
