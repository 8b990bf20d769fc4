"""What is known of the objects of one copy."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from drcheck.connectors.base import Entry
from drcheck.model import BrokenObject, Depth, ObjectResult
from drcheck.store import breached, journal
from drcheck.store.database import Database
from drcheck.store.known import DEPTHS, REMEMBER, RESULTS, Cells, Known, Reading, Row, cells_of, moment_of
from drcheck.store.merge import Merged, merge
from drcheck.store.runs import Snapshot, pieces, snapshot

BATCH = 8_192
"""Readings that are recorded in one transaction."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a copy's objects, in numbers. Counts are of objects in the last whole listing, but for `absent`."""

    listed: datetime | None
    """The last whole listing; None where there was none."""
    objects: int
    bytes: int
    results: tuple[tuple[ObjectResult | None, int], ...]
    """How many objects have each result in their present state; None for those that were not looked at."""
    depths: tuple[tuple[Depth, int], ...]
    """How many objects have a result of each depth."""
    never_read: int
    """Objects whose bytes were never read whole in their present state."""
    bytes_never_read: int
    oldest_read: datetime | None
    """The earliest `last_read` of those that were read; None where none was."""
    absent: int
    """Objects that are gone, or were promised and never listed."""


class ObjectStore:
    """
    What is known of the objects of one copy.

    Attributes:
        name: the copy, `system@target`.
        place: where it lies, by whatever text tells that; empty where nobody said.
    """

    def __init__(self, database: Database, copy: int, name: str, place: str = "") -> None:
        self.name = name
        self.place = place
        self._database = database
        self._copy = copy

    def merge(
        self, listing: Iterator[Entry], at: datetime, *, remember: timedelta = REMEMBER, broken: Sequence[BrokenObject] = (), keep: bool = True
    ) -> Iterator[Merged]:
        """
        The listing merged with what is known, in key order.

        Only when the listing has come to its end and the last object was taken is it kept, in one transaction: first and last sightings, changes,
        what is gone. Where the last listing was made at another place, nothing of what is known is of these objects: all are new then.
        Until then, and where the listing, the store or the caller breaks off, everything stays as it was, but that readings recorded meanwhile stay
        recorded. So "gone" is only ever concluded from a whole listing; a caller who acts on one earlier waits for the end.

        Args:
            listing: every object of the copy, by the bytes of its key.
            at: when the listing was begun; kept to the second.
            remember: for how long an object that is gone stays known, for `absent`.
            broken: objects that should not have changed, kept with the listing; the caller may add to it until the last object was taken.
            keep: whether the listing is kept at all.

        Raises:
            Malformed: the listing is not in key order, or names an object twice.
            StoreError: the store could not be read or written, or another process merged the same copy.
            ValueError: `at` has no zone, or is not between 1970 and 2106.
        """
        return merge(self._database, self._copy, self.name, listing, at, remember, broken=broken, keep=keep, place=self.place)

    def breaches(self, at: datetime) -> list[BrokenObject]:
        """What the listings of the last `REMEMBER` before `at` showed to be broken, in the order in which they did. Raises StoreError."""
        with self._database.reading() as connection:
            return breached.since(connection, self._copy, at - REMEMBER)

    def record(self, readings: Iterable[Reading]) -> None:
        """
        Add results to the journal. When it returns they are on the disk, and stay whatever happens to this process.

        For results that come one by one from several threads see `drcheck.store.recorder.Recorder`.

        Raises:
            StoreError: the store cannot be written; up to `BATCH` readings are then recorded or not as a whole.
            ValueError: a moment is not between 1970 and 2106.
        """
        cells = map(cells_of, readings)
        while batch := list(islice(cells, BATCH)):
            self.record_cells(batch)

    def record_cells(self, batch: Sequence[Cells]) -> None:
        """As `record`, for readings (at least one) in the form that is packed, in one transaction."""
        with self._database.writing() as connection:
            journal.append(connection, self._copy, batch)

    def known(self) -> Iterator[Known]:
        """
        Every object of the last whole listing, with the latest readings, streamed in key order.

        Raises:
            StoreError: the store could not be read, or the copy was merged meanwhile.
        """
        state, rows = self._rows()
        return (Known(row, state.listed) for row in rows if row.first_seen and not row.gone)

    def absent(self) -> Iterator[Known]:
        """Objects that are gone (`gone` says since when), or that were promised and never listed, streamed in key order. Raises as `known`."""
        state, rows = self._rows()
        return (Known(row, state.listed) for row in rows if row.gone or not row.first_seen)

    def oldest_first(self, limit: int, *, tie: Callable[[Known], object] | None = None) -> list[Known]:
        """
        The `limit` objects whose reading was tried longest ago, never tried ones first. Memory grows with `limit` only.

        Args:
            tie: what decides among those tried in the same second, such as a keyed hash of the key; without it the key does.

        Raises:
            StoreError: as `known`.
        """
        if tie is None:
            return heapq.nsmallest(limit, self.known(), key=lambda known: known.tried_seconds)
        return heapq.nsmallest(limit, self.known(), key=lambda known: (known.tried_seconds, tie(known)))

    def summary(self) -> Summary:
        """What is known in numbers; reads everything once. Raises as `known`."""
        results: Counter[int] = Counter()
        depths: Counter[int] = Counter()
        objects = size = never = bytes_never = absent = oldest = 0
        state, rows = self._rows()
        for row in rows:
            if row.gone or not row.first_seen:
                absent += 1
                continue
            objects += 1
            size += row.size
            results[row.result] += 1
            if row.result:
                depths[row.depth] += 1
            if row.last_read:
                oldest = min(oldest or row.last_read, row.last_read)
            else:
                never += 1
                bytes_never += row.size
        return Summary(
            listed=state.listed,
            objects=objects,
            bytes=size,
            results=tuple((RESULTS.get(code), results[code]) for code in sorted(results)),
            depths=tuple((DEPTHS[code], depths[code]) for code in sorted(depths)),
            never_read=never,
            bytes_never_read=bytes_never,
            oldest_read=moment_of(oldest),
            absent=absent,
        )

    @property
    def listed(self) -> datetime | None:
        """When the last listing of this place was begun that came to its end; None where none did. Raises StoreError."""
        with self._database.reading() as connection:
            state = snapshot(connection, self._copy)
        return None if state.elsewhere(self.place) else state.listed

    def _rows(self) -> tuple[Snapshot, Iterator[Row]]:
        with self._database.reading() as connection:
            state = snapshot(connection, self._copy)
        return state, (row for piece in pieces(self._database, state) for row in piece.rows)
