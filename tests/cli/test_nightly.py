"""`drcheck check --nightly`: quiet, and whatever ends it, those who are to know are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from drcheck.store import default_file, open_store
from tests.cli.inside import drcheck
from tests.e2e.runs import begin, environment, finish
from tests.notices.watched import OBJECTS, Watched, watched

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A mirror that is well, and everybody who is told of its nights."""
    with watched(tmp_path, monkeypatch) as place:
        yield place


def test_a_night_that_is_well_says_nothing_and_the_monitor_hears_of_it(place: Watched) -> None:
    done = place.nightly()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert place.pings() == ["start", "success"]
    start, end = place.monitor.heard
    assert start.query["rid"] == end.query["rid"] != ""
    assert end.body.startswith("exit code 0\nHospital: PASS")
    assert (place.mails.accepted, place.chat.heard) == ([], [])


def test_a_change_is_told_once_and_so_is_its_mending(place: Watched) -> None:
    place.nightly()
    place.damage()
    done = place.nightly("--full")
    assert (done.returncode, done.stderr) == (10, "")
    assert done.stdout.startswith("Hospital: FAIL: 1 problem")
    assert done.stdout.count("\n") == 1
    assert place.mails.subjects() == ["drcheck Hospital: 1 fail"]
    assert "- records@nas: intact (high; end-to-end intact)" in place.mails.bodies()[0]
    assert [each.notice["title"] for each in place.chat.heard] == place.mails.subjects()
    assert min(OBJECTS) not in place.mails.bodies()[0], "names of objects can be patient data"
    assert place.pings()[-1] == "success", "everything was looked at"
    assert place.monitor.heard[-1].body.startswith("exit code 10\n")
    assert place.nightly("--full").returncode == 10
    assert len(place.mails.accepted) == len(place.chat.heard) == 1
    place.repair()
    assert place.nightly("--full").returncode == 0
    assert place.mails.subjects()[1:] == ["drcheck Hospital: 1 recovered"]
    assert len(place.chat.heard) == 2


def test_a_target_that_is_not_there_turns_the_monitor_red(place: Watched) -> None:
    place.hide()
    assert place.nightly().returncode == 11
    assert place.pings() == ["start", "fail"]
    assert "\nnot examined: records@nas: unreachable\n" in place.monitor.heard[-1].body
    assert "unknown" in place.mails.subjects()[0]


def test_a_success_can_mean_that_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch, ping={"url": "env:PING_URL", "success": "good"}) as place:
        place.nightly()
        place.damage()
        assert place.nightly("--full").returncode == 10
        assert place.pings() == ["start", "success", "start", "fail"]


def test_a_monitor_or_channel_that_fails_changes_no_exit_code_and_is_tried_again(place: Watched) -> None:
    place.monitor.answer = lambda _: (404, "")
    place.chat.answer = lambda _: (500, "")
    place.damage()
    done = place.nightly()
    assert done.returncode == 10
    assert done.stderr.splitlines() == [
        "the monitor was not told: the monitor answered 404; is its address right?",
        "not delivered, and tried again with the next night: Apprise URL in env:CHAT_URL: JSON did not accept it",
        "the monitor was not told: the monitor answered 404; is its address right?",
    ]
    place.monitor.answer = place.chat.answer = lambda _: (200, "OK")
    place.repair()
    assert place.nightly("--full").stderr == ""
    assert place.mails.subjects() == ["drcheck Hospital: 1 fail", "drcheck Hospital: 1 recovered"]
    (late,) = [each for each in place.chat.heard if "recovered" in each.body]
    assert late.notice["title"] == "drcheck Hospital: 1 fail, 1 recovered"
    assert "which could not be delivered then" in late.notice["message"]
    place.nightly()
    assert len(place.mails.accepted) == 2


