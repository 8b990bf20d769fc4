"""One object with everything that is promised for it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from drcheck.connectors.base import Entry
from drcheck.verify.earlier import Earlier


class Promised(NamedTuple):
    """One promise for one object. A named tuple for the same reason as `Entry`."""

    algorithm: str
    digest: str
    size: int | None
    manifest: str
    promised_as: str
    """The key as it was promised, where the object's is the same in another form of Unicode or spelling; else empty."""


class Wanted(NamedTuple):
    """One object with everything that was promised for it. A named tuple for the same reason as `Entry`."""

    entry: Entry
    promises: tuple[Promised, ...]
    earlier: Earlier | None = None
    """What earlier nights know of it; None where they know nothing, or where no store is kept."""
    stood: bool = False
    """Whether the match of an earlier night was told for it, so that reading it again replaces that."""


@dataclass(frozen=True, slots=True)
class Unpromised:
    """One object that should have a promise and has none."""

    entry: Entry
    point: str
    others: bool
    """Whether others of its recovery point have one."""
    result: str
    """What earlier nights made of it; empty where they made nothing."""
