"""Merging: a listing beside what is known, both in key order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from drcheck.connectors.base import Entry
from drcheck.errors import Malformed
from drcheck.model import BrokenObject, ObjectResult, printable
from drcheck.store.database import Database
from drcheck.store.known import RESULT_CODES, Known, Row, as_row, key_of, seconds_of, text_of, version_of
from drcheck.store.runs import Glance, NextGeneration, Piece, pieces

_ABOUT_BYTES = frozenset(RESULT_CODES[result] for result in (ObjectResult.MATCH, ObjectResult.MISMATCH, ObjectResult.UNREADABLE, ObjectResult.EXTRA))


class Change(StrEnum):
    """What a listing says of one object beside what is known."""

    NEW = "new"
    """It was not in the last whole listing."""
    CHANGED = "changed"
    """Its size or version is another."""
    GONE = "gone"
    """It was in the last whole listing and is not in this one."""
    UNCHANGED = "unchanged"


class Merged(NamedTuple):
    """One object of a merge."""

    change: Change
    entry: Entry | None
    """What was listed; None for one that is gone."""
    known: Known | None
    """
    What is known of it. Unchanged: everything so far. Changed: its state before, with the digests of the bytes that were there. Gone: everything so
    far, with
    the moment. New: None; or what is known of it from before, where it was gone and is back, was promised while it was missing, or was read in a
    run whose
    listing never came to its end.
    """


def merge(
    database: Database,
    copy: int,
    name: str,
    listing: Iterator[Entry],
    at: datetime,
    remember: timedelta,
    *,
    broken: Sequence[BrokenObject] = (),
    keep: bool = True,
    place: str = "",
) -> Iterator[Merged]:
    """
    Every object of the listing and of what is known, in key order; see `drcheck.store.objects.ObjectStore.merge`.

    Memory does not grow with the number of objects.
    """
    now = seconds_of(at)
    forget = now - remember.total_seconds()
    next_generation = NextGeneration(database, copy) if keep else Glance(database, copy)
    before = next_generation.before.listed
    listed = seconds_of(before) if before is not None else 0
    entries = _checked(listing, name)
    key, entry = next(entries, _END)
    elsewhere = next_generation.before.elsewhere(place)
    for piece in pieces(database, next_generation.before):
        next_generation.begin(piece.run, touched=piece.touched or elsewhere)
        if elsewhere:
            continue
        for row in piece.rows:
            while entry is not None and key < row.key:
                next_generation.put(_fresh(key, entry, now))
                yield Merged(Change.NEW, entry, None)
                key, entry = next(entries, _END)
            if entry is None or key != row.key:
                yield from _absent(next_generation, row, now, listed, forget)
                continue
            if row.first_seen and not row.gone and row.size == entry.size and row.version == key_of(version_of(entry)):
                next_generation.keep(row)
                yield Merged(Change.UNCHANGED, entry, Known(row, before))
            else:
                state = _adopted(_fresh(key, entry, now), row, piece)
                if row.first_seen and not row.gone:
                    next_generation.put(state._replace(first_seen=row.first_seen))
                    yield Merged(Change.CHANGED, entry, Known(row, before))
                else:
                    next_generation.put(state)
                    yield Merged(Change.NEW, entry, Known(row if row.gone else state, before))
            key, entry = next(entries, _END)
    if entry is not None:
        next_generation.begin(None, touched=True)
    while entry is not None:
        next_generation.put(_fresh(key, entry, now))
        yield Merged(Change.NEW, entry, None)
        key, entry = next(entries, _END)
    next_generation.finish(at, broken, place)


_END: tuple[bytes, Entry | None] = (b"", None)


def _checked(listing: Iterator[Entry], name: str) -> Iterator[tuple[bytes, Entry | None]]:
    """Each entry with its key in bytes. Raises Malformed where they are not in order: merged so, objects would seem to be gone that are there."""
    last: bytes | None = None
    for entry in listing:
        key = key_of(entry.key)
        if last is not None and key <= last:
            what = "lists it twice" if key == last else f"lists it after {printable(text_of(last))}"
            raise Malformed(f"the listing of {name} is not in key order: for {printable(entry.key)} the place {what}; nothing of this listing counts")
        if entry.size < 0:
            raise Malformed(f"the listing of {name} says that {printable(entry.key)} has {entry.size} bytes; nothing of this listing counts")
        last = key
        yield key, entry


def _fresh(key: bytes, entry: Entry, now: int) -> Row:
    """An object of which nothing is known but that it is there."""
    return as_row((key, entry.size, key_of(version_of(entry)), now, now, 0, 0, 0, 0, 0, 0, 0, "", b""))


def _adopted(fresh: Row, row: Row, piece: Piece) -> Row:
    """The state that a listing shows, with what was read of this very state already: in a run whose listing did not come to its end."""
    noted = piece.others.get(row.key) if row.first_seen else row
    if noted is None or not noted.last_tried or noted.result not in _ABOUT_BYTES or (noted.size, noted.version) != (fresh.size, fresh.version):
        return fresh
    return noted._replace(first_seen=fresh.first_seen, changed=fresh.changed)


def _absent(next_generation: NextGeneration | Glance, row: Row, now: int, listed: int, forget: float) -> Iterator[Merged]:
    """Handle an object that is known, and not in the listing."""
    if row.first_seen and not row.gone:
        row = row._replace(gone=now, last_seen=listed)
        next_generation.put(row)
        yield Merged(Change.GONE, None, Known(row, None))
    elif (row.gone or row.result_at) > forget:
        next_generation.keep(row)
    else:
        next_generation.drop()
