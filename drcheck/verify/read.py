"""Reading one object once, for every digest that is wanted of it, in constant memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from drcheck.connectors.base import Connector, Entry


class _Hasher(Protocol):
    def update(self, chunk: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, chunk: bytes, /) -> None:
        self._value = zlib.crc32(chunk, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


@dataclass(frozen=True, slots=True)
class Digests:
    """What one object's bytes came to."""

    hex: dict[str, str]
    """The digest of each algorithm, lower case."""
    size: int
    """Bytes that were read."""


def digest_object(connector: Connector, entry: Entry, algorithms: Collection[str]) -> Digests:
    """
    The digests of one object's bytes, each byte read once.

    Raises whatever the connector raises; the caller is the boundary. The connector checks its deadline for each chunk.
    """
    hashers = {algorithm: _hasher(algorithm) for algorithm in algorithms}
    size = 0
    for chunk in connector.read(entry.key):
        size += len(chunk)
        for hasher in hashers.values():
            hasher.update(chunk)
    return Digests({algorithm: hasher.hexdigest() for algorithm, hasher in hashers.items()}, size)


def _hasher(algorithm: str) -> _Hasher:
    if algorithm == "crc32":
        return _Crc32()
    if algorithm.startswith("blake2b"):
        return hashlib.blake2b(digest_size=int(algorithm.partition("-")[2] or 512) // 8)
    # Weak algorithms find accidents here and are called weak; a system in FIPS mode would refuse them for security only.
    return hashlib.new(algorithm.replace("-", "_"), usedforsecurity=False)
