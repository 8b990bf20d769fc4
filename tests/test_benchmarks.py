"""The benchmarks can be run: each builds its rows, and what they rest on does what it says. Nothing is measured here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from benchmarks import nights, s3
from benchmarks.__main__ import found
from benchmarks.estates import write_estate
from benchmarks.harness import DRCHECK, ROOT, AtLeast, AtMost, Command, Goal, Growth, Measured, Outcome, Peak, PeakAtMost, Row, Run, Within
from benchmarks.harness import run as run_once
from benchmarks.night import all_recorded, fresh, night
from benchmarks.region import write_region
from benchmarks.report import goals, table
from drcheck.open_estate import open_estate

_MODULES = [pytest.param(name, marks=pytest.mark.program("sshd") if name == "sftp" else ()) for name in found()]


def test_all_are_found() -> None:
    assert set(found()) == {"judging", "local", "nights", "s3", "sftp", "start", "store"}


@pytest.mark.parametrize("name", _MODULES)
@pytest.mark.parametrize("quick", [True, pytest.param(False, id="full")])
def test_rows_are_built(name: str, quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not quick:
        monkeypatch.setattr(s3, "served", _not_served)  # preparing a million keys is part of the load
    seen = set()
    for row in found()[name](tmp_path, quick):
        assert row.name.startswith(f"{name}-")
        assert row.name not in seen
        seen.add(row.name)
        assert row.bound, f"{row.name} does not say what bounds it"
        assert DRCHECK in row.commands
        assert {goal.peer for goal in row.goals if isinstance(goal, AtLeast | AtMost | PeakAtMost)} <= set(row.commands) - {DRCHECK}
        assert all(list(command.argv if isinstance(command, Command) else command) for command in row.commands.values())
    assert seen


@contextmanager
def _not_served(keys: int, large: int) -> Iterator[str]:
    yield "http://127.0.0.1:9"


def test_a_night_records_every_object_and_the_next_reads_hardly_any(tmp_path: Path) -> None:
    mirror = nights.Mirror(tmp_path / "mirror", 40)
    mirror.make()
    command = mirror.night_after("first")
    assert command.before is not None
    assert command.verify is not None
    command.before()
    said = subprocess.run(command.argv, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert command.verify(said)
    assert json.loads(said)["counts"] == {"match": 40}
    assert not all_recorded(tmp_path / "mirror" / "after-first.db", 41, said)
    # The first night's work is told from the second's.
    store = tmp_path / "mirror" / "again.db"
    fresh(store)
    again = subprocess.run(night(tmp_path / "mirror" / "estate.toml", store), check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert json.loads(again)["objects_read"] == 40
    assert not command.verify(again)
    fresh(store)
    assert not all_recorded(store, 40, again), "the store holds nothing, and that is noticed"


def test_damage_is_no_result_of_a_benchmark(tmp_path: Path) -> None:
    mirror = nights.Mirror(tmp_path / "mirror", 3)
    mirror.make()
    (mirror.root / "data" / "0000" / "object-0000001").write_bytes(b"SIXTEEN bytes: \n")
    store = mirror.root / "again.db"
    fresh(store)
    done = subprocess.run(night(mirror.root / "estate.toml", store), check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 10
    assert not all_recorded(store, 3, done.stdout)


@pytest.mark.parametrize("sums", [None, Path("sums")])
def test_estates_are_valid(sums: Path | None, tmp_path: Path) -> None:
    estate = open_estate(write_estate(tmp_path / "estate.toml", "local", {"root": str(tmp_path)}, sums))
    assert [copy.id for copy in estate.copies] == ["files@place"]
    assert (estate.copies[0].manifest is None) == (sums is None)


def _outcome(goals_: tuple[Goal, ...], **seconds_and_peak: tuple[float, float]) -> Outcome:
    measured = {name: Measured((Run(seconds, seconds, 1.0, int(mib * 1024)),)) for name, (seconds, mib) in seconds_and_peak.items()}
    return Outcome(Row("x-y", "title", {name: ["true"] for name in measured}, bound="nothing", goals=goals_), measured, {"absent": "absent"})


@pytest.mark.parametrize(
    ("goal", "held"),
    [
        (AtLeast("peer", 2.0), True),
        (AtLeast("peer", 2.1), False),
        (AtMost("peer", 0.5), True),
        (AtMost("peer", 0.4), False),
        (Peak(30), True),
        (Peak(29), False),
        (Within(1.0), True),
        (Within(0.9), False),
        (Growth("peer", 4, 0.5), True),  # the peer does a quarter of the work in half of the time, which is stretched to twice
        (Growth("peer", 4, 0.4), False),
        (PeakAtMost("peer", 1.5), True),
        (PeakAtMost("peer", 1.4), False),
        (AtMost("absent", 1), None),
        (PeakAtMost("absent", 1), None),
    ],
    ids=str,
)
def test_goals_are_judged(goal: Goal, held: bool | None) -> None:
    outcome = _outcome((goal,), drcheck=(1.0, 30), peer=(2.0, 20))
    assert outcome.held(goal) is held
    assert {True: "yes", False: "NO", None: "skipped"}[held] in goals([outcome], judged=True)
    assert "not judged" in goals([outcome], judged=False)
    assert "absent is not installed" in table(outcome)


def test_what_a_command_says_of_its_seconds_is_stretched_to_the_whole() -> None:
    said = Command([sys.executable, "-c", "print(3)"], share=0.25, seconds=float)
    assert run_once(said).seconds == 12


def test_bytecode_is_kept_as_where_drcheck_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert run_once(Command([sys.executable, "-c", "import sys; sys.exit(sys.dont_write_bytecode)"])).seconds > 0


def test_a_region_is_judged_whole_in_each_stage(tmp_path: Path) -> None:
    write_region(tmp_path, hospitals=1, packs=1)
    for stage in ("load", "judge", "json", "second"):
        argv = [sys.executable, "-m", "benchmarks.region_night", stage, str(tmp_path)]
        told = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
        assert (told["systems"], told["copies"], told["packs"]) == (125, 750, 1)
        if stage != "load":
            assert told["outcomes"]["error"] == 0
            assert min(told["outcomes"][outcome] for outcome in ("pass", "fail", "unknown")) > 0
            assert sum(told["outcomes"].values()) == told["findings"]


def test_time_per_object_is_compared_and_not_time(tmp_path: Path) -> None:
    part = nights.Mirror(tmp_path, 10).night_after("first").rate
    whole = nights.Mirror(tmp_path, 100).night_after("first").rate
    assert part is not None
    assert whole is not None
    said = partial(json.dumps, {"seconds": 1.0})
    assert whole(said()) == pytest.approx(10 * part(said()))
