"""
One way of recording made-up objects, in a process of its own: prints the seconds that it took within the store.

What is to be recorded is made block by block outside that time, on both sides alike.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, bindparam, create_engine, event, insert, select, update

from drcheck.connectors.base import Entry
from drcheck.model import Depth, ObjectResult
from drcheck.store import Digest, Reading, open_store

AT = datetime(2026, 3, 1, tzinfo=UTC)
NEXT, THIRD = AT + timedelta(days=1), AT + timedelta(days=2)
SETTINGS = ("journal_mode = WAL", "synchronous = FULL")
"""Of SQLite, on both sides."""
BLOCK = 700
"""Results that come at a time: those of a block of work."""
_TEXTS = ("version", "first_seen", "last_seen", "algorithm", "promised", "found", "result", "depth", "last_read")
_OBJECTS = Table(
    "objects",
    MetaData(),
    Column("copy", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("size", Integer),
    *[Column(name, Text) for name in _TEXTS],
)
_DIGITS = random.Random(1).randbytes(5_000_000).hex()
T = TypeVar("T")


class Watch:
    """Counts the seconds that are spent within `with`."""

    seconds = 0.0

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._begun


def listing(count: int) -> Iterator[Entry]:
    """Made-up objects as a local target lists them."""
    for number in range(count):
        moment = 1_700_000_000_000_000_000 + number * 1_234_567
        yield Entry(f"imaging/2026/{number // 1000:04d}/study-{number:07d}.dcm", 4096 + number % 977, None, f"{7_000_000 + number * 3:x}-{moment:x}")


def readings(count: int) -> Iterator[Reading]:
    """A match for each of them."""
    for number, entry in enumerate(listing(count)):
        place = number * 9 % (len(_DIGITS) - 64)
        digest = _DIGITS[place : place + 64]
        at = AT + timedelta(seconds=number // 5_000)
        yield Reading(entry.key, ObjectResult.MATCH, at, Depth.READ, entry.size, (Digest("sha256", digest, digest),), entry.version)


def row_of(reading: Reading) -> dict[str, Any]:
    """The same as one row."""
    (digest,) = reading.digests
    facts = {
        "copy": 1,
        "key": reading.key,
        "size": reading.size,
        "version": reading.version,
        "first_seen": AT.isoformat(),
        "last_seen": AT.isoformat(),
    }
    result = {"result": reading.result.value, "depth": reading.depth.value, "last_read": reading.at.isoformat()}
    return {**facts, "algorithm": digest.algorithm, "promised": digest.promised, "found": digest.found, **result}


def blocks(items: Iterable[T], length: int) -> Iterator[list[T]]:
    """Lists of so many items."""
    remaining = iter(items)
    while block := list(islice(remaining, length)):
        yield block


def rows_results(file: Path, count: int) -> float:
    """SQLAlchemy Core's bulk insert, in one transaction, in the largest portions that still gain something."""
    watch = Watch()
    with _connected(file) as connection:
        with watch:
            _OBJECTS.create(connection)
        for block in blocks(map(row_of, readings(count)), 10_000):
            with watch:
                connection.execute(insert(_OBJECTS), block)
        with watch:
            connection.commit()
    return watch.seconds


def rows_unchanged(file: Path, count: int) -> float:
    """Every row read in key order beside the listing, and marked as seen where it is the same."""
    watch = Watch()
    with _connected(file) as connection, watch:
        listed = listing(count)
        found = connection.execute(select(_OBJECTS.c.key, _OBJECTS.c.size, _OBJECTS.c.version).order_by(_OBJECTS.c.copy, _OBJECTS.c.key))
        for block in blocks(found, 10_000):
            pairs = zip(block, islice(listed, len(block)), strict=True)
            same = [{"same": row.key} for row, entry in pairs if (row.key, row.size, row.version) == (entry.key, entry.size, entry.version)]
            marked = update(_OBJECTS).where(_OBJECTS.c.copy == 1, _OBJECTS.c.key == bindparam("same")).values(last_seen=THIRD.isoformat())
            connection.execute(marked, same)
        connection.commit()
    return watch.seconds


def _connected(file: Path) -> Connection:
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")

    return engine.connect()


def drcheck_results(file: Path, count: int) -> float:
    """The store's journal, durable five times a second."""
    watch = Watch()
    with open_store(file) as store:
        with watch:
            recorder = store.recorder("trust").__enter__()
        for block in blocks(readings(count), BLOCK):
            with watch:
                recorder.add("ehr@vault", block)
        with watch:
            recorder.__exit__(None, None, None)
    return watch.seconds


def drcheck_merged(file: Path, count: int) -> float:
    """The merge of the listing before, the results, and the merge of the next night, which folds them into the runs; with making both listings."""
    watch = Watch()
    _merge(file, count, AT, watch)
    watch.seconds += drcheck_results(file, count)
    _merge(file, count, NEXT, watch)
    return watch.seconds


def drcheck_unchanged(file: Path, count: int) -> float:
    """A night after that."""
    watch = Watch()
    _merge(file, count, THIRD, watch)
    return watch.seconds


def _merge(file: Path, count: int, at: datetime, watch: Watch) -> None:
    with open_store(file) as store, watch:
        for _ in store.objects("trust", "ehr@vault").merge(listing(count), at):
            pass


WAYS = {way.__name__: way for way in (rows_results, rows_unchanged, drcheck_results, drcheck_merged, drcheck_unchanged)}


if __name__ == "__main__":
    _, name, where, number = sys.argv
    print(json.dumps({"seconds": WAYS[name](Path(where), int(number))}))
