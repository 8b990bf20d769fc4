"""A budget of time is shared: every copy of a target goes on in proportion to what must be read of it, and no time is left unused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck import clock, connectors
from drcheck.connectors.base import Connector
from drcheck.estate.schema import Estate
from drcheck.store import open_store, seeds
from drcheck.verify.budget import Budget
from drcheck.verify.hours import Hours, Part
from drcheck.verify.terms import Asked
from tests.verify.nights import DAY, Nights, rotation, seen
from tests.verify.places import NOW, copy_of, estate_of, fill, sums
from tests.verify.troubled import CONNECTOR, TroubledConnector

COPIES = 5


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Held:
    """One copy of a target: its need, how long its listing takes, and how long each object that waits to be read, in whole seconds."""

    part: Part
    listing: float
    waiting: list[int]
    read: int = 0
    """Seconds that were spent on its objects."""
    objects: int = 0
    window: float = 0.0
    """Seconds that it was given after its listing, and ..."""
    left: float = 0.0
    """... those that the target had then."""


def night(seconds: float, copies: list[Held]) -> float:
    """One night as a target has it; how long it was busy."""
    with pytest.MonkeyPatch.context() as patch:
        time = Clock()
        patch.setattr(clock, "monotonic", time)
        begun, hours = time.now, Hours(seconds, [held.part for held in copies])
        for held in copies:
            hours.begin(held.part.copy)
            time.now += held.listing
            until = hours.until()
            held.window, held.left = until.remaining() or 0.0, max(0.0, seconds - (time.now - begun))
            read(held, until, time, at_least=1)
        rest = hours.rest()
        for held in copies:
            read(held, rest, time, at_least=0)
        return time.now - begun


def read(held: Held, until: clock.Deadline, time: Clock, *, at_least: int) -> None:
    """Read what waits until no further object is begun."""
    begun = 0
    while held.waiting and (begun < at_least or not until.passed()):
        begun += 1
        took = held.waiting.pop(0)
        time.now, held.read, held.objects = time.now + took, held.read + took, held.objects + 1


def held(number: int, need: int, objects: int, listing: float, waiting: list[int]) -> Held:
    """One copy."""
    return Held(Part(f"{number}@nas", need, objects), listing, waiting)


@settings(max_examples=50, deadline=None)
@given(
    needs=st.lists(st.integers(1, 50), min_size=1, max_size=COPIES),
    sizes=st.lists(st.integers(1, 4), min_size=COPIES, max_size=COPIES),
    objects=st.lists(st.integers(1, 2000), min_size=COPIES, max_size=COPIES),
    seconds=st.integers(0, 2000),
    pace=st.sampled_from([0.0, 0.01, 0.1]),
    nights=st.integers(1, 4),
)
def test_while_all_have_more_to_read_than_there_is_time_each_goes_on_by_its_need(
    needs: list[int], sizes: list[int], objects: list[int], seconds: int, pace: float, nights: int
) -> None:
    """To the seconds of one object of each copy a night; listing goes evenly, and leaves half of the time."""
    listing = pace * sum(objects[: len(needs)])
    seconds += round(2 * listing) + 1
    copies = [held(number, need, objects[number], pace * objects[number], [sizes[number]] * 10_000) for number, need in enumerate(needs)]
    for number in range(nights):
        took = night(seconds, copies)
        assert seconds <= took <= seconds + sum(sizes[: len(needs)]) + 1e-6, "no time is unused, and each goes beyond by one object"
        assert all(each.objects > number for each in copies), "each reads something every night"
    whole = (seconds - listing) * nights
    for each, need in zip(copies, needs, strict=True):
        share = whole * need / sum(needs)
        assert abs(each.read - share) <= nights * sum(sizes[: len(needs)]) + 1e-6, (each.part, each.read, share)


@settings(max_examples=50, deadline=None)
@given(
    work=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100), st.integers(0, 50)), min_size=1, max_size=COPIES),
    seconds=st.integers(0, 200),
)
def test_what_one_copy_does_not_need_is_used_by_others_before_and_after_it(work: list[tuple[int, int, int]], seconds: int) -> None:
    copies = [held(number, need, 10, listing, [1] * waiting) for number, (need, waiting, listing) in enumerate(work)]
    took = night(seconds, copies)
    assert took >= seconds or not any(each.waiting for each in copies), "time was left, and something to read"
    for each in copies:
        assert each.objects or not each.waiting, "a copy read nothing"


@settings(max_examples=50, deadline=None)
@given(
    work=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10_000), st.integers(0, 300)), min_size=1, max_size=COPIES),
    seconds=st.integers(0, 300),
)
def test_a_copy_whose_listing_is_slow_still_has_a_part_of_what_is_left(work: list[tuple[int, int, int]], seconds: int) -> None:
    copies = [held(number, need, objects, listing, [1] * 1000) for number, (need, objects, listing) in enumerate(work)]
    night(seconds, copies)
    for each in copies:
        assert each.window >= 0.099 * each.left * each.part.need / sum(need for need, _, _ in work), "a tenth of its share at the least"
        assert each.window <= each.left + 1e-6


def test_whoever_goes_before_leaves_the_shares_of_those_to_come() -> None:
    small, large = held(0, 1, 10, 0, [1] * 100), held(1, 3, 10, 0, [1] * 100)
    night(40, [small, large])
    assert (small.read, large.read) == (10, 30)
    early, late = held(0, 1, 10, 0, [1] * 4), held(1, 1, 10, 0, [1] * 100)
    night(40, [early, late])
    assert (early.read, late.read) == (4, 36)
    late, early = held(0, 1, 10, 0, [1] * 100), held(1, 1, 10, 0, [1] * 4)
    night(40, [late, early])
    assert (late.read, early.read) == (36, 4)


def test_a_first_object_that_takes_too_long_is_borne_by_all_that_are_to_come() -> None:
    copies = [held(0, 1, 1, 0, [40]), *(held(number, number, 1, 0, [1] * 100) for number in (1, 2))]
    night(70, copies)
    assert [each.read for each in copies] == [40, 10, 20]


def test_a_copy_that_is_only_listed_takes_no_share() -> None:
    listed = Part("0@nas", 0, 100)
    with pytest.MonkeyPatch.context() as patch:
        time = Clock()
        patch.setattr(clock, "monotonic", time)
        hours = Hours(50, [listed, Part("1@nas", 5, 100)])
        hours.begin("0@nas")
        time.now += 10
        hours.begin("1@nas")
        time.now += 10
        assert hours.until().remaining() == pytest.approx(30)


def test_without_a_budget_of_time_there_is_no_end() -> None:
    hours = Hours(None, [Part("0@nas", 1, 1)])
    hours.begin("0@nas")
    assert hours.until().remaining() is None
    assert hours.rest().remaining() is None


# Real folders


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that goes on by a second with each object that is read of a `troubled` place."""
    monkeypatch.setitem(connectors.BUILTIN, *next(iter(CONNECTOR.items())))
    found = Clock()

    def pass_(_: str) -> None:
        found.now += 1

    monkeypatch.setattr(clock, "monotonic", found)
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=found))
    monkeypatch.setattr(TroubledConnector, "before", staticmethod(pass_))
    monkeypatch.setattr(TroubledConnector, "reads", [])
    monkeypatch.setattr(TroubledConnector, "digests", Connector.digests)  # one after the other, through `read`
    return found


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    """Nights with a new store."""
    with open_store(tmp_path / "state" / "drcheck.db") as store:
        yield Nights(tmp_path, store)


