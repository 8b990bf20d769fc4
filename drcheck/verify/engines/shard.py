"""Objects put together to be read elsewhere in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from drcheck.connectors.base import Entry
from drcheck.errors import ConnectorError

OBJECTS = 1_000
"""Objects, ..."""
BYTES = 1 << 30
"""... bytes to be read, ..."""
NAMES = 1 << 20
"""... or bytes of names that fill a shard: work of a second or more, beside which the milliseconds of handing it out do not count."""


@dataclass(slots=True)
class Shard:
    """A thousand small objects, a few large ones, or one that is larger than that."""

    wanted: list[tuple[Entry, Collection[str]]] = field(default_factory=list)
    """Each object with the algorithms wanted of it."""
    bytes: int = 0
    """What they come to, as listed."""

    @property
    def about(self) -> str:
        """Which objects, in few words."""
        first, more = self.wanted[0][0].key, len(self.wanted) - 1
        return f"{first} and {more} more" if more else first


def shards(wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[Shard]:
    """
    The objects in shards, in their order; each is drawn when its shard is.

    A ConnectorError that `wanted` raises is raised after the shard of what was drawn before it.
    """
    shard, names = Shard(), 0
    try:
        for entry, algorithms in wanted:
            if shard.wanted and (len(shard.wanted) >= OBJECTS or shard.bytes + entry.size > BYTES or names + len(entry.key) > NAMES):
                yield shard
                shard, names = Shard(), 0
            shard.wanted.append((entry, algorithms))
            shard.bytes += entry.size
            names += len(entry.key)
    except ConnectorError:
        if shard.wanted:
            yield shard
        raise
    if shard.wanted:
        yield shard
