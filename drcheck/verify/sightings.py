"""Sightings: a copy's listing beside what is known of it, and what that says of objects that should not have changed."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drcheck.clock import format_moment
from drcheck.connectors.base import Entry
from drcheck.formats.base import StoredObject
from drcheck.model import Breach, BrokenObject, Changes, PointState
from drcheck.verify.earlier import Earlier, earlier_of

if TYPE_CHECKING:
    from drcheck.store import Known, ObjectStore

NAMED = 1_000
"""How many objects that broke what was declared of them are kept by name; the counts of one listing are exact."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a copy's objects are held against when they change."""

    path: str
    """The copy's path, below which recovery points are named."""
    immutable: bool
    """Whether what lies there is declared or seen not to be changeable."""
    retention: timedelta | None
    """How long a recovery point must stay; None where nobody said."""
    before: Mapping[str, tuple[PointState, datetime]]
    """State and time of each recovery point when the copy was last assessed. Only what was finished then must not change."""
    there: frozenset[str]
    """The ids of the recovery points that inspection has seen now."""


@dataclass(slots=True)
class Sightings:
    """Goes through one listing, and holds what it showed."""

    objects: ObjectStore
    declared: Declared
    at: datetime
    """When the listing was begun, UTC."""
    changes: Changes | None = None
    """Set when the listing has come to its end."""
    keep: bool = True
    """Whether the listing is kept in the store; not where it is only planned."""
    _counts: Counter[str] = field(default_factory=Counter)
    _breaches: Counter[Breach] = field(default_factory=Counter)
    _broken: list[BrokenObject] = field(default_factory=list)
    _free: list[tuple[re.Pattern[str], str]] | None = None

    def each(self, listing: Iterator[StoredObject]) -> Iterator[tuple[StoredObject, Earlier | None]]:
        """
        Every object of the listing with what earlier nights know of its present state.

        Raises what the listing raises, Malformed where it is not in key order, and StoreError; nothing of the listing is kept then.
        """
        since, now = self.objects.listed, int(self.at.timestamp())
        earlier = self.objects.breaches(self.at)
        waiting: deque[StoredObject] = deque()
        for change, entry, known in self.objects.merge(_noted(listing, waiting), self.at, broken=self._broken, keep=self.keep):
            self._counts[change] += 1
            if entry is None:
                if known is not None:
                    self._missed(known)
                continue
            stored = waiting.popleft()
            if change == "changed" and known is not None:
                self._altered(stored, known)
                known = None  # what was read was another state
            elif known is not None and known.gone is not None:
                known = None  # it is back, and nobody knows what became of it meanwhile
            yield stored, Earlier(now, 0, "", "") if known is None else earlier_of(known, now)
        count = self._counts
        told = {each.key for each in self._broken}
        for each in reversed(earlier):  # of one that broke more than once, the last time
            if each.key not in told:
                told.add(each.key)
                self._add(each.breach, each.key, each.detail)
        self.changes = Changes(
            since=since,
            new=count["new"],
            changed=count["changed"],
            gone=count["gone"],
            unchanged=count["unchanged"],
            breaches=tuple(sorted(self._breaches.items())),
            broken=tuple(self._broken),
        )

    def _altered(self, stored: StoredObject, known: Known) -> None:
        """
        An object has another size or version. A mirror's objects may, and so may what belongs to no recovery point, such as a list of checksums that
        grows: a place that is immutable keeps what they were beside it.
        """
        point = self.declared.before.get(stored.point)
        if self.declared.immutable and not stored.auxiliary and stored.point not in ("", ".") and point is not None and _finished(point):
            was = f"it had {known.size} bytes" if known.size != stored.entry.size else "it is of the same size, and no longer the same version"
            self._add(Breach.ALTERED, stored.entry.key, f"{was} on {_day(known.last_seen)} and has {stored.entry.size} now; declared immutable")

    def _missed(self, known: Known) -> None:
        """An object is no longer there. What is older than its retention may go."""
        found = self._point_of(known.key)
        if found is None:
            return
        name, (state, time) = found
        retention = self.declared.retention
        if not _finished((state, time)) or (retention is not None and self.at - time > retention):
            return
        seen = f"it was last seen on {_day(known.last_seen)}, and belongs to the recovery point of {_day(time)}"
        if self.declared.immutable and retention is not None:
            self._add(Breach.VANISHED, known.key, f"{seen}, which must stay for {retention.days} days")
        elif name in self.declared.there:
            self._add(Breach.TORN_OUT, known.key, f"{seen}, which is still there")

    def _point_of(self, key: str) -> tuple[str, tuple[PointState, datetime]] | None:
        """The recovery point, finished or not, that an object belonged to; None for a mirror's and for what belonged to none."""
        path = self.declared.path
        if path and not key.startswith(f"{path}/"):
            return None  # of when the copy lay elsewhere
        name = key[len(path) + 1 :] if path else key
        whole = name
        while name:
            point = self.declared.before.get(name)
            if point is not None:
                return name, point
            name = name.rpartition("/")[0]
        for expression, free in self._with_free_parts():
            if expression.fullmatch(whole):
                return free, self.declared.before[free]
        return None

    def _with_free_parts(self) -> list[tuple[re.Pattern[str], str]]:
        """The recovery points that consist of all names which differ in a part only, and what fits those names."""
        if self._free is None:
            names = [name for name in self.declared.before if "*" in name]
            self._free = [(re.compile("[^/]*".join(map(re.escape, name.split("*"))), re.DOTALL), name) for name in names]
        return self._free

    def _add(self, breach: Breach, key: str, detail: str) -> None:
        self._breaches[breach] += 1
        if len(self._broken) < NAMED:
            self._broken.append(BrokenObject(key, breach, detail))


def _noted(listing: Iterator[StoredObject], waiting: deque[StoredObject]) -> Iterator[Entry]:
    for stored in listing:
        waiting.append(stored)
        yield stored.entry


def _finished(point: tuple[PointState, datetime]) -> bool:
    return point[0] is PointState.FINISHED


def _day(moment: datetime | None) -> str:
    return "an unknown day" if moment is None else format_moment(moment)[:10]
