"""
Many names with a few words each, sorted on disk in bounded memory.

They are collected into runs that are sorted and written away, and the runs are merged into one file. A sparse index of bounded size finds the place
of a name in it.
"""

from __future__ import annotations

import heapq
import tempfile
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

RUN_BYTES = 32 * 2**20
"""Bytes that are collected before they are sorted and written away, with what Python needs for them."""
_ROW = 150
"""Bytes that Python needs for one row besides its content, about."""
_INDEX = 4096
"""Most places that the index holds."""
_BLOCK = 2**18
_TICK = 10_000

Row = tuple[bytes, bytes]
"""A name, and the words that belong to it, which hold no line end."""


class SortedLines:
    """
    Takes rows in any order, then gives them in the order of their names' bytes. Its files have no name and go with the process.

    Reading may be done from several threads and places at once, once `settle` was called. Every method raises OSError where the disk is full.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._collected = 0
        self._runs: list[BinaryIO] = []
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._index: list[tuple[bytes, int]] = []
        self.count = 0

    def add(self, name: bytes, words: bytes) -> None:
        """Take one row."""
        self._rows.append((name, words))
        self._collected += len(name) + len(words) + _ROW
        if self._collected >= RUN_BYTES:
            self._write_run()

    def settle(self, tick: Callable[[], object] = int) -> None:
        """Put everything in order, calling `tick` now and then, which may raise. Nothing is added after it."""
        self._write_run()
        file = self._runs[0] if len(self._runs) == 1 else _new_file()
        offset, every = 0, 1
        lines = _raw(self._runs[0]) if len(self._runs) == 1 else map(_line, heapq.merge(*map(_rows, self._runs)))
        for number, line in enumerate(lines):
            if number % _TICK == 0:
                tick()
            if number % every == 0:
                self._index.append((_row(line)[0], offset))
                if len(self._index) > _INDEX:
                    self._index, every = self._index[::2], 2 * every
            if file is not self._runs[0]:
                file.write(line)
            offset += len(line)
            self.count += 1
        file.flush()
        for run in self._runs:
            if run is not file:
                run.close()
        self._runs, self._file = [], file

    def from_name(self, name: bytes) -> Iterator[Row]:
        """Every row whose name is `name` or comes after it, in order."""
        if self._file is None or not self._index:
            return
        # Names may repeat, so the place is that of the last one that comes before.
        place = max(0, bisect_right(self._index, (name,)) - 1)
        while place and self._index[place][0] == name:
            place -= 1
        for line in self._lines(self._index[place][1]):
            row = _row(line)
            if row[0] >= name:
                yield row

    def close(self) -> None:
        """Let go of the files. Never raises."""
        for file in (*self._runs, *([self._file] if self._file else [])):
            with suppress(OSError):
                file.close()
        self._runs, self._file, self._rows = [], None, []

    def _write_run(self) -> None:
        if not self._rows and self._runs:
            return
        self._rows.sort()
        run = _new_file()
        self._runs.append(run)
        run.writelines(map(_line, self._rows))
        run.flush()
        self._rows, self._collected = [], 0

    def _lines(self, offset: int) -> Iterator[bytes]:
        rest = b""
        while self._file is not None:
            with self._lock:
                self._file.seek(offset)
                block = self._file.read(_BLOCK)
            if not block:
                return
            offset += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line + b"\n"


def _new_file() -> BinaryIO:
    return tempfile.TemporaryFile(prefix="drcheck-", buffering=_BLOCK)  # type: ignore[return-value]


def _line(row: Row) -> bytes:
    name, words = row
    if b"\\" in name or b"\t" in name or b"\n" in name:
        name = name.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n")
    return name + b"\t" + words + b"\n"


def _row(line: bytes) -> Row:
    name, _, words = line[:-1].partition(b"\t")
    if b"\\" in name:
        name = b"\\".join(part.replace(b"\\t", b"\t").replace(b"\\n", b"\n") for part in name.split(b"\\\\"))
    return name, words


def _raw(run: BinaryIO) -> Iterator[bytes]:
    run.seek(0)
    yield from run


def _rows(run: BinaryIO) -> Iterator[Row]:
    return map(_row, _raw(run))
