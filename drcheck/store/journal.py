"""
The journal: results of objects in the order in which they are made, until the next merge folds them into the runs.

A batch of results is one row of the database, sorted by key. For folding all are wanted in key order. Where they were made in that order nothing is
left to do; otherwise they are sorted in portions that fit into memory. The portions lie in a temporary file without a name, and are read side by
side. Of two results of one object the later one comes later.
"""

from __future__ import annotations

import heapq
import struct
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import IO

from sqlalchemy import Connection, func, insert, select

from drcheck.store.database import Database
from drcheck.store.known import Cells, Row
from drcheck.store.packing import pack, unpack
from drcheck.store.schema import copies, readings

PORTION = 32_768
"""How many readings are sorted in memory at a time."""
_BLOCK = 256
"""How many readings of each portion are in memory while portions are read side by side."""
_LENGTHS = struct.Struct("<III")
_BY_KEY = itemgetter(0)


def append(connection: Connection, copy: int, rows: Sequence[Cells]) -> None:
    """Add one batch (at least one) to a copy's journal."""
    rows = sorted(rows, key=_BY_KEY)
    packed = pack(rows)
    # The copy's row is locked first, so that numbers of batches are given in the order in which they can be seen: a merge takes all up to one.
    connection.execute(select(copies.c.id).where(copies.c.id == copy).with_for_update())
    values = {"copy": copy, "first_key": rows[0][0], "last_key": rows[-1][0], "objects": packed.count, "checksum": packed.check}
    connection.execute(insert(readings).values(columns=packed.columns, digests=packed.digests, **values))


def newest(connection: Connection, copy: int) -> int:
    """The number of the copy's newest batch; 0 where its journal is empty."""
    return connection.execute(select(func.max(readings.c.id)).where(readings.c.copy == copy)).scalar_one() or 0


def in_key_order(database: Database, copy: int, upto: int) -> Iterator[Row]:
    """
    The readings of a copy's batches up to the number `upto`, in key order, in bounded memory.

    Raises:
        StoreError: they cannot be read.
    """
    if _follow_each_other(database, copy, upto):
        return chain.from_iterable(_batches(database, copy, upto))
    return _sorted(database, copy, upto)


def _follow_each_other(database: Database, copy: int, upto: int) -> bool:
    """Whether no batch begins before the end of an earlier one: so it is where objects are read in key order."""
    last = b""
    with database.reading() as connection:
        ends = select(readings.c.first_key, readings.c.last_key).where(readings.c.copy == copy, readings.c.id <= upto).order_by(readings.c.id)
        with connection.execution_options(yield_per=1_000).execute(ends) as found:
            for first_key, last_key in found:
                if first_key < last:
                    return False
                last = last_key
    return True


def _sorted(database: Database, copy: int, upto: int) -> Iterator[Row]:
    portion: list[Row] = []
    starts: list[tuple[int, int]] = []
    with tempfile.TemporaryFile(prefix="drcheck-") as spill:
        for batch in _batches(database, copy, upto):
            portion += batch
            if len(portion) >= PORTION:
                with database.told():
                    starts.append(_write(spill, portion))
                portion = []
        portion.sort(key=_BY_KEY)
        # Sorting and merging are stable, so what was recorded later stays behind.
        yield from heapq.merge(*(_read(spill, start, end) for start, end in starts), portion, key=_BY_KEY) if starts else portion


def _batches(database: Database, copy: int, upto: int) -> Iterator[list[Row]]:
    last, many = 0, 4
    wanted = select(readings.c.id, readings.c.columns, readings.c.digests, readings.c.checksum, readings.c.objects)
    wanted = wanted.where(readings.c.copy == copy, readings.c.id <= upto).order_by(readings.c.id)
    while True:
        with database.reading() as connection:
            found = connection.execute(wanted.where(readings.c.id > last).limit(many)).all()
        for last, columns, digests, check, _ in found:  # noqa: B007 - the last one is used
            with database.told():
                yield unpack(columns, digests, check)
        if len(found) < many:
            return
        # A batch has thousands of readings after a fast night, and one after a night of large objects.
        many = max(4, min(1_000, PORTION * many // sum(batch.objects for batch in found)))


def _write(spill: IO[bytes], portion: list[Row]) -> tuple[int, int]:
    portion.sort(key=_BY_KEY)
    start = spill.seek(0, 2)
    for index in range(0, len(portion), _BLOCK):
        packed = pack(portion[index : index + _BLOCK])
        spill.write(_LENGTHS.pack(len(packed.columns), len(packed.digests), packed.check))
        spill.write(packed.columns)
        spill.write(packed.digests)
    return start, spill.tell()


def _read(spill: IO[bytes], start: int, end: int) -> Iterator[Row]:
    while start < end:
        spill.seek(start)
        columns, digests, check = _LENGTHS.unpack(spill.read(_LENGTHS.size))
        rows = unpack(spill.read(columns), spill.read(digests), check)
        start = spill.tell()
        yield from rows
