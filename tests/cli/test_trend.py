"""How nights went on, on the command line."""

from __future__ import annotations

import json

import pytest

from drcheck.cli.output import _IN_ASCII
from drcheck.cli.trend_text import MARKS, MISSED, spark
from drcheck.store import open_store
from tests.cli.nights import Kept, kept
from tests.nights.making import number
from tests.store.kept import keep

__all__ = ["kept"]


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([0, 1, 2, 4, 8], 10, "▁▂▂▄█"),
        ([0, 0, 0], 10, "▁▁▁"),
        ([1, None, 1000], 10, "▂·█"),
        ([5], 10, "█"),
        ([], 10, ""),
        ([0, 9, None, None, 1, 0, 0], 4, "█·▂▁"),
        ([None, None], 1, "·"),
    ],
)
def test_a_line_of_marks_tells_any_from_none_and_the_most_of_its_share(values: list[int | None], width: int, expected: str) -> None:
    assert spark(values, width) == expected
    assert len(spark(list(range(400)), width)) <= width


def test_every_mark_has_one_of_ascii_of_its_own() -> None:
    marks = [_IN_ASCII[mark] for mark in (*MARKS, MISSED)]
    assert len(set(marks)) == len(marks)
    assert all(len(mark) == 1 and mark.isascii() for mark in marks)


def test_nights_gaps_and_repairs_are_shown(kept: Kept) -> None:
    good, bad = {"a ehr": "P"}, {"a ehr": "F"}
    kept.nights(good, bad, bad, None, None, good, bad)
    done = kept.say("trend")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "north: 5 of 7 nights ran (71 %)"
    assert lines[1] == "Nothing failed and everything was determined, or waived, last on 2026-03-06T02:00:00Z, 1d 5h ago"
    assert any(line.split() == ["fail", "▁██··▁█", "0", "to", "1,", "last", "1"] for line in lines)
    assert lines.index("· 2 nights missed") < next(index for index, line in enumerate(lines) if line.startswith("2026-03-06"))
    assert lines[-1].split() == ["pack", "a", "1", "4d", "4d", "1", "2026-03-07"]


@pytest.mark.parametrize("command", ["trend", "diff"])
def test_an_organisation_that_is_not_there_is_named(kept: Kept, command: str) -> None:
    kept.nights({"a ehr": "P"}, {"a ehr": "P"})
    done = kept.say(command, "--organisation", "nroth")
    assert (done.returncode, done.stderr) == (2, "error: the store holds no night of nroth; `drcheck history` lists those that it holds\n")
    assert kept.say(command, "--organisation", "north").returncode == 0


def test_a_part_of_the_time_is_told(kept: Kept) -> None:
    kept.nights(*({"a ehr": "P"} for _ in range(20)))
    for since, count in (("5d", 5), ("2026-03-18", 3), ("2026-03-18T12:00:00Z", 2)):
        document = json.loads(kept.say("trend", "--since", since, "--format", "json").stdout)
        assert (document["schema"], len(document["nights"]), document["expected"], document["ran"]) == ("drcheck.trend/1", count, count, count)
    assert len(kept.say("trend").stdout.splitlines()) < len(kept.say("trend", "--wide").stdout.splitlines())
    wrong = kept.say("trend", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "write it as 90d, 2026-03-01" in wrong.stderr


def test_without_a_night_there_is_no_trend(kept: Kept) -> None:
    kept.nights()
    done = kept.say("trend")
    assert done.returncode == 2
    assert "holds no night" in done.stderr


def test_only_runs_as_of_another_moment_make_no_trend_and_no_crash(kept: Kept) -> None:
    with open_store(kept.file) as store:
        keep(store, 1, as_of=True)
    kept.at(number(5))
    done = kept.say("trend")
    assert done.returncode == 0
    assert done.stdout.startswith("north: 0 of 0 nights ran\nThere never was a night")
