"""Short ways to ask a connector, for the contract and for the tests of each kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from drcheck.connectors.base import Connector
from drcheck.model import Fact, Reason, Unobserved
from drcheck.pace import Pace

T = TypeVar("T")


def keys(connector: Connector, prefix: str = "") -> list[str]:
    """Every key that a listing gives, in its order."""
    return [entry.key for entry in connector.list(prefix)]


def content(connector: Connector, key: str, start: int = 0, length: int | None = None) -> bytes:
    """What a read gives, whole."""
    return b"".join(connector.read(key, start, length))


def reason(fact: Fact[T]) -> Reason | None:
    """Why the fact is missing; None where it is there."""
    return fact.reason if isinstance(fact, Unobserved) else None


def in_key_order(names: list[str]) -> list[str]:
    """The names by the bytes of their UTF-8 form, escaped bytes as themselves."""
    return sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))


class Told(Pace):
    """A pace that keeps every amount that it was told, in order."""

    def __init__(self, rate: float | None = None) -> None:
        super().__init__(rate)
        self.amounts: list[int] = []

    def add(self, amount: int = 0) -> None:
        self.amounts.append(amount)
        super().add(amount)


def resident() -> int:
    """Bytes of memory that this process has now; 0 where the system has no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
