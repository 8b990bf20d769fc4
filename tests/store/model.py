"""A model of what a store knows of one copy: dictionaries, written down a second time as simply as can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from drcheck.connectors.base import Entry
from drcheck.model import Depth, ObjectResult
from drcheck.store import Change, Digest, Reading
from drcheck.store.known import REMEMBER
from drcheck.store.objects import ObjectStore

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
BAD = (ObjectResult.MISMATCH, ObjectResult.MISSING, ObjectResult.UNREADABLE)


def night(number: int, second: int = 0) -> datetime:
    """The moment of a numbered night."""
    return EPOCH + timedelta(days=number, seconds=second)


@dataclass(frozen=True)
class State:
    """What is known of one object."""

    size: int
    version: str
    first_seen: datetime | None
    changed: datetime | None
    gone: datetime | None = None
    last_seen: datetime | None = None
    result: ObjectResult | None = None
    result_at: datetime | None = None
    depth: Depth = Depth.NONE
    last_tried: datetime | None = None
    last_read: datetime | None = None
    digests: tuple[Digest, ...] = ()

    @property
    def there(self) -> bool:
        """Whether the last whole listing had it."""
        return self.first_seen is not None and self.gone is None


class Model:
    """What a store should know of one copy."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.others: dict[str, State] = {}
        """The latest reading of another version than the known one."""
        self.listed: datetime | None = None

    def record(self, reading: Reading) -> None:
        """As `ObjectStore.record`."""
        known = self.states.get(reading.key)
        if known is not None and reading.version in ("", known.version):
            self.states[reading.key] = _with(known, reading)
            return
        other = _with(State(reading.size, reading.version, None, None), reading)
        if known is not None and known.first_seen is not None:
            self.others[reading.key] = other
        else:
            self.states[reading.key] = other

    def merge(self, entries: list[Entry], at: datetime, whole: bool) -> dict[str, Change]:
        """As `ObjectStore.merge`: what changed, which is kept where the listing was whole."""
        changes: dict[str, Change] = {}
        states: dict[str, State] = {}
        for entry in entries:
            known = self.states.get(entry.key)
            if known is not None and known.there and (known.size, known.version) == (entry.size, entry.version):
                changes[entry.key], states[entry.key] = Change.UNCHANGED, known
                continue
            changes[entry.key] = Change.CHANGED if known is not None and known.there else Change.NEW
            fresh = State(entry.size, entry.version, at, at)
            other = known if known is not None and known.first_seen is None else self.others.get(entry.key)
            about_bytes = other is not None and other.result not in (ObjectResult.MISSING, ObjectResult.NOT_READ)
            if other is not None and about_bytes and other.last_tried and (other.size, other.version) == (entry.size, entry.version):
                fresh = replace(other, first_seen=at, changed=at)
            if changes[entry.key] is Change.CHANGED and known is not None:
                fresh = replace(fresh, first_seen=known.first_seen)
            states[entry.key] = fresh
        for key, known in self.states.items():
            if key in states:
                continue
            if known.there:
                changes[key] = Change.GONE
                states[key] = replace(known, gone=at, last_seen=self.listed)
            elif (known.gone or known.result_at or EPOCH) > at - REMEMBER:
                states[key] = known
        if whole:
            self.states, self.others, self.listed = states, {}, at
        return changes

    def agrees(self, objects: ObjectStore) -> None:
        """Assert that the store knows the same."""
        present = {key: replace(state, last_seen=self.listed) for key, state in self.states.items() if state.there}
        absent = {key: state for key, state in self.states.items() if not state.there}
        assert seen(objects, absent=False) == present
        assert seen(objects, absent=True) == absent
        summary = objects.summary()
        assert (summary.listed, summary.objects, summary.absent) == (self.listed, len(present), len(absent))
        assert summary.bytes == sum(state.size for state in present.values())
        assert summary.never_read == sum(state.last_read is None for state in present.values())
        assert summary.bytes_never_read == sum(state.size for state in present.values() if state.last_read is None)
        assert summary.oldest_read == min((state.last_read for state in present.values() if state.last_read), default=None)
        for result, count in summary.results:
            assert count == sum(state.result == result for state in present.values())
        ages = [known.last_tried or datetime.min.replace(tzinfo=UTC) for known in objects.oldest_first(5)]
        assert ages == sorted(state.last_tried or datetime.min.replace(tzinfo=UTC) for state in present.values())[:5]


def seen(objects: ObjectStore, *, absent: bool) -> dict[str, State]:
    """What a store knows, in the model's words; asserts that it comes in key order."""
    found: dict[str, State] = {}
    keys = []
    for known in objects.absent() if absent else objects.known():
        keys.append(known.key.encode("utf-8", "surrogateescape"))
        found[known.key] = State(
            known.size,
            known.version,
            known.first_seen,
            known.changed,
            known.gone,
            known.last_seen,
            known.result,
            known.result_at,
            known.depth,
            known.last_tried,
            known.last_read,
            known.digests,
        )
    assert keys == sorted(set(keys))
    return found


def _with(state: State, reading: Reading) -> State:
    order = list(Depth)
    tried = reading.depth in (Depth.SAMPLED, Depth.READ, Depth.RESTORED, Depth.PROVEN)
    read = reading.depth in (Depth.READ, Depth.RESTORED, Depth.PROVEN) and any(digest.found for digest in reading.digests)
    denied = reading.depth is Depth.ATTRIBUTES and reading.result is ObjectResult.MISMATCH and bool(reading.digests)
    if tried or reading.result in BAD or order.index(reading.depth) >= order.index(state.depth):
        state = replace(state, result=reading.result, result_at=reading.at, depth=reading.depth)
    if reading.digests and (read or denied or state.last_read is None):
        state = replace(state, digests=reading.digests)
    if denied:
        state = replace(state, last_read=None)
    if tried or (reading.depth is Depth.ATTRIBUTES and reading.result is ObjectResult.MATCH):
        state = replace(state, last_tried=reading.at)
    return replace(state, last_read=reading.at) if read else state
