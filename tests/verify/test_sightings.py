"""What a listing says beside the last one of objects that were to stay as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import pytest

from drcheck.connectors.base import Entry
from drcheck.errors import Unreachable
from drcheck.formats.base import StoredObject
from drcheck.model import Breach, Changes, Depth, ObjectResult, PointState
from drcheck.store import Reading, Store
from drcheck.store.known import REMEMBER
from drcheck.verify.sightings import NAMED, Declared, Sightings
from tests.store.conftest import postgres, store, where  # noqa: F401 - fixtures
from tests.verify.places import NOW

DAY = timedelta(days=1)
FINISHED, GROWING = PointState.FINISHED, PointState.IN_PROGRESS
Names = Mapping[str, tuple[int, str]]
"""Size and version by key."""


@dataclass
class Place:
    """A copy at `ehr`, with points of which the name is a folder, and one listing after the other."""

    store: Store
    immutable: bool = False
    retention: timedelta | None = None
    points: dict[str, tuple[PointState, int]] = field(default_factory=lambda: {"old": (FINISHED, 40), "new": (FINISHED, 2)})
    """State and age (days on night 0) of each recovery point of the last assessment."""
    there: frozenset[str] | None = None
    """Those that are there now; None for all of them."""

    def sightings(self, night: float, keep: bool) -> Sightings:
        """What goes through the listing of a night."""
        before = {name: (state, NOW - timedelta(days=age)) for name, (state, age) in self.points.items()}
        declared = Declared("ehr", self.immutable, self.retention, before, frozenset(before) if self.there is None else self.there)
        return Sightings(self.store.objects("north", "ehr@nas"), declared, NOW + night * DAY, keep=keep)

    def night(self, night: float, objects: Names, *, keep: bool = True, auxiliary: Iterable[str] = ()) -> Changes:
        """What a whole listing of these objects showed."""
        sightings = self.sightings(night, keep)
        assert [stored.entry.key for stored, _ in sightings.each(listing(objects, auxiliary))] == sorted(objects)
        assert sightings.changes is not None
        return sightings.changes


@pytest.fixture
def place(store: Store) -> Place:  # noqa: F811 - the fixture
    """Nothing is declared of it yet."""
    return Place(store)


def listing(objects: Names, auxiliary: Iterable[str] = ()) -> Iterator[StoredObject]:
    """A listing in key order. The point of an object is its folder below the copy's path, which a mirror's have not."""
    for key in sorted(objects):
        size, version = objects[key]
        parts = key.split("/")
        yield StoredObject(Entry(key, size, None, version), parts[1] if len(parts) > 2 else ".", key in set(auxiliary))


def broken(changes: Changes) -> dict[str, Breach]:
    """What is named as broken, which is all that is counted here."""
    assert sum(number for _, number in changes.breaches) == len(changes.broken)
    return {each.key: each.breach for each in changes.broken}


BEFORE = {"ehr/new/a": (5, "v1"), "ehr/new/b": (5, "v1"), "ehr/old/a": (5, "v1"), "ehr/old/b": (5, "v1")}


def without(*keys: str) -> Names:
    return {key: value for key, value in BEFORE.items() if key not in keys}


@pytest.mark.parametrize("now", [(6, "v1"), (6, "v2"), (5, "v2"), (0, "")], ids=str)
def test_what_is_immutable_and_changed_is_altered(place: Place, now: tuple[int, str]) -> None:
    place.immutable = True
    assert broken(place.night(0, BEFORE)) == {}
    found = place.night(1, {**BEFORE, "ehr/new/a": now})
    assert (broken(found), found.changed, found.unchanged) == ({"ehr/new/a": Breach.ALTERED}, 1, 3)
    assert "2026-03-10" in found.broken[0].detail


def test_what_may_change_may(place: Place) -> None:
    place.night(0, BEFORE)
    found = place.night(1, {**BEFORE, "ehr/new/a": (6, "v2")})
    assert (broken(found), found.changed) == ({}, 1)


@pytest.mark.parametrize(
    ("points", "key", "auxiliary"),
    [
        ({"new": (GROWING, 0)}, "ehr/new/a", ()),
        ({"new": (PointState.INCOMPLETE, 0)}, "ehr/new/a", ()),
        ({}, "ehr/new/a", ()),  # it has come since the last assessment
        ({".": (FINISHED, 0)}, "ehr/a", ()),  # a mirror
        ({"new": (FINISHED, 2)}, "ehr/new/SHA256SUMS", ("ehr/new/SHA256SUMS",)),
        ({"new": (FINISHED, 2)}, "ehr/catalogue", ()),
    ],
    ids=["being written", "incomplete", "not known", "mirror", "auxiliary", "of no point"],
)
@pytest.mark.parametrize("retention", [None, 30 * DAY])
def test_innocent_changes_under_a_lock(
    place: Place, points: dict[str, tuple[PointState, int]], key: str, auxiliary: tuple[str, ...], retention: timedelta | None
) -> None:
    place.immutable, place.points, place.retention = True, points, retention
    place.night(0, {key: (5, "v1")}, auxiliary=auxiliary)
    found = place.night(1, {key: (9, "v2")}, auxiliary=auxiliary)
    assert (broken(found), found.changed) == ({}, 1)


def test_a_point_that_was_being_written_and_is_finished_is_held_to_it_from_then_on(place: Place) -> None:
    place.immutable, place.points = True, {"new": (GROWING, 0)}
    place.night(0, {"ehr/new/a": (5, "v1")})
    place.points = {"new": (FINISHED, 0)}
    assert broken(place.night(1, {"ehr/new/a": (5, "v1")})) == {}
    assert broken(place.night(2, {"ehr/new/a": (9, "v1")})) == {"ehr/new/a": Breach.ALTERED}


@pytest.mark.parametrize("there", [frozenset({"old", "new"}), frozenset({"old"})], ids=["point there", "point gone"])
def test_what_is_immutable_and_gone_before_its_retention_ended_has_vanished(place: Place, there: frozenset[str]) -> None:
    place.immutable, place.retention = True, 30 * DAY
    place.night(0, BEFORE)
    place.there = there
    found = place.night(1, without("ehr/new/a", "ehr/old/a"))
    assert (broken(found), found.gone) == ({"ehr/new/a": Breach.VANISHED}, 2)
    assert "30 days" in found.broken[0].detail


def test_retention_ends_for_each_point_by_itself(place: Place) -> None:
    place.immutable, place.retention = True, 30 * DAY
    place.night(0, BEFORE)
    place.there = frozenset()
    assert broken(place.night(27.9, without("ehr/new/a"))) == {"ehr/new/a": Breach.VANISHED}
    assert broken(place.night(28.1, {})) == {"ehr/new/a": Breach.VANISHED}


@pytest.mark.parametrize(("immutable", "retention"), [(False, None), (False, 30 * DAY), (True, None)])
def test_what_is_gone_out_of_a_point_that_is_there_was_torn_out(place: Place, immutable: bool, retention: timedelta | None) -> None:
    place.immutable, place.retention = immutable, retention
    place.night(0, BEFORE)
    assert broken(place.night(1, without("ehr/new/a"))) == {"ehr/new/a": Breach.TORN_OUT}


def test_a_point_may_be_pruned_as_a_whole(place: Place) -> None:
    place.night(0, BEFORE)
    place.there = frozenset({"old"})
    found = place.night(1, without("ehr/new/a", "ehr/new/b"))
    assert (broken(found), found.gone) == ({}, 2)


@pytest.mark.parametrize("state", [GROWING, PointState.INCOMPLETE, PointState.EMPTY, PointState.SMALL])
def test_a_point_that_was_not_finished_may_lose_objects(place: Place, state: PointState) -> None:
    place.immutable, place.retention, place.points = True, 30 * DAY, {"new": (state, 0)}
    place.night(0, {"ehr/new/a": (5, "v1"), "ehr/new/a.part": (5, "v1")})
    assert broken(place.night(1, {"ehr/new/a": (5, "v1")})) == {}


def test_a_mirror_may_lose_objects(place: Place) -> None:
    place.immutable, place.retention, place.points = True, 30 * DAY, {".": (FINISHED, 0)}
    place.night(0, {"ehr/a": (5, "v1"), "ehr/b": (5, "v1")})
    assert broken(place.night(1, {"ehr/b": (5, "v1")})) == {}


@pytest.mark.parametrize("point", ["full-*-20260308.dump", "*-20260308*"])
def test_a_dump_whose_name_has_free_parts_vanishes_too(place: Place, point: str) -> None:
    place.immutable, place.retention, place.points = True, 30 * DAY, {point: (FINISHED, 2), "full-*-20260307.dump": (FINISHED, 3)}
    objects = {
        "ehr/full-x-20260307.dump": (5, "v1"),
        "ehr/full-x-20260308.dump": (5, "v1"),
        "ehr/full.y-20260308.dump": (5, "v1"),
        "ehr/notes": (1, ""),
    }
    place.night(0, objects)
    found = place.night(1, {key: value for key, value in objects.items() if key not in ("ehr/full-x-20260308.dump", "ehr/notes")})
    assert broken(found) == {"ehr/full-x-20260308.dump": Breach.VANISHED}


def test_what_is_back_is_new_and_what_was_broken_stays_told(place: Place) -> None:
    place.night(0, BEFORE)
    place.store.objects("north", "ehr@nas").record([Reading("ehr/new/a", ObjectResult.MATCH, NOW, Depth.READ, 5, (), "v1")])
    assert broken(place.night(1, without("ehr/new/a"))) == {"ehr/new/a": Breach.TORN_OUT}
    sightings = place.sightings(2, keep=True)
    earlier = {stored.entry.key: known for stored, known in sightings.each(listing(BEFORE))}
    assert sightings.changes is not None
    assert (sightings.changes.new, sightings.changes.unchanged) == (1, 3)
    assert broken(sightings.changes) == {"ehr/new/a": Breach.TORN_OUT}
    back = earlier["ehr/new/a"]
    assert back is not None
    assert (back.result, back.read) == ("", 0), "nobody knows what became of it meanwhile"


def test_a_breach_is_told_for_as_long_as_what_is_gone_is_remembered(place: Place) -> None:
    place.immutable = True
    place.night(0, BEFORE)
    altered = {**BEFORE, "ehr/new/a": (6, "v1")}
    place.night(1, altered)
    days = REMEMBER.days
    for number in (1.5, 2, days / 2, days, days + 1):
        assert broken(place.night(number, altered)) == {"ehr/new/a": Breach.ALTERED}, number
    assert broken(place.night(days + 1.1, altered)) == {}


def test_what_breaks_again_is_counted_once(place: Place) -> None:
    place.immutable = True
    for number in range(4):
        found = place.night(number, {**BEFORE, "ehr/new/a": (5, f"v{number}")})
    assert broken(found) == {"ehr/new/a": Breach.ALTERED}
    assert found.count(Breach.ALTERED) == 1
    found = place.night(4, {**BEFORE, "ehr/new/a": (5, "v3")})
    assert (broken(found), found.count(Breach.ALTERED)) == ({"ehr/new/a": Breach.ALTERED}, 1)
    assert "on 2026-03-12" in found.broken[0].detail, "the last time is told"


def test_a_plan_shows_it_and_takes_nothing_away(place: Place) -> None:
    place.immutable = True
    place.night(0, BEFORE)
    altered = {**BEFORE, "ehr/new/a": (6, "v1")}
    for _ in range(2):
        found = place.night(1, altered, keep=False)
        assert (broken(found), found.since, found.changed) == ({"ehr/new/a": Breach.ALTERED}, NOW, 1)
    assert broken(place.night(1, altered)) == {"ehr/new/a": Breach.ALTERED}
    found = place.night(2, altered, keep=False)
    assert (broken(found), found.changed) == ({"ehr/new/a": Breach.ALTERED}, 0)


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_a_listing_that_never_came_to_its_end_shows_nothing_and_hides_nothing(place: Place, seen: int) -> None:
    """Whether the place broke off, or the process was killed."""
    place.immutable = True
    place.night(0, BEFORE)
    altered = {**BEFORE, "ehr/new/a": (6, "v1")}

    def breaking_off() -> Iterator[StoredObject]:
        yield from islice(listing(altered), seen)
        raise Unreachable("the line went dead")

    sightings = place.sightings(1, keep=True)
    with pytest.raises(Unreachable):
        list(sightings.each(breaking_off()))
    assert sightings.changes is None
    killed = place.sightings(1, keep=True)
    list(islice(killed.each(listing(altered)), seen))
    assert killed.changes is None
    found = place.night(2, altered)
    assert (broken(found), found.since) == ({"ehr/new/a": Breach.ALTERED}, NOW)


def test_a_run_that_was_killed_after_its_listing_hides_nothing(place: Place) -> None:
    """No assessment came of it, and the next listing shows no change any more."""
    place.immutable = True
    place.night(0, BEFORE)
    altered = {**BEFORE, "ehr/new/a": (6, "v1")}
    place.night(1, altered)
    found = place.night(2, altered)
    assert (found.changed, broken(found)) == (0, {"ehr/new/a": Breach.ALTERED})


def test_a_first_listing_shows_no_change(place: Place) -> None:
    place.immutable = True
    found = place.night(0, BEFORE)
    assert found == Changes(since=None, new=4, changed=0, gone=0, unchanged=0)


def test_of_many_some_are_named_and_all_are_counted(place: Place) -> None:
    place.immutable = True
    many = {f"ehr/new/{number:05}": (5, "v1") for number in range(NAMED + 50)}
    place.night(0, many)
    found = place.night(1, dict.fromkeys(many, (6, "v1")))
    assert (found.count(Breach.ALTERED), len(found.broken)) == (NAMED + 50, NAMED)


def test_a_clock_that_went_back_hides_no_breach(place: Place) -> None:
    place.immutable = True
    place.night(0, BEFORE)
    altered = {**BEFORE, "ehr/new/a": (6, "v1")}
    place.night(100, altered)
    assert broken(place.night(1, altered)) == {"ehr/new/a": Breach.ALTERED}


def moment(days: float) -> datetime:
    return NOW + timedelta(days=days)


def test_what_is_known_goes_with_each_object_in_its_present_state(place: Place) -> None:
    place.night(0, BEFORE)
    place.store.objects("north", "ehr@nas").record(
        [Reading(key, ObjectResult.UNREADABLE, moment(0.5), Depth.READ, 5, (), "v1") for key in ("ehr/new/a", "ehr/old/a")]
    )
    sightings = place.sightings(1, keep=True)
    earlier = {stored.entry.key: known for stored, known in sightings.each(listing({**BEFORE, "ehr/new/a": (5, "v2"), "ehr/z": (1, "")}))}
    queues = {key: (known.queue, known.result) for key, known in earlier.items() if known is not None}
    first, tried, now = (int(moment(days).timestamp()) for days in (0, 0.5, 1))
    assert queues == {
        "ehr/new/a": (now, ""),  # another state, which waits from now on
        "ehr/new/b": (first, ""),
        "ehr/old/a": (tried, ObjectResult.UNREADABLE),
        "ehr/old/b": (first, ""),
        "ehr/z": (now, ""),
    }
