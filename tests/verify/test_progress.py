"""How far a run has got: what is counted is what was told, in every order and from every thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drcheck.pace import Pace
from drcheck.verify.progress import Counts, Progress, Stage, TargetProgress


def only(counts: Counts) -> TargetProgress:
    """The one target there is."""
    (target,) = counts.targets()
    return target


def test_a_copy_goes_through_its_stages() -> None:
    counts = Counts()
    progress: Progress = counts
    stages: list[Stage] = []
    steps: list[Callable[[], None]] = [
        lambda: progress.expected("ehr@nas", "nas"),
        lambda: progress.begun("ehr@nas", "nas"),
        lambda: progress.gathered("ehr@nas"),
        lambda: progress.planned("ehr@nas", 2, 30),
        lambda: progress.done("ehr@nas", 10),
        lambda: progress.done("ehr@nas", 20),
        lambda: progress.ended("ehr@nas", ""),
    ]
    for step in steps:
        step()
        stages.append(only(counts).stage)
    assert stages == [Stage.WAITING, Stage.LISTING, Stage.MANIFESTS, Stage.READING, Stage.READING, Stage.READING, Stage.DONE]
    assert only(counts) == TargetProgress("nas", Stage.DONE, 2, 2, 30, 30, 0, 0, whole=True)


def test_what_is_left_is_what_is_planned_and_not_done() -> None:
    counts = Counts()
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 10, 1_000)
    counts.done("ehr@nas", 400)
    counts.done("ehr@nas", 100, objects=4)
    found = only(counts)
    assert (found.objects, found.planned, found.size, found.planned_size) == (5, 10, 500, 1_000)
    assert (found.objects_left, found.size_left) == (5, 500)


def test_what_is_done_beyond_the_plan_was_planned_after_all() -> None:
    counts = Counts()
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 1, 100)
    counts.done("ehr@nas", 100)
    counts.done("ehr@nas", 50)
    found = only(counts)
    assert (found.objects, found.planned, found.size, found.planned_size) == (2, 2, 150, 150)
    assert (found.objects_left, found.size_left) == (0, 0)


def test_a_copy_that_stops_leaves_nothing_to_wait_for_and_says_why() -> None:
    counts = Counts()
    for copy in ("ehr@nas", "pacs@nas"):
        counts.expected(copy, "nas")
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 10, 1_000)
    counts.done("ehr@nas", 100)
    counts.ended("ehr@nas", "the connection was lost")
    found = only(counts)
    assert (found.stage, found.objects, found.planned, found.objects_left, found.size_left) == (Stage.WAITING, 1, 10, 0, 0)
    assert not found.whole, "the other one was not looked at"
    counts.begun("pacs@nas", "nas")
    counts.ended("pacs@nas", "")
    assert only(counts).stage is Stage.STOPPED
    assert only(counts).ended
    assert counts.stopped() == [("ehr@nas", "the connection was lost")]


def test_a_target_is_done_when_all_that_is_expected_of_it_is() -> None:
    counts = Counts()
    counts.expected("ehr@nas", "nas")
    counts.expected("pacs@nas", "nas")
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 0, 0)
    counts.ended("ehr@nas", "")
    assert not only(counts).ended
    counts.begun("pacs@nas", "nas")
    counts.planned("pacs@nas", 3, 3)
    assert only(counts).whole
    counts.ended("pacs@nas", "")
    assert only(counts).stage is Stage.DONE


def test_a_large_object_moves_while_it_is_read() -> None:
    counts, pace = Counts(), Pace()
    counts.begun("ehr@nas", "nas")
    counts.reading("nas", pace)
    counts.reading("nas", pace)
    pace.add(77)  # its manifests are not what is planned
    counts.planned("ehr@nas", 1, 500)
    assert only(counts).size == 0
    pace.add(200)
    assert (only(counts).size, only(counts).size_left) == (200, 300)
    pace.add(900)  # read again: no more than there is
    assert (only(counts).size, only(counts).size_left) == (500, 0)
    counts.done("ehr@nas", 500)
    counts.ended("ehr@nas", "")
    pace.add(10_000)
    assert only(counts).size == 500


def test_a_second_connection_to_a_target_counts_on() -> None:
    counts, first, second = Counts(), Pace(), Pace()
    counts.reading("nas", first)
    for copy, pace in (("ehr@nas", first), ("pacs@nas", second)):
        counts.begun(copy, "nas")
        counts.reading("nas", pace)
        counts.planned(copy, 1, 100)
        pace.add(60)
        counts.ended(copy, "stopped")
    assert only(counts).size == 120


def test_what_needs_no_reading_is_done_all_the_same() -> None:
    counts = Counts()
    counts.reading("nas", Pace())
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 2, 100)
    counts.done("ehr@nas", 50)
    assert (only(counts).size, only(counts).size_left) == (50, 50)


def test_what_is_planned_anew_goes_on_from_where_it_is() -> None:
    counts, pace = Counts(), Pace()
    counts.reading("nas", pace)
    counts.begun("ehr@nas", "nas")
    counts.planned("ehr@nas", 1, 500)
    pace.add(200)
    counts.planned("ehr@nas", 1, 400)
    assert (only(counts).size, only(counts).size_left) == (200, 200)


def test_a_thread_that_wakes_after_its_copy_was_given_up_brings_nothing_back() -> None:
    counts = Counts()
    counts.begun("ehr@nas", "nas")
    counts.ended("ehr@nas", "it did not answer")
    counts.gathered("ehr@nas")
    counts.planned("ehr@nas", 5, 5)
    counts.done("ehr@nas", 1)
    counts.begun("ehr@nas", "nas")
    counts.ended("ehr@nas", "")
    assert only(counts).stage is Stage.STOPPED
    assert counts.stopped() == [("ehr@nas", "it did not answer")]


@contextmanager
def looked_at(counts: Counts) -> Iterator[list[int]]:
    """Somebody looks all the time; gives what was seen."""
    seen: list[int] = []
    end = threading.Event()

    def look() -> None:
        while not end.is_set():
            seen.append(sum(target.objects for target in counts.targets()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join(30)


def test_counts_are_right_while_many_tell_and_somebody_looks() -> None:
    counts = Counts()

    def work(number: int) -> None:
        for copy in (f"one@t{number}", f"two@t{number}"):
            counts.begun(copy, f"t{number}")
            counts.planned(copy, 5_000, 5_000)
            for _ in range(5_000):
                counts.done(copy, 1)
            counts.ended(copy, "")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    with looked_at(counts) as seen:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [(target.objects, target.size, target.stage) for target in counts.targets()] == [(10_000, 10_000, Stage.DONE)] * 6
    assert seen == sorted(seen)