def test_a_run_by_day_tells_nobody_unless_asked_and_takes_nothing_from_the_night(place: Watched) -> None:
    place.damage()
    assert place.check().returncode == 10
    assert (place.mails.accepted, place.pings()) == ([], [])
    assert place.check("--notify").returncode == 10
    assert place.mails.subjects() == ["drcheck Hospital: 1 fail"]
    place.repair()
    assert place.check("--full").returncode == 0
    assert place.nightly().returncode == 0
    assert place.mails.subjects() == ["drcheck Hospital: 1 fail", "drcheck Hospital: 1 recovered"]
    assert place.pings() == ["start", "success"]


def test_a_second_run_is_told_to_everybody(place: Watched) -> None:
    place.nightly()
    with open_store() as store, store.run_lock("hospital", "drcheck verify"):
        done = place.nightly()
    assert (done.returncode, done.stdout) == (12, "")
    assert "another run on hospital has not ended" in done.stderr
    assert place.pings() == ["start", "success", "start", "fail"]
    assert place.mails.subjects() == ["drcheck Hospital: the night was not completed"]
    assert "another run on hospital has not ended" in place.mails.bodies()[0]


def test_a_store_that_cannot_be_used_is_told_each_night(place: Watched) -> None:
    place.damage()
    for night in range(2):
        done = place.nightly("--store", place.folder)
        assert done.returncode == 12
        assert "is a directory" in done.stderr
        assert place.pings()[-1] == "fail"
        assert len(place.mails.accepted) == night + 1
    assert "What was found all the same: Hospital: UNKNOWN" in place.mails.bodies()[0]


def test_without_a_store_it_is_said_that_nobody_is_told(place: Watched) -> None:
    place.damage()
    done = place.nightly("--no-store")
    assert done.returncode == 10
    assert done.stderr == "nobody is told of what has changed: without a store it is not known what they were told before\n"
    assert (place.mails.accepted, place.pings()) == ([], ["start", "success"])