COUNTS = {"ehr": 12, "imaging": 6, "labs": 3}


def three(base: Path, files: dict[str, int]) -> Estate:
    """Three copies at one target, of so many files each."""
    for system, count in files.items():
        content = {f"{number:02}.img": f"{system} {number:02}".encode() for number in range(count)}
        fill(base / "nas" / system, content)
        (base / f"{system}.sums").write_bytes(sums(content))
    copies = [copy_of({"path": str(base / f"{system}.sums")}, system=system, path=system) for system in files]
    return estate_of(*copies, base=base, connector="troubled", options={"root": str(base / "nas")})


@pytest.mark.usefixtures("time")
def test_on_a_real_folder_every_copy_goes_on_by_its_need_and_all_is_read_within_the_cycle(nights: Nights) -> None:
    """What must be read a night is 4, 2 and 1 files, and there is time for 7."""
    estate = three(nights.base, COUNTS)
    for number in range(3):
        found = nights.look(estate, NOW + number * DAY, Asked(3 * DAY, Budget(seconds=6.8)))
        assert [seen(facts).objects_read for facts in found] == [4, 2, 1]
        assert [rotation(facts).verified for facts in found] == [4 * (number + 1), 2 * (number + 1), number + 1]


@pytest.mark.usefixtures("time")
def test_what_the_last_copy_leaves_goes_back_to_the_first(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    # How many the last copy draws anew, and so whether it leaves anything, is chance: this is a night on which it draws none.
    monkeypatch.setattr(seeds, "secrets", SimpleNamespace(token_bytes=lambda length: bytes(length)))
    estate = three(nights.base, COUNTS)
    found = nights.look(estate, NOW, Asked(60 * DAY, Budget(seconds=11.8)))
    assert sum(seen(facts).objects_read for facts in found) == 12
    TroubledConnector.reads.clear()
    found = nights.look(estate, NOW + DAY, Asked(60 * DAY, Budget(seconds=8.8)))
    assert [seen(facts).objects_read for facts in found] == [7, 2, 0]
    assert [key.split("/")[0] for key in TroubledConnector.reads] == ["ehr"] * 3 + ["imaging"] * 2 + ["ehr"] * 4
    assert len(set(TroubledConnector.reads)) == 9
    for facts, count in zip(found, COUNTS.values(), strict=True):
        assert (sum(number for _, number in seen(facts).counts), seen(facts).objects_total) == (count, count)


@pytest.mark.usefixtures("time")
def test_when_all_will_have_been_read_is_reckoned_from_what_was_read(nights: Nights) -> None:
    estate = three(nights.base, {"ehr": 12})
    (facts,) = nights.look(estate, NOW, Asked(60 * DAY, Budget(seconds=2.8)))
    assert (seen(facts).objects_read, rotation(facts).ends) == (3, NOW + 3 * DAY)
