"""Patterns of names that tell a time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drcheck.formats.pattern import NamePattern, time_zone

DATES = ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%Y{0}%j", "%Y{0}%b{0}%d", "%Y/%m{0}%d", "%Y/%Y{0}%m{0}%d")
CLOCKS = ("", "T%H", "T%H%M", "T%H%M%S", "_%H-%M-%S.%f", "T%H:%M:%SZ", "T%H:%M:%S%z")
# Letters and digits would run into the fields; % and * have a meaning; / makes levels.
TEXT = st.text(st.characters(blacklist_characters="%*/.", blacklist_categories=["Cs"]), max_size=8)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))


@given(TEXT, st.sampled_from(DATES), st.sampled_from(["", "-", "_", "."]), st.sampled_from(CLOCKS), TEXT, MOMENTS)
def test_what_strftime_writes_is_read_back(before: str, day: str, between: str, clock: str, after: str, moment: datetime) -> None:
    middle = day.format(between) + clock
    pattern = before + middle + after
    name = before + moment.strftime(middle) + after
    assume(not {".", "..", ""} & set(pattern.split("/")))
    if "%f" not in clock:
        moment = moment.replace(microsecond=0)
    if "%S" not in clock:
        moment = moment.replace(second=0)
    if "%M" not in clock:
        moment = moment.replace(minute=0)
    if "%H" not in clock:
        moment = moment.replace(hour=0)
    assert NamePattern(pattern).read(name) == (name, moment)


@given(st.text(max_size=30), st.sampled_from(["%Y-%m-%d", "*%Y%m%d*", "%s", "%y%j", "%Y-%m-%dT%H%M%z"]))
def test_any_name_is_read_or_is_none(name: str, pattern: str) -> None:
    found = NamePattern(pattern).read(name)
    assert found is None or found[1].tzinfo is UTC


@given(st.text(max_size=12))
def test_any_pattern_is_understood_or_refused(pattern: str) -> None:
    with contextlib.suppress(ValueError):
        NamePattern(pattern).read(pattern)


@pytest.mark.parametrize(
    "name",
    [
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "0000-01-01",
        "26-03-09",
        "2026-3-9",
        "2026-03-09x",
        "x2026-03-09",
        "2026-03-09\n",
        "٢٠٢٦-٠٣-٠٩",
        "2026-03-09/",
    ],
)
def test_what_is_no_day_is_not_read(name: str) -> None:
    assert NamePattern("%Y-%m-%d").read(name) is None


@pytest.mark.parametrize(
    ("pattern", "name", "moment"),
    [
        ("%s.dump", "1773022200.dump", datetime(2026, 3, 9, 2, 10, tzinfo=UTC)),
        ("%y%m%d", "260309", datetime(2026, 3, 9, tzinfo=UTC)),
        ("%y%m%d", "990309", datetime(1999, 3, 9, tzinfo=UTC)),
        ("%Y%j", "2024366", datetime(2024, 12, 31, tzinfo=UTC)),
        ("%d%b%Y", "09MAR2026", datetime(2026, 3, 9, tzinfo=UTC)),
        ("%Y-%m-%dT%H%M%z", "2026-03-09T0210+0100", datetime(2026, 3, 9, 1, 10, tzinfo=UTC)),
        ("%Y-%m-%dT%H%M%z", "2026-03-09T0210-03:30", datetime(2026, 3, 9, 5, 40, tzinfo=UTC)),
        ("%Y-%m-%dT%H%M%z", "2026-03-09T0210Z", datetime(2026, 3, 9, 2, 10, tzinfo=UTC)),
        ("100%%-%Y-%m-%d", "100%-2026-03-09", datetime(2026, 3, 9, tzinfo=UTC)),
    ],
)
def test_fields(pattern: str, name: str, moment: datetime) -> None:
    assert NamePattern(pattern).read(name) == (name, moment)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("%Y%j", "2023366"),
        ("%Y%j", "2023000"),
        ("%Y/%Y-%m-%d", "2025/2026-03-09"),
        ("%Y-%m-%dT%H%M%z", "2026-03-09T0210+9900"),
        ("%Y-%m-%dT%H%M%z", "0001-01-01T0000+2300"),
        ("%Y-%m-%dT%H%M%S", "2026-03-09T021060"),
    ],
)
def test_what_contradicts_itself_is_not_read(pattern: str, name: str) -> None:
    assert NamePattern(pattern).read(name) is None


def test_free_parts_are_left_out_of_the_identity() -> None:
    pattern = NamePattern("*-%Y%m%d-*.sql")
    assert pattern.read("main-20260309-01.sql") == ("*-20260309-*.sql", datetime(2026, 3, 9, tzinfo=UTC))
    assert pattern.read("below/main-20260309-01.sql") is None
    assert (pattern.free, pattern.scattered) == (True, True)
    assert (NamePattern("%Y%m%d-*").free, NamePattern("%Y%m%d-*").scattered) == (True, False)


def test_a_local_time_that_happens_twice_is_the_earlier() -> None:
    # The clocks of London go back at 02:00 summer time on 2026-10-25: 01:30 is 00:30 UTC first, then 01:30 UTC.
    found = NamePattern("%Y-%m-%dT%H%M", time_zone("Europe/London")).read("2026-10-25T0130")
    assert found is not None
    assert found[1] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_local_time_that_never_happens_is_the_earlier() -> None:
    # They go forward at 01:00 on 2026-03-29: 01:30 is 01:30 UTC by the old offset, 00:30 UTC by the new.
    found = NamePattern("%Y-%m-%dT%H%M", time_zone("Europe/London")).read("2026-03-29T0130")
    assert found is not None
    assert found[1] == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)), st.sampled_from(["Europe/London", "America/St_Johns", "Australia/Lord_Howe"]))
def test_a_name_in_any_zone_is_never_taken_for_later_than_it_can_be(local: datetime, zone: str) -> None:
    local = local.replace(second=0, microsecond=0)
    found = NamePattern("%Y%m%d%H%M", time_zone(zone)).read(local.strftime("%Y%m%d%H%M"))
    assert found is not None
    either = [local.replace(tzinfo=time_zone(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    assert found[1] == min(either)
    assert max(either) - found[1] <= timedelta(hours=1)
