"""Results taken one by one, from several threads, are on the disk in time."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drcheck.connectors.base import Entry
from drcheck.errors import StoreError
from drcheck.model import Depth, ObjectResult, ObjectVerdict
from drcheck.store import Digest, ObjectStore, Reading, Recorder, Store, open_store
from drcheck.store.known import Cells, cells_of, cells_of_verdict
from drcheck.store.objects import BATCH
from tests.store.model import night
from tests.store.test_merge import LISTED


def verdict(key: str, result: ObjectResult = ObjectResult.MATCH) -> ObjectVerdict:
    """A verdict that names its digest where the bytes were read."""
    found = "ab" * 32 if result is ObjectResult.MATCH else ""
    return ObjectVerdict(key, result, 1, "sha256", "ab" * 32, found, "SHA256SUMS")


def results(objects: ObjectStore) -> dict[str, ObjectResult]:
    """What is known, by key."""
    return {known.key: known.result for known in (*objects.known(), *objects.absent()) if known.result is not None}


def test_a_result_is_on_the_disk_before_the_next_one_comes(store: Store) -> None:
    """A large object takes minutes, and the one before it must not wait for it in memory."""
    with store.recorder("trust", every=0.05) as recorder:
        recorder.record("ehr@vault", verdict("a"))
        end = time.monotonic() + 10
        while not recorder.recorded and time.monotonic() < end:
            time.sleep(0.01)
        assert results(store.objects("trust", "ehr@vault")) == {"a": ObjectResult.MATCH}


def test_leaving_writes_what_waits(store: Store) -> None:
    with store.recorder("trust", every=60) as recorder:
        recorder.record("ehr@vault", verdict("a"))
        recorder.record("ehr@tape", verdict("a", ObjectResult.MISSING))
    assert recorder.recorded == 2
    assert results(store.objects("trust", "ehr@vault")) == {"a": ObjectResult.MATCH}
    assert results(store.objects("trust", "ehr@tape")) == {"a": ObjectResult.MISSING}


def test_leaving_by_an_error_writes_what_waits_too(store: Store) -> None:
    def run() -> None:
        with store.recorder("trust", every=60) as recorder:
            recorder.record("ehr@vault", verdict("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert results(store.objects("trust", "ehr@vault")) == {"a": ObjectResult.MATCH}


def test_many_do_not_wait_for_the_time(store: Store) -> None:
    with store.recorder("trust", every=60) as recorder:
        for number in range(BATCH):
            recorder.record("ehr@vault", verdict(f"{number:05d}"))
        assert recorder.recorded == BATCH


def test_several_threads_lose_nothing(store: Store) -> None:
    def read(thread: int) -> None:
        for number in range(500):
            recorder.record(f"ehr@{thread}", verdict(f"{number:05d}"))

    with store.recorder("trust", every=0.01) as recorder:
        threads = [threading.Thread(target=read, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(4):
        assert len(results(store.objects("trust", f"ehr@{number}"))) == 500


def test_a_store_that_fails_is_told_to_the_one_who_records(tmp_path: Path) -> None:
    with open_store(tmp_path / "drcheck.db", wait=0.1) as store:
        objects = store.objects("trust", "ehr@vault")

        def failing(_: str) -> ObjectStore:
            raise StoreError("no room")

        recorder = Recorder(failing, every=0.01)

        def run() -> None:
            with recorder:
                end = time.monotonic() + 10
                while time.monotonic() < end:
                    recorder.record("ehr@vault", verdict("a"))
                    time.sleep(0.01)
                pytest.fail("nobody was told")

        with pytest.raises(StoreError, match="no room"):
            run()
        assert recorder.recorded == 0
        assert results(objects) == {}


@pytest.mark.parametrize("swallowed", [False, True], ids=["at the end", "told before, and swallowed"])
def test_a_failure_is_told_at_the_end(swallowed: bool) -> None:
    def failing(_: str) -> ObjectStore:
        raise StoreError("no room")

    def run() -> None:
        with Recorder(failing, every=60) as recorder:
            recorder.record("ehr@vault", verdict("a"))
            if swallowed:
                with contextlib.suppress(StoreError):
                    recorder.flush()

    with pytest.raises(StoreError, match="no room"):
        run()


@pytest.mark.parametrize(
    ("result", "found", "depth", "read"),
    [
        (ObjectResult.MATCH, "ab", Depth.READ, True),
        (ObjectResult.MISMATCH, "cd", Depth.READ, True),
        (ObjectResult.MISMATCH, "", Depth.LISTED, False),
        (ObjectResult.UNREADABLE, "", Depth.READ, False),
        (ObjectResult.MISSING, "", Depth.LISTED, False),
        (ObjectResult.EXTRA, "", Depth.LISTED, False),
        (ObjectResult.NOT_READ, "", Depth.READ, False),  # tried, and refused
    ],
)
def test_a_verdict_says_how_hard_was_looked(store: Store, result: ObjectResult, found: str, depth: Depth, read: bool) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    reading = Reading.of(ObjectVerdict("a", result, 9, "sha256", "ab", found), night(0, 1), LISTED[0])
    assert (reading.depth, reading.size, reading.version) == (depth, 1, "v1")
    objects.record([reading])
    known = next(objects.known())
    assert (known.result, known.depth, known.last_read) == (result, depth, night(0, 1) if read else None)
    assert known.digests == (Digest("sha256", "ab", found),)


DIGESTS = st.sampled_from(["", "ab" * 32, "AB" * 32, "cd" * 32, "a b", "etag-2", "\udce4"])


@given(
    verdict=st.builds(
        ObjectVerdict,
        key=st.sampled_from(["a", "b/é", "\udce4"]),
        result=st.sampled_from(ObjectResult),
        size=st.integers(0, 2**40),
        algorithm=st.sampled_from(["", "sha256", "md5"]),
        promised=DIGESTS,
        found=DIGESTS,
        there=st.booleans(),
        kept=st.booleans(),
    ),
    entry=st.none() | st.builds(Entry, st.just("a"), st.integers(0, 2**40), st.none() | st.just(night(-3)), st.sampled_from(["", "v1"])),
    digests=st.lists(st.tuples(st.just("sha256"), DIGESTS, DIGESTS), max_size=2),
)
@example(ObjectVerdict("a", ObjectResult.MATCH, 1, "sha256", "ab" * 32, "ab" * 32), Entry("a", 1, night(-3)), [])
def test_the_short_way_to_cells_gives_what_the_long_one_does(
    verdict: ObjectVerdict, entry: Entry | None, digests: list[tuple[str, str, str]]
) -> None:
    def long() -> Cells:
        return cells_of(Reading.of(verdict, night(0, 1), entry, digests))

    try:
        expected = long()
    except ValueError:
        with pytest.raises(ValueError, match="no name of an algorithm"):
            cells_of_verdict(verdict, night(0, 1), entry, digests)
    else:
        assert cells_of_verdict(verdict, night(0, 1), entry, digests) == expected


def test_the_time_of_the_last_change_stands_in_for_a_version(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter([Entry("a", 1, night(-5))]), night(0)))
    assert [one.change.value for one in objects.merge(iter([Entry("a", 1, night(-5))]), night(1))] == ["unchanged"]
    assert [one.change.value for one in objects.merge(iter([Entry("a", 1, night(-4))]), night(2))] == ["changed"]
