"""An entry of a fuzzer: a parser behind a function of bytes, with examples of what it reads and words that mean something to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 5.0
"""Of this process's own time, that no input of a few kilobytes may take: far more than any does on a slow machine."""


class TooSlow(AssertionError):
    """An input took longer than its size can explain."""


@dataclass(frozen=True)
class Entry:
    """One parser."""

    name: str
    run: Callable[[bytes], None]
    """Parses; returns whether or not the bytes were understood, and raises only what is a defect."""
    seeds: tuple[bytes, ...]
    """Inputs that are understood, to start from."""
    words: tuple[bytes, ...] = ()

    def __call__(self, data: bytes) -> None:
        """Run it once, within its time."""
        started = time.process_time()
        self.run(data)
        if time.process_time() - started > SECONDS:
            raise TooSlow(f"{self.name}: {len(data)} bytes took {time.process_time() - started:.1f} s")


def pieces(data: bytes, count: int) -> list[bytes]:
    """The input cut into `count` parts at its first NUL bytes; parts that are not there are empty."""
    parts = data.split(b"\0", count - 1)
    return parts + [b""] * (count - len(parts))


def text(data: bytes) -> str:
    """Bytes as a text that keeps them, as names are kept."""
    return data.decode("utf-8", "surrogateescape")
