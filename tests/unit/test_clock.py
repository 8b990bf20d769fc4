"""Durations, moments and deadlines."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import drcheck
from drcheck.clock import Deadline, format_duration, format_moment, monotonic, now, parse_duration, parse_moment
from drcheck.errors import TimedOut


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("35d", timedelta(days=35)),
        ("2w", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("1d 12h", timedelta(hours=36)),
        (" 1h ", timedelta(hours=1)),
        ("0s", timedelta(0)),
    ],
)
def test_durations_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    ["", " ", "24", "h", "24 h", "-1h", "+1h", "1H", "1y", "1mo", "1h-", "1,5h", ".5h", "1.h", "nan", "infs", "1e3s", "\u0663h", "1d  12h", "1h\n1h"],
)
def test_what_is_no_duration_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9" * 400 + "d", "999999999999999d", "999999999d999999999d"])
def test_durations_too_long_to_count_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than drcheck can count"):
        parse_duration(text)


@given(st.text())
def test_parsing_a_duration_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= timedelta(0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (-0.4, "0s"),
        (59, "59s"),
        (60, "1m"),
        (90, "1m 30s"),
        (86400, "1d"),
        (97200, "1d 3h"),
        (90061, "1d 1h"),
        (-7260, "-2h 1m"),
    ],
)
def test_durations_are_shown(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**6), st.sampled_from([1, 60, 3600, 86400]))
def test_a_duration_in_whole_units_is_read_back_as_it_was_shown(number: int, unit: int) -> None:
    length = timedelta(seconds=number * unit)
    shown = format_duration(length)
    assert abs(parse_duration(shown) - length) < timedelta(hours=1)
    assert format_duration(parse_duration(shown)) == shown


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T02:10:00Z", datetime(2026, 3, 1, 2, 10, tzinfo=UTC)),
        ("2026-03-01T02:10:00+01:00", datetime(2026, 3, 1, 1, 10, tzinfo=UTC)),
        ("2026-03-01 02:10:00.5-05:30", datetime(2026, 3, 1, 7, 40, 0, 500_000, tzinfo=UTC)),
        (" 20260301T021000Z ", datetime(2026, 3, 1, 2, 10, tzinfo=UTC)),
    ],
)
def test_moments_are_read_into_utc(text: str, moment: datetime) -> None:
    read = parse_moment(text)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01T02:10:00", "2026-W09-7"])
def test_a_moment_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_moment(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "\udcff"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a moment"):
        parse_moment(text)


@given(st.text() | st.datetimes(timezones=st.timezones()).map(str))
def test_parsing_a_moment_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_moment(text).tzinfo is UTC


def test_moments_are_shown_in_utc_to_the_second() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert format_moment(datetime(2026, 3, 1, 2, 10, 0, 999_999, tzinfo=east)) == "2026-02-28T20:40:00Z"
    assert format_moment(datetime(987, 1, 2, tzinfo=UTC)) == "0987-01-02T00:00:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_read_back_as_it_was_shown(moment: datetime) -> None:
    assert parse_moment(format_moment(moment)) == moment.replace(microsecond=0)


def test_now_is_in_utc() -> None:
    assert now().tzinfo is UTC
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_deadline_passes_and_says_how_long_it_was() -> None:
    deadline = Deadline(0.05)
    deadline.check()
    assert 0 < (deadline.remaining() or 0) <= 0.05
    assert not deadline.passed()
    time.sleep(0.06)
    assert deadline.passed()
    assert deadline.remaining() == 0.0
    with pytest.raises(TimedOut, match=r"deadline of 0\.05 s"):
        deadline.check()


def test_a_deadline_without_an_end_never_passes() -> None:
    deadline = Deadline(None)
    assert deadline.remaining() is None
    assert not deadline.passed()
    deadline.check()


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_deadline_can_be_ended(seconds: float | None) -> None:
    deadline = Deadline(seconds)
    deadline.check()
    deadline.end()
    assert (deadline.passed(), deadline.remaining()) == (True, 0.0)
    with pytest.raises(TimedOut, match=r"deadline of \d+ s"):
        deadline.check()


@pytest.mark.parametrize("seconds", [0, 0.0, -1.0])
def test_no_time_is_passed_at_once(seconds: float) -> None:
    assert Deadline(seconds).passed()
    assert Deadline(seconds).remaining() == 0.0


def test_monotonic_time_does_not_go_back() -> None:
    moments = [monotonic() for _ in range(1000)]
    assert moments == sorted(moments)


def test_nobody_else_asks_for_the_time() -> None:
    asking = re.compile(r"datetime\.(now|utcnow|today)\(|time\.(time|monotonic|time_ns|perf_counter)\(|date\.today\(")
    folder = Path(drcheck.__file__).parent
    found = [path for path in folder.rglob("*.py") if path.name != "clock.py" and asking.search(path.read_text(encoding="utf-8"))]
    assert found == []
