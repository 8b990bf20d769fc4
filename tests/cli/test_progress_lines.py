"""The words and numbers of progress: rates, times left, and tables that fit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.cli.progress_lines import format_left, rows, sentence, table
from drcheck.cli.rates import Rates
from drcheck.model import printable
from drcheck.reports.wrapping import columns
from drcheck.verify.progress import Stage, TargetProgress

MIB = 1024 * 1024
NOW = datetime(2026, 3, 1, 2, 27, tzinfo=UTC)


def target(
    name: str, stage: Stage, objects: int = 0, planned: int = 0, size: int = 0, planned_size: int = 0, *, whole: bool = True
) -> TargetProgress:
    """A target, with what is left of it."""
    left = (planned - objects, planned_size - size) if stage is Stage.READING else (0, 0)
    return TargetProgress(name, stage, objects, planned, size, planned_size, *left, whole)


def timed(*states: list[TargetProgress], every: float = 10) -> Rates:
    """Rates after these states, so many seconds apart."""
    rates = Rates(60)
    for number, state in enumerate(states):
        rates.sample(number * every, state)
    return rates


def test_rate_time_left_and_end_of_one_large_object() -> None:
    before, after = (target("nas", Stage.READING, 0, 1, size * MIB, 10_000 * MIB) for size in (1_000, 2_000))
    rates = timed([before], [after])
    ((line, stage),) = table(rows([after], rates, NOW), 100, 20, "utf-8")
    assert line == "nas  0 of 1  19 %     2.0 GiB   100.0 MiB/s       80 s  02:28Z"
    assert stage is Stage.READING


def test_many_small_objects_and_a_large_one_are_one_measure() -> None:
    """Neither the few bytes of small objects nor the few objects of a large one make the time left absurd."""
    small = [target("nas", Stage.READING, count, 10_001, count * 1_000, 10_000_000 + 10_000 * MIB) for count in (0, 10_000)]
    left = timed([small[0]], [small[1]]).of(small[1]).left
    assert left is not None
    assert 30 < left < 300


def test_a_run_lasts_as_long_as_its_slowest_target() -> None:
    before = [target(name, Stage.READING, 0, 100, 0, 100 * MIB) for name in ("a", "b")]
    after = [target("a", Stage.READING, 50, 100, 50 * MIB, 100 * MIB), target("b", Stage.READING, 10, 100, 10 * MIB, 100 * MIB)]
    rates = timed(before, after)
    assert rates.of_all(after).left == pytest.approx(90)
    assert rates.of_all(after).rate == pytest.approx(6 * MIB)
    assert not rates.of_all(after).at_least
    waits = [*after, target("c", Stage.WAITING, whole=False)]
    assert rates.of_all(waits).at_least
    assert "at least 90 s left" in sentence(waits, rates) or "at least 2 min left" in sentence(waits, rates)


def test_a_target_that_stands_still_promises_no_end() -> None:
    still = target("nas", Stage.READING, 5, 100, 5, 100)
    rates = timed(*[[still]] * 10)
    assert rates.of(still).rate == 0
    assert rates.of(still).left is None


def test_an_old_rate_is_forgotten() -> None:
    fast = [[target("nas", Stage.READING, 0, 1, number * 100 * MIB, 10**12)] for number in range(5)]
    slow = [[target("nas", Stage.READING, 0, 1, (400 + number) * MIB, 10**12)] for number in range(10)]
    assert timed(*fast, *slow).of(slow[-1][0]).rate == pytest.approx(MIB / 10)


def test_what_was_stopped_is_never_all() -> None:
    found = [target("a", Stage.DONE, 10, 10, 10, 10), target("b", Stage.STOPPED, 2, 3, 2, 3)]
    (*_, (total, _)) = table(rows(found, Rates(20), NOW), 100, 20, "utf-8")
    assert total.split() == ["total", "12", "of", "13", "92", "%", "12", "B"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (91, "2 min"), (840, "14 min"), (19_300, "5 h 20 min"), (300_000, "3 days")]
)
def test_times_left_are_as_rough_as_they_are(seconds: float, words: str) -> None:
    assert format_left(seconds) == words


NUMBERS = st.integers(0, 10**15)


@settings(max_examples=60, deadline=None)
@given(
    targets=st.lists(
        st.builds(
            TargetProgress,
            target=st.text(min_size=1, max_size=30),
            stage=st.sampled_from(Stage),
            objects=NUMBERS,
            planned=NUMBERS,
            size=NUMBERS,
            planned_size=NUMBERS,
            objects_left=NUMBERS,
            size_left=NUMBERS,
            whole=st.booleans(),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda each: each.target,
    ),
    width=st.integers(1, 150),
    height=st.integers(1, 10),
    encoding=st.sampled_from(["utf-8", "ascii", "cp1252"]),
)
def test_every_table_fits_its_window(targets: list[TargetProgress], width: int, height: int, encoding: str) -> None:
    rates = timed(targets, [target(each.target, Stage.READING, each.objects + 7, 10**16, each.size + 10**9, 10**18) for each in targets])
    lines = table(rows(targets, rates, NOW), width, height, encoding)
    assert 1 <= len(lines) <= height
    for line, _ in lines:
        assert columns(line) <= width
        assert printable(line) == line
        line.encode(encoding)
    assert "\n" not in sentence(targets, rates)
