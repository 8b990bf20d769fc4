"""Counts add up, whatever was read again, stood, or was never reached."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.model import Depth, ObjectResult, ObjectVerdict, Reason, Unobserved, Verification
from drcheck.verify.plan import Night
from drcheck.verify.tally import MOST, Tally
from tests.verify.places import Told

NIGHT = Night(timedelta(days=30), 9, 0, 0, 0, 0, 0, 0)
RESULTS = st.sampled_from([result for result in ObjectResult if result is not ObjectResult.EXTRA])
TIMES = st.integers(1_000, 9_000)


@dataclass(frozen=True)
class Fate:
    """What became of one object."""

    stood: int | None
    """When it was read on an earlier night, where that stands; 0 where the place hashed it itself."""
    bad_before: ObjectResult | None
    """What an earlier night made of it, where it is told again without being read."""
    planned: bool
    """Whether what stands was to be read again from the start; if not, it may be since a neighbour is bad."""
    result: ObjectResult | None
    """What tonight made of it; None where it was not reached."""
    there: bool
    weak: bool


fates = st.builds(
    Fate,
    stood=st.none() | st.just(0) | TIMES,
    bad_before=st.none() | st.sampled_from([ObjectResult.MISMATCH, ObjectResult.UNREADABLE]),
    planned=st.booleans(),
    result=st.none() | RESULTS,
    there=st.booleans(),
    weak=st.booleans(),
)


def verdict(key: str, result: ObjectResult, *, there: bool = False, promised: str = "ab") -> ObjectVerdict:
    """A verdict about a promised object."""
    return ObjectVerdict(key, result, 5, "sha256", promised, there=there and result is ObjectResult.MATCH)


def tell(tally: Tally, number: int, fate: Fate) -> None:
    """Tell what became of an object, in the order in which a night does."""
    key = f"{number:03}"
    again = False
    if fate.stood is not None:
        again = bool(fate.stood) and fate.planned
        tally.still_matches(key, read=fate.stood, weak=fate.weak, there=not fate.stood, again=again)
        if not fate.stood:
            return
        if not again and fate.result is not None:
            tally.expect(fate.stood)
            again = True
    elif fate.bad_before is not None:
        tally.still_bad(verdict(key, fate.bad_before))
        return
    if fate.result is not None:
        read = 5 if fate.result in (ObjectResult.MATCH, ObjectResult.MISMATCH) and not fate.there else None
        tally.result(verdict(key, fate.result, there=fate.there), read=read, weak=fate.weak, again=again)


def outcome(fate: Fate) -> tuple[ObjectResult, bool]:
    """What stands of an object in the end, and whether that is a match by a reading within the cycle."""
    if fate.stood == 0:
        return ObjectResult.MATCH, False
    if fate.stood is None and fate.bad_before is not None:
        return fate.bad_before, False
    if fate.result is not None:
        return fate.result, fate.result is ObjectResult.MATCH and not fate.there
    return (ObjectResult.MATCH, True) if fate.stood else (ObjectResult.NOT_READ, False)


@settings(max_examples=300, deadline=None)
@given(some=st.lists(fates, max_size=20), extras=st.integers(0, 3))
def test_counts_are_what_became_of_each_object(some: list[Fate], extras: int) -> None:
    tally = Tally("ehr@nas")
    tally.plan(planned=len(some), objects_total=len(some) + extras)
    tally.rotate(NIGHT)
    for number in range(extras):
        tally.result(ObjectVerdict(f"x{number}", ObjectResult.EXTRA, 5))
    for number, fate in enumerate(some):
        tell(tally, number, fate)
    found = tally.freeze(None)
    ends = [outcome(fate) for fate in some]
    expected = {result: sum(end is result for end, _ in ends) for result in ObjectResult} | {ObjectResult.EXTRA: extras}
    assert dict(found.counts) == {result: number for result, number in expected.items() if number}
    assert sum(number for _, number in found.counts) == found.objects_total
    matched = [fate for fate, (end, _) in zip(some, ends, strict=True) if end is ObjectResult.MATCH]
    assert found.hashed_there == sum(fate.stood == 0 or (fate.there and fate.result is ObjectResult.MATCH) for fate in matched)
    assert found.weak_only == sum(fate.weak for fate in matched)
    assert found.rotation is not None
    assert found.rotation.verified == sum(by_reading for _, by_reading in ends) == expected[ObjectResult.MATCH] - found.hashed_there
    assert (found.depth is Depth.ATTRIBUTES) == bool(found.hashed_there)
    oldest = [fate.stood for fate, (_, by_reading) in zip(some, ends, strict=True) if fate.stood and fate.result is None and by_reading]
    if oldest:
        assert found.rotation.oldest_read is not None
        assert found.rotation.oldest_read <= datetime.fromtimestamp(min(oldest), UTC)
    elif found.rotation.verified:
        assert found.rotation.oldest_read is not None


def test_what_was_read_again_makes_the_oldest_reading_younger() -> None:
    tally = Tally("ehr@nas")
    tally.plan(planned=3, objects_total=3)
    tally.rotate(NIGHT)
    for number, read in enumerate((1_000, 2_000, 3_000)):
        tally.still_matches(f"{number}", read=read, weak=False, again=number < 2)
    for number in range(2):
        tally.result(verdict(f"{number}", ObjectResult.MATCH), read=5, again=True)
    rotation = tally.freeze(None).rotation
    assert rotation is not None
    assert rotation.oldest_read == datetime.fromtimestamp(3_000, UTC)


def frozen_while(results: int) -> tuple[Verification, Verification, Told]:
    """A tally that is frozen by another thread while one adds; what it was then, and at the end, and what the sink was told."""
    told = Told()
    half = threading.Event()
    tally = Tally("ehr@nas", told)
    tally.plan(planned=results, objects_total=results)
    tally.rotate(NIGHT)

    def add() -> None:
        for number in range(results):
            if number % 2:
                tally.still_matches(f"{number}", read=1_000, weak=False, again=True)
            tally.result(verdict(f"{number}", ObjectResult.MATCH), read=5, again=bool(number % 2))
            if number == results // 2:
                half.set()

    thread = threading.Thread(target=add)
    thread.start()
    half.wait(30)
    early = tally.freeze(Unobserved(Reason.TIMED_OUT, "the run's time was over"))
    thread.join(30)
    tally.still_matches("late", read=1_000, weak=False)
    tally.expect(1)
    tally.rotate(Night(timedelta(days=1), 1, 1, 1, 1, 1, 1, 1))
    tally.plan(planned=9 * results, objects_total=1)
    return early, tally.freeze(None), told


def test_once_frozen_nothing_counts_and_nothing_is_told() -> None:
    early, late, told = frozen_while(2_000)
    assert early is late
    assert sum(number for _, number in early.counts) == early.objects_total == 2_000
    assert early.objects_read == len(told.verdicts)
    assert early.rotation is not None
    assert early.rotation.verified == early.count(ObjectResult.MATCH)


def test_of_many_problems_some_are_kept_and_all_are_counted() -> None:
    tally = Tally("ehr@nas")
    tally.plan(planned=MOST + 7, objects_total=MOST + 7)
    for number in range(MOST + 7):
        if number % 2:
            tally.still_bad(verdict(f"{number}", ObjectResult.MISMATCH))
        else:
            tally.result(verdict(f"{number}", ObjectResult.UNREADABLE))
    found = tally.freeze(None)
    assert (found.count(ObjectResult.MISMATCH), found.count(ObjectResult.UNREADABLE), len(found.problems)) == (503, 504, MOST)


def test_a_kept_checksum_is_counted_beside_and_reads_nothing() -> None:
    tally = Tally("ehr@nas")
    tally.plan(planned=3, objects_total=3)
    tally.result(ObjectVerdict("a", ObjectResult.NOT_READ, 5, "sha256", "ab", "ab", kept=True))
    tally.result(ObjectVerdict("b", ObjectResult.MISMATCH, 5, "sha256", "ab", "cd", kept=True))
    found = tally.freeze(None)
    assert dict(found.counts) == {ObjectResult.NOT_READ: 2, ObjectResult.MISMATCH: 1}
    assert (found.kept, found.objects_read, found.depth) == (1, 0, Depth.LISTED)
