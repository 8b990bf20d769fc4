"""A folder behind a connection that fails on purpose: the local connector, with a script for what happens before each object is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from drcheck.connectors.base import Entry
from drcheck.connectors.local import LocalConnector

CONNECTOR = {"troubled": "tests.verify.troubled:TroubledConnector"}
"""The line that puts it into the table of connectors."""


class TroubledConnector(LocalConnector):
    """Set `before` and `halfway` to functions of a key that raise, wait or change the folder; a key in `archived` cannot be read."""

    before: ClassVar[Callable[[str], None]] = staticmethod(lambda key: None)
    halfway: ClassVar[Callable[[str], None]] = staticmethod(lambda key: None)
    listing: ClassVar[Callable[[str], None]] = staticmethod(lambda key: None)
    archived: ClassVar[frozenset[str]] = frozenset()
    reads: ClassVar[list[str]] = []

    def list(self, prefix: str = "") -> Iterator[Entry]:
        for entry in super().list(prefix):
            type(self).listing(entry.key)
            yield entry._replace(archived=entry.key in self.archived)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.reads.append(key)
        type(self).before(key)
        chunks = super().read(key, start, length)
        yield next(chunks, b"")
        type(self).halfway(key)
        yield from chunks
