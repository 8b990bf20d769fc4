"""What an earlier look at an object is worth: never more than what was found holds of what is promised today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, product

import pytest

from drcheck.connectors.base import Entry
from drcheck.model import ObjectResult, ObjectVerdict
from drcheck.store import Known
from drcheck.store.known import Reading, as_row, cells_of, with_reading
from drcheck.verify.earlier import Earlier, Worth, agreed, earlier_of, worth

NOW = 1_000_000
CYCLE = 10_000
SINCE = NOW - CYCLE
READ = ObjectResult.MATCH, "sha256 aa md5 bb"
MOMENTS = (0, SINCE - 1, SINCE, NOW)
FOUND = ("", "sha256 aa", "sha256 cc", "md5 bb", "sha256 aa md5 bb", "sha256 aa md5 cc", "sha256 other")
PROMISES = (("sha256", "aa"), ("sha256", "cc"), ("md5", "bb"))
STANDING = (Worth.STANDS, Worth.STANDS_THERE)


def every() -> Iterator[tuple[Earlier, tuple[tuple[str, str], ...]]]:
    """Every combination of what can be known and promised."""
    sets = [some for count in (1, 2, 3) for some in combinations(PROMISES, count)]
    for queue, read, result, found, promised in product(MOMENTS, MOMENTS, ("", *map(str, ObjectResult)), FOUND, sets):
        if read <= queue or not read:
            yield Earlier(queue, read, result, found), promised


def test_nothing_stands_of_which_any_promise_is_not_held_by_what_was_found() -> None:
    for earlier, promised in every():
        held = all(earlier.digests.get(algorithm) == digest for algorithm, digest in promised)
        value = worth(earlier, promised, SINCE)
        assert value not in STANDING or held, (earlier, promised)
        if any(algorithm in earlier.digests and earlier.digests[algorithm] != digest for algorithm, digest in promised) and earlier.result:
            assert value is Worth.SUSPECT, (earlier, promised)


def test_nothing_stands_by_reading_that_was_not_read_within_the_cycle() -> None:
    for earlier, promised in every():
        value = worth(earlier, promised, SINCE)
        if value is Worth.STANDS:
            assert earlier.read >= SINCE, earlier
            assert earlier.result in (ObjectResult.MATCH, ObjectResult.MISMATCH), earlier
        if value is Worth.STANDS_THERE:
            assert earlier.queue >= SINCE, earlier
            assert earlier.result == ObjectResult.MATCH, earlier


def test_one_promise_more_never_makes_more_of_it() -> None:
    for earlier, promised in every():
        if worth(earlier, promised, SINCE) in STANDING:
            for count in range(1, len(promised)):
                for fewer in combinations(promised, count):
                    assert worth(earlier, fewer, SINCE) in STANDING, (earlier, promised, fewer)


def test_time_never_makes_more_of_it() -> None:
    order = (Worth.STANDS, Worth.STANDS_THERE, Worth.EXPIRED)
    for earlier, promised in every():
        values = [worth(earlier, promised, since) for since in range(SINCE - 2, NOW + 3)[:: CYCLE // 3]]
        assert values == sorted(values, key=lambda value: order.index(value) if value in order else -1), (earlier, promised)


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (None, Worth.NOTHING),
        (Earlier(NOW, 0, "", ""), Worth.NOTHING),
        (Earlier(NOW, 0, ObjectResult.EXTRA, ""), Worth.NOTHING),
        (Earlier(NOW, 0, ObjectResult.MISSING, ""), Worth.NOTHING),
        (Earlier(NOW, NOW, ObjectResult.MATCH, "sha256 aa"), Worth.STANDS),
        (Earlier(SINCE, SINCE, ObjectResult.MATCH, "sha256 aa"), Worth.STANDS),
        (Earlier(SINCE - 1, SINCE - 1, ObjectResult.MATCH, "sha256 aa"), Worth.EXPIRED),
        (Earlier(NOW, 0, ObjectResult.MATCH, "sha256 aa"), Worth.STANDS_THERE),
        (Earlier(SINCE - 1, 0, ObjectResult.MATCH, "sha256 aa"), Worth.EXPIRED),
        (Earlier(NOW, SINCE - 1, ObjectResult.MATCH, "sha256 aa"), Worth.STANDS_THERE),
        (Earlier(NOW, SINCE, ObjectResult.MATCH, "sha256 aa"), Worth.STANDS),
        (Earlier(NOW, NOW, ObjectResult.MATCH, "md5 bb"), Worth.NOTHING),
        (Earlier(NOW, NOW, ObjectResult.MATCH, "sha256 cc"), Worth.SUSPECT),
        (Earlier(NOW, NOW, ObjectResult.MISMATCH, "sha256 cc"), Worth.SUSPECT),
        # The manifest was put right since, and what was read is what it says now.
        (Earlier(NOW, NOW, ObjectResult.MISMATCH, "sha256 aa"), Worth.STANDS),
        # Nor was it: a wrong size was seen after reading had been tried in vain.
        (Earlier(NOW, NOW - 1, ObjectResult.MISMATCH, "sha256 aa"), Worth.SUSPECT),
        # The place said so, and nothing was read.
        (Earlier(NOW, 0, ObjectResult.MISMATCH, "sha256 aa"), Worth.NOTHING),
        (Earlier(NOW, NOW - 1, ObjectResult.UNREADABLE, "sha256 aa"), Worth.SUSPECT),
        (Earlier(NOW, 0, ObjectResult.NOT_READ, "sha256 aa"), Worth.NOTHING),
    ],
)
def test_worth(earlier: Earlier | None, expected: Worth) -> None:
    assert worth(earlier, [("sha256", "aa")], SINCE) is expected


def test_a_kept_checksum_that_agreed_is_asked_for_again_where_another_is_promised() -> None:
    kept = Earlier(NOW, 0, ObjectResult.NOT_READ, "sha256 aa")
    assert agreed(kept, [("sha256", "aa")])
    assert not agreed(kept, [("sha256", "cc")])
    assert not agreed(Earlier(NOW, 0, ObjectResult.NOT_READ, ""), [("sha256", "aa")])
    assert not agreed(Earlier(NOW, 0, ObjectResult.MATCH, "sha256 aa"), [("sha256", "aa")])
    assert not agreed(None, [("sha256", "aa")])


# --- what the store keeps of a verdict, and what it is worth then ---

AT = datetime.fromtimestamp(NOW, UTC)
GOOD, OTHER = "aa" * 32, "cc" * 32
ENTRY = Entry("a.img", 5, None, "v1")


def told(result: ObjectResult, found: str = "", *, there: bool = False, kept: bool = False, promised: str = GOOD) -> ObjectVerdict:
    """A verdict about the object."""
    return ObjectVerdict(ENTRY.key, result, ENTRY.size, "sha256", promised, found, there=there, kept=kept)


def after(*verdicts: ObjectVerdict, promised: str = GOOD, days: int = 0, entry: Entry | None = ENTRY) -> Worth:
    """What an object is worth of which these verdicts were told, a day after the other, `days` after the last; the cycle is ten days."""
    row = as_row((b"a.img", 5, b"v1", 1, 1, 0, 0, 0, 0, 0, 0, 0, "", b""))
    for number, verdict in enumerate(verdicts):
        row = with_reading(row, as_row(cells_of(Reading.of(verdict, AT + timedelta(days=number), entry))))
    now = NOW + 86_400 * (len(verdicts) - 1 + days)
    return worth(earlier_of(Known(row, AT), now), [("sha256", promised)], now - 10 * 86_400)


MATCH = told(ObjectResult.MATCH, GOOD)
THERE = told(ObjectResult.MATCH, GOOD, there=True)
BAD = told(ObjectResult.MISMATCH, OTHER)
FAILED = told(ObjectResult.UNREADABLE)
REFUSED = told(ObjectResult.NOT_READ)
WRONG_SIZE = told(ObjectResult.MISMATCH)
AGREES = told(ObjectResult.NOT_READ, GOOD, kept=True)
DENIED = told(ObjectResult.MISMATCH, OTHER, kept=True)
DENIED_BY_PARTS = told(ObjectResult.MISMATCH, kept=True)
DENIED_THERE = told(ObjectResult.MISMATCH, OTHER, there=True)


@pytest.mark.parametrize(
    ("verdicts", "days", "expected"),
    [
        ([MATCH], 0, Worth.STANDS),
        ([MATCH], 10, Worth.STANDS),
        ([MATCH], 11, Worth.EXPIRED),
        ([BAD], 0, Worth.SUSPECT),
        ([FAILED], 0, Worth.SUSPECT),
        ([REFUSED], 0, Worth.SUSPECT),
        ([MATCH, FAILED], 0, Worth.SUSPECT),
        ([MATCH, REFUSED], 0, Worth.SUSPECT),
        ([MATCH, WRONG_SIZE], 0, Worth.STANDS),
        ([MATCH, FAILED, WRONG_SIZE], 0, Worth.SUSPECT),
        ([WRONG_SIZE], 0, Worth.NOTHING),
        ([THERE], 0, Worth.STANDS_THERE),
        ([THERE], 11, Worth.EXPIRED),
        ([MATCH, THERE], 0, Worth.STANDS),
        # The reading is of eleven days ago; that the place hashed it since holds, and for no more than that.
        ([MATCH, THERE], 10, Worth.STANDS_THERE),
        ([MATCH, THERE], 11, Worth.EXPIRED),
        ([FAILED, THERE], 0, Worth.SUSPECT),
        ([BAD, THERE], 0, Worth.SUSPECT),
        ([BAD, MATCH], 0, Worth.STANDS),
        ([FAILED, MATCH], 0, Worth.STANDS),
        ([AGREES], 0, Worth.NOTHING),
        ([MATCH, AGREES], 0, Worth.STANDS),
        ([DENIED], 0, Worth.SUSPECT),
        ([DENIED_BY_PARTS], 0, Worth.SUSPECT),
        ([DENIED_THERE], 0, Worth.SUSPECT),
        ([MATCH, DENIED], 0, Worth.SUSPECT),
        ([MATCH, DENIED_BY_PARTS], 0, Worth.SUSPECT),
        ([MATCH, DENIED_THERE], 0, Worth.SUSPECT),
        ([DENIED, MATCH], 0, Worth.STANDS),
        ([DENIED, AGREES], 0, Worth.NOTHING),
        ([DENIED, FAILED], 0, Worth.SUSPECT),
        ([FAILED, AGREES], 0, Worth.SUSPECT),
    ],
)
def test_what_the_store_keeps_is_worth(verdicts: list[ObjectVerdict], days: int, expected: Worth) -> None:
    assert after(*verdicts, days=days) is expected


@pytest.mark.parametrize("verdicts", [[DENIED], [DENIED_BY_PARTS], [DENIED_THERE], [MATCH, DENIED], [AGREES], [MATCH, DENIED_THERE], [WRONG_SIZE]])
def test_what_a_place_said_of_its_own_is_no_reading_even_where_the_manifest_says_it_too(verdicts: list[ObjectVerdict]) -> None:
    assert after(*verdicts, promised=OTHER) not in STANDING


def test_a_manifest_that_is_rewritten_to_what_was_read_makes_it_good() -> None:
    assert after(BAD, promised=OTHER) is Worth.STANDS


@pytest.mark.parametrize("verdicts", [[MATCH], [THERE], [MATCH, THERE]])
def test_what_was_read_by_a_clock_that_was_ahead_does_not_stand(verdicts: list[ObjectVerdict]) -> None:
    assert after(*verdicts, days=-1) is Worth.EXPIRED


@pytest.mark.parametrize("verdicts", [[FAILED], [BAD], [MATCH, FAILED, WRONG_SIZE]])
def test_bad_news_of_a_clock_that_was_ahead_is_bad_news(verdicts: list[ObjectVerdict]) -> None:
    assert after(*verdicts, days=-1) in (Worth.SUSPECT, Worth.EXPIRED)


def test_what_was_tried_by_a_clock_that_was_ahead_is_next() -> None:
    row = as_row((b"a.img", 5, b"v1", 1, 1, 0, 0, NOW, NOW, NOW, 2, 50, "", b""))
    assert earlier_of(Known(row, AT), NOW).queue == NOW
    assert earlier_of(Known(row, AT), NOW - 1).queue == 0


def test_not_having_been_tried_costs_no_turn() -> None:
    for verdict in (told(ObjectResult.NOT_READ), ObjectVerdict(ENTRY.key, ObjectResult.NOT_READ, 5)):
        entry = None if verdict.promised else ENTRY  # archived, and of an unusable manifest
        assert after(MATCH, verdict, entry=entry) is Worth.STANDS
        assert Reading.of(verdict, AT, entry).depth == "none"


@pytest.mark.parametrize("verdict", [MATCH, THERE, BAD, FAILED, REFUSED])
def test_every_try_is_a_turn(verdict: ObjectVerdict) -> None:
    assert as_row(cells_of(Reading.of(verdict, AT, ENTRY))).last_tried == NOW
