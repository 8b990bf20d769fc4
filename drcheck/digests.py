"""Digests of bytes that are read once, for as many algorithms as are wanted, in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol, Self

from drcheck.crc import POLYNOMIALS, Crc


class Hasher(Protocol):
    """What `hashlib` returns, and what stands in for it."""

    def copy(self) -> Self: ...

    def update(self, chunk: bytes | memoryview, /) -> object: ...

    def hexdigest(self) -> str: ...


class Digests(NamedTuple):
    """What one object's bytes came to."""

    hex: dict[str, str]
    """The digest of each algorithm, lower case."""
    size: int
    """Bytes that were hashed."""
    there: bool = False
    """Whether the place hashed them itself and says so; not a byte was read here then."""


def digest(chunks: Iterable[bytes], algorithms: Collection[str]) -> Digests:
    """The digests of everything in `chunks`, each byte looked at once. Raises ValueError for an algorithm that is not known."""
    hashers = {algorithm: hasher(algorithm) for algorithm in algorithms}
    size = 0
    for chunk in chunks:
        size += len(chunk)
        for each in hashers.values():
            each.update(chunk)
    return Digests({algorithm: each.hexdigest() for algorithm, each in hashers.items()}, size)


def hasher(algorithm: str) -> Hasher:
    """
    A fresh hasher: a name that `hashlib` knows, `blake2b-BITS`, a CRC of `drcheck.crc`, or `blake3` with its extra.

    Raises ValueError for any other.
    """
    if algorithm in POLYNOMIALS:
        return Crc(algorithm)
    if algorithm == "blake3":
        return _blake3()
    if algorithm.startswith("blake2b"):
        return hashlib.blake2b(digest_size=int(algorithm.partition("-")[2] or 512) // 8)
    # Weak algorithms find accidents here and are called weak; a system in FIPS mode would refuse them for security only.
    return hashlib.new(algorithm.replace("-", "_"), usedforsecurity=False)


def has_blake3() -> bool:
    """Whether BLAKE3 can be computed here: it comes with the extra `blake3`."""
    from importlib.util import find_spec

    return find_spec("blake3") is not None


def _blake3() -> Hasher:
    try:
        from blake3 import blake3
    except ImportError:
        raise ValueError("BLAKE3 needs an extra; install it: pip install 'drcheck[blake3]'") from None
    return blake3()
