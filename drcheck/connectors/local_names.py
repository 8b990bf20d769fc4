"""The names in one folder in order, however many there are: a folder of a million names is sorted in bounded memory."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import IO

from drcheck.errors import ConnectorError

HELD = 1 << 15
"""Names that are sorted in memory; where there are more, runs of so many lie in a temporary file without a name of its own."""
_PART = 1 << 13
"""Bytes of a run that are in memory while the runs are merged."""


def in_order(names: Iterable[bytes]) -> Iterator[bytes]:
    """
    The names by their bytes. All are drawn before this returns.

    Raises:
        ConnectorError: the temporary file has no room.
    """
    rest = iter(names)
    run = sorted(islice(rest, HELD))
    if len(run) < HELD:
        return iter(run)
    try:
        file = tempfile.TemporaryFile(prefix="drcheck-")  # noqa: SIM115 - closed when the last name was given
    except OSError as error:
        raise _no_room(error) from error
    ends = [0]
    try:
        while run:
            ends.append(ends[-1] + _write(file, b"\0".join(run) + b"\0"))  # NUL is the one byte besides / that no name has
            run = sorted(islice(rest, HELD))
    except BaseException:
        file.close()
        raise
    return _merged(file, ends)


def _write(file: IO[bytes], content: bytes) -> int:
    try:
        file.write(content)
        file.flush()
    except OSError as error:
        raise _no_room(error) from error
    return len(content)


def _merged(file: IO[bytes], ends: list[int]) -> Iterator[bytes]:
    with file:
        yield from heapq.merge(*(_run(file.fileno(), start, end) for start, end in pairwise(ends)))


def _run(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    left = b""
    while start < end:
        part = os.pread(descriptor, min(_PART, end - start), start)
        if not part:
            raise ConnectorError("the temporary file with the names of a folder was cut short")
        start += len(part)
        *whole, left = (left + part).split(b"\0")
        yield from whole


def _no_room(error: OSError) -> ConnectorError:
    where = tempfile.gettempdir() if tempfile.tempdir else "the temporary folder"
    return ConnectorError(f"a folder of more than {HELD:,} names is sorted in {where}, which cannot be: {error.strerror or error}; make room there")
