"""A connector whose target is this process's memory: for listings too large to make on a disk, and for places that change or hang on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry, Options
from drcheck.errors import AccessDenied, NotThere, Unreachable
from drcheck.model import Identity, Protection
from drcheck.secrets import resolve


class MemoryConnector(Connector):
    """
    Objects in `entries`, or made anew for every listing by `source`; `between` is called after the first whole listing, as a writer would go on.
    """

    kind = "memory"

    def __init__(self, options: Options | None = None, *, deadline: Deadline | None = None, calls: CallLog | None = None, **_: object) -> None:
        super().__init__(options or Options(), secrets=resolve, deadline=deadline or Deadline(None), calls=calls or CallLog("memory"))
        self.entries: dict[str, tuple[Entry, bytes]] = {}
        self.source: Callable[[], Iterator[Entry]] | None = None
        self.between: Callable[[], None] | None = None
        self.skew: float | None = None

    def put(self, key: str, content: bytes | int = b"x", modified: datetime | None = None) -> None:
        """Store an object, or one that only has a size."""
        size = content if isinstance(content, int) else len(content)
        self.entries[key] = (Entry(key, size, modified), b"" if isinstance(content, int) else content)

    def open(self) -> None:
        self.calls.record("memory:open")

    def list(self, prefix: str = "") -> Iterator[Entry]:
        self.calls.record("memory:list", prefix)
        if self.source is not None:
            yield from self.source()
        else:
            for key in sorted(self.entries, key=lambda key: key.encode("utf-8", "surrogateescape")):
                self.deadline.check()
                if not prefix or key == prefix or key.startswith(prefix + "/"):
                    yield self.entries[key][0]
        if self.between is not None:
            change, self.between = self.between, None
            change()

    def stat(self, key: str) -> Entry:
        self.calls.record("memory:stat", key)
        if key not in self.entries:
            raise NotThere(f"{key}: is not there")
        return self.entries[key][0]

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.calls.record("memory:read", key)
        if key not in self.entries:
            raise NotThere(f"{key}: is not there")
        yield self.entries[key][1][start : None if length is None else start + length]

    def identity(self) -> Identity:
        return Identity("tester", device="memory:0", traits=(("host", "here"),))

    def protection(self, key: str | None = None) -> Protection:
        return Protection("compliance", days=30) if key is None else Protection("governance", detail=key)

    def clock_skew(self) -> float:
        return super().clock_skew() if self.skew is None else self.skew


class Good(MemoryConnector):
    """Holds five daily recovery points of the copy `lab`."""

    def open(self) -> None:
        super().open()
        for day in range(1, 6):
            self.put(f"lab/2026-03-{day:02}/archive", 1_000, datetime(2026, 1, 1, tzinfo=UTC))


class Closed(MemoryConnector):
    """Cannot be reached."""

    def open(self) -> None:
        raise Unreachable("no route to it")


class Denied(Good):
    """Refuses to list."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        raise AccessDenied(f"{prefix}: listing is refused")


class Hung(Good):
    """Never answers a listing, whatever its deadline."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        threading.Event().wait()
        return super().list(prefix)


class HungAtOnce(MemoryConnector):
    """Never opens, whatever its deadline."""

    def open(self) -> None:
        threading.Event().wait()


class Slow(Good):
    """Lists for ever, and keeps its deadline."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        while True:
            threading.Event().wait(0.02)
            self.deadline.check()
            yield from ()


class Broken(Good):
    """Has a bug where nobody catches it."""

    def close(self) -> None:
        raise ZeroDivisionError("a bug")


PLACES = {f"memory-{kind.__name__.lower()}": f"{__name__}:{kind.__name__}" for kind in (Good, Closed, Denied, Hung, HungAtOnce, Slow, Broken)}
"""Names for the table of connectors."""