def test_a_crash_tells_everybody_and_no_more_than_its_kind(place: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("Smith_Jane.dcm")

    monkeypatch.setattr("drcheck.look.look", crash)
    done = place.nightly()
    assert done.returncode == 1
    assert "this is a bug" in done.stderr
    assert place.pings() == ["start", "fail"]
    assert (place.monitor.heard[-1].body, "drcheck crashed: RuntimeError" in place.mails.bodies()[0]) == ("drcheck crashed: RuntimeError\n", True)
    assert "Smith" not in place.mails.bodies()[0]


def test_what_is_wrong_beside_the_estate_is_told(place: Watched) -> None:
    place.estate.write_text('waivers = "missing.toml"\n' + place.estate.read_text())
    assert place.nightly().returncode == 2
    assert place.pings() == ["fail"]
    assert "missing.toml" in place.mails.bodies()[0]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("when", ["waiting", "reading"])
def test_a_night_that_is_stopped_tells_the_monitor_and_bothers_nobody(place: Watched, when: str) -> None:
    slow = ("--jitter", "10h") if when == "waiting" else ("--max-rate", "10B/s")
    with begin("-v", "check", "--estate", place.estate, "--nightly", *slow) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if {"waiting": "by chance", "reading": "answered"}[when] in line:
                break
        process.send_signal(signal.SIGTERM)
        done = finish(process)
    assert done.code == 130, done.stderr
    assert place.pings() == (["fail"] if when == "waiting" else ["start", "fail"])
    assert place.monitor.heard[-1].body == "interrupted\n"
    assert place.mails.accepted == []


def test_reports_are_written_beside_and_one_that_cannot_be_costs_nothing_else(place: Watched) -> None:
    one, other = place.folder / "report.json", place.folder / "no-such-folder" / "report.csv"
    done = place.nightly("--also", f"csv={other}", "--also", f"json={one}")
    assert done.returncode == 12
    assert (done.stdout, "no-such-folder" in done.stderr) == ("", True)
    assert json.loads(one.read_text())["summary"]["exit_code"] == 0
    with open_store() as store:
        assert len(store.assessments("hospital")) == 1
    assert place.pings() == ["start", "fail"]
    assert place.mails.subjects() == ["drcheck Hospital: 1 fail"]
    assert "- a report or record could not be written:" in place.mails.bodies()[0]
    assert place.nightly("--also", f"csv={other}").returncode == 12
    assert len(place.mails.accepted) == 1
    other.parent.mkdir()
    assert place.nightly("--also", f"csv={other}").returncode == 0
    assert place.mails.subjects()[1:] == ["drcheck Hospital: 1 recovered"]


def test_reports_are_written_beside_by_day_too(place: Watched) -> None:
    done = place.check("--format", "csv", "--also", "markdown=report.md")
    assert done.returncode == 0
    assert done.stdout.startswith('"judged_at",')
    assert "**PASS: nothing failed" in (place.folder / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nightly", "--as-of", "2026-03-01T00:00:00Z"), "of the present"),
        (("--notify", "--facts", "facts.json"), "of the present"),
        (("--notify", "--no-store"), "needs a store"),
        (("--nightly", "--format", "json"), "name a file for it with --output"),
        (("--also", "json"), "is not a format and a file"),
        (("--also", "json=a", "--also", "csv=a"), "written to one file"),
        (("--also", "jsn=a"), "no report is called 'jsn'"),
    ],
)
def test_what_makes_no_sense_is_refused(place: Watched, arguments: tuple[str, ...], said: str) -> None:
    done = place.check(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_night_waits_by_chance_within_what_was_asked(place: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("drcheck.clock.wait", waited.append)
    for _ in range(2):
        assert place.nightly("--jitter", "10m").returncode == 0
    assert all(0 <= seconds < 600 for seconds in waited)
    assert len(set(waited)) == 2


def test_the_log_is_one_object_a_line_whoever_writes_it(place: Watched) -> None:
    place.damage()
    place.chat.answer = lambda _: (500, "")
    done = drcheck("-v", "check", "--estate", place.estate, "--nightly", "--log-format", "json", "--also", "csv=no/file", cwd=place.folder)
    assert done.returncode == 12
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert all({"time", "level", "message", "logger", "run"} <= set(line) for line in lines)
    assert {datetime.fromisoformat(line["time"]).utcoffset() is not None for line in lines} == {True}
    with open_store() as store:
        (night,) = store.assessments("hospital")
    assert {line["run"] for line in lines} == {night.run}
    assert [(line["level"], line["message"].split(" after")[0]) for line in lines if line.get("target") == "nas"] == [("info", "answered")]
    assert [line["level"] for line in lines if "no/file" in line["message"]] == ["error"]
    assert [line["level"] for line in lines if "tried again" in line["message"]] == ["warning"]
    assert [line["message"] for line in lines if line.get("channel") == "smtp:it@example.org"] == ["127.0.0.1 accepted it for it@example.org"]


@pytest.mark.skipif(sys.platform != "linux", reason="the journal is Linux's")
def test_where_stderr_leads_to_the_journal_each_line_has_its_priority(place: Watched) -> None:
    journal = place.folder / "journal"
    with journal.open("wb") as file:
        status = os.fstat(file.fileno())
        stream = f"{status.st_dev}:{status.st_ino}"
        command = [sys.executable, "-m", "drcheck", "check", "--estate", str(place.estate), "--nightly", "--also", "csv=no/file"]
        subprocess.run(command, stderr=file, env=environment(JOURNAL_STREAM=stream), cwd=place.folder, check=False, timeout=120)
    assert journal.read_text().startswith("<3>no/file: could not be written")


def test_nothing_is_told_where_nobody_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch, to=[], smtp=None, ping=None) as place:
        place.damage()
        done = place.nightly()
        assert (done.returncode, done.stderr) == (10, "")
        with open_store() as store:
            assert store.notices("hospital").told() == [], "whoever is named later is told of everything then"
    assert default_file().exists()
