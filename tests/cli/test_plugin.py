"""`--format nagios`: whatever happens, the first line on stdout is the status line of a plugin, and the exit code is the state that it tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from drcheck.cli.check import FORMATS
from drcheck.cli.plugin import is_plugin
from drcheck.reports import BUILTIN
from drcheck.store import open_store
from tests.cli.inside import Ended, drcheck
from tests.cli.runs import ROOT
from tests.reports.plugin_output import Output, read

HOSPITAL = ROOT / "fixtures" / "hospital" / "estate.toml"
NIGHT = ("check", "--estate", HOSPITAL, "--as-of", "2026-03-02T08:00:00Z", "--quiet")
UNKNOWN = 3


def said(done: Ended) -> Output:
    """What the plugin said, which must be its exit code too."""
    found = read(done.stdout)
    assert found.state == done.returncode, done.stderr
    return found


def gave_up(done: Ended) -> Output:
    """The same, of one that gave up: it has no measures."""
    found = said(done)
    assert (found.state, found.measures) == (UNKNOWN, {})
    return found


def test_the_help_names_every_format() -> None:
    # They are written out there, for a help that imported the reports would be slow.
    assert set(FORMATS) == set(BUILTIN)


def test_a_check_tells_the_state_of_what_it_found() -> None:
    done = drcheck(*NIGHT, "--format", "nagios", cwd=ROOT)
    found = said(done)
    assert (found.state, done.stderr) == (2, "")
    assert "not now" in found.summary
    assert found.measures["fail"].value
    assert any(line.startswith("* FAIL") for line in found.details)


def test_what_it_tells_can_go_to_a_file_for_whoever_asks_later(tmp_path: Path) -> None:
    done = drcheck(*NIGHT, "--format=nagios", "--output", tmp_path / "state", cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert read((tmp_path / "state").read_text(encoding="utf-8")).state == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--wrong"), "No such option"),
        (("check", "--estate", "nowhere.toml"), "nowhere.toml: there is no such file"),
        (("check", "--estate", HOSPITAL, "--policy", "nobody"), "no pack has the id"),
        (("check", "--estate", HOSPITAL, "--workers", "many"), "is not a valid integer"),
        (("check", "--estate", HOSPITAL, "--store", "x", "--no-store"), "contradict each other"),
        (("check", "--estate", HOSPITAL, "--nightly"), "--nightly prints no report"),
        (("chekc",), "No such command"),
        (("report", "--store", "nowhere.sqlite"), "there is no such store"),
        (("status", "--store", "nowhere.sqlite"), "there is no such store"),
    ],
    ids=lambda value: " ".join(map(str, value[:3])).replace(str(ROOT), "") if isinstance(value, tuple) else None,
)
def test_what_is_wrong_with_the_command_line_or_a_file_is_unknown(tmp_path: Path, arguments: tuple[str | Path, ...], words: str) -> None:
    done = drcheck(*arguments, "--format", "nagios", cwd=tmp_path)
    found = gave_up(done)
    assert words in " ".join((found.summary, *found.details)).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert done.stderr, "people are told too"


def test_every_problem_of_an_estate_is_told(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text('schema = "drcheck.estate/1"\nsurprise = 1\n', encoding="utf-8")
    found = gave_up(drcheck("check", "--estate", "estate.toml", "--format", "nagios", cwd=tmp_path))
    assert len(found.details) > 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("cooling"), "drcheck crashed, which is a bug: KeyError"),
        (KeyboardInterrupt(), "interrupted"),
        (RuntimeError("two\nlines | and a bar"), "drcheck crashed, which is a bug: RuntimeError: two"),
    ],
)
def test_a_crash_or_an_interrupt_is_unknown(monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str) -> None:
    def look(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr("drcheck.look.look", look)
    assert words in gave_up(drcheck(*NIGHT, "--format", "nagios", cwd=ROOT)).summary


def test_another_run_that_has_not_ended_is_unknown(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "store.sqlite")) as store, store.run_lock("st-elsewhere", "drcheck verify"):
        done = drcheck("check", "--estate", HOSPITAL, "--store", tmp_path / "store.sqlite", "--no-read", "--format", "nagios", cwd=ROOT)
    assert "has not ended" in gave_up(done).summary


def test_a_store_that_fails_is_unknown_and_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database" * 1000)
    done = drcheck(*NIGHT, "--store", tmp_path / "store.sqlite", "--no-read", "--format", "nagios", cwd=ROOT)
    found = gave_up(done)
    assert "store.sqlite" in found.summary
    assert found.details[0].startswith("DRCHECK CRITICAL - "), "what was found stands below"
    assert done.stdout.count("\nDRCHECK") == 1


def test_a_report_that_cannot_be_written_is_unknown(tmp_path: Path) -> None:
    done = drcheck(*NIGHT, "--format", "nagios", "--output", tmp_path, cwd=ROOT)
    assert "could not be written" in gave_up(done).summary


def test_a_full_disk_below_stdout_is_unknown() -> None:
    command = [sys.executable, "-m", "drcheck", *map(str, NIGHT), "--format", "nagios"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False, cwd=ROOT, env={**os.environ})
    assert done.returncode == UNKNOWN, done.stderr


def test_a_reader_that_leaves_is_no_state_of_another_kind() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "drcheck", *map(str, NIGHT), "--format", "nagios"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, check=False, cwd=ROOT)
    os.close(writing)
    assert done.returncode == UNKNOWN
    assert "Exception ignored" not in done.stderr


def test_a_stored_night_is_told_again_with_its_state(tmp_path: Path) -> None:
    place = tmp_path / "store.sqlite"
    checked = drcheck(*NIGHT, "--store", place, "--format", "nagios", cwd=ROOT)
    with open_store(str(place)) as store:
        (night,) = store.assessments()
    again = drcheck("report", "--store", place, "--run", night.run, "--format", "nagios", cwd=ROOT)
    assert (again.returncode, again.stdout) == (checked.returncode, checked.stdout)


def test_another_format_keeps_its_own_codes(tmp_path: Path) -> None:
    assert drcheck("check", "--wrong", "--format", "json", cwd=tmp_path).returncode == 2
    assert drcheck(*NIGHT, "--format", "json", cwd=ROOT).returncode == 10


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["check", "--format", "nagios"], True),
        (["check", "--format=nagios"], True),
        (["check", "--format", "json", "--format", "nagios"], True),
        (["check", "--format", "nagios", "--format", "json"], False),
        (["check", "--format"], False),
        (["check", "--also", "nagios=state"], False),
        (["check", "--output", "nagios"], False),
        ([], False),
    ],
)
def test_the_last_format_is_the_one_that_counts(arguments: list[str], wanted: bool) -> None:
    assert is_plugin(arguments) is wanted
