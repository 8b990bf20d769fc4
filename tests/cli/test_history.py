"""Keeping assessments in a store, and reading them again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from drcheck.store import open_store
from tests.cli.nights import Kept, kept

__all__ = ["kept"]
ROOT = Path(__file__).parents[2]
ESTATE = str(ROOT / "fixtures" / "hospital" / "estate.toml")
MORNING = "2026-03-02T08:00:00Z"


def drcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "drcheck", *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_what_was_kept_is_listed_and_printed_as_it_was(tmp_path: Path) -> None:
    store, report = tmp_path / "history.db", tmp_path / "report.json"
    kept = drcheck("check", "--estate", ESTATE, "--as-of", MORNING, "--format", "json", "--output", str(report), "--store", str(store), "--quiet")
    assert kept.returncode == 10, kept.stderr
    document = json.loads(report.read_text())
    listed = drcheck("history", "--store", str(store))
    assert listed.returncode == 0, listed.stderr
    line = listed.stdout.splitlines()[2]
    assert line.split()[0] == document["run"]["id"]
    assert "2026-03-02T08:00:00Z (as of)" in line
    assert line.split()[-1] == "10"
    again = drcheck("history", "--store", str(store), "--run", document["run"]["id"])
    assert json.loads(again.stdout) == document


def test_a_store_that_cannot_be_written_costs_the_exit_code_and_not_the_answer(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("not a folder")
    for place in (tmp_path, tmp_path / "a-file" / "history.db"):
        done = drcheck("check", "--estate", ESTATE, "--as-of", MORNING, "--no-read", "--quiet", "--store", str(place))
        assert done.returncode == 12
        assert "FAIL" in done.stdout
        assert "error:" in done.stderr


def test_a_run_that_is_not_there_is_said(tmp_path: Path) -> None:
    store = str(tmp_path / "history.db")
    drcheck("check", "--estate", ESTATE, "--as-of", MORNING, "--no-read", "--quiet", "--store", store)
    done = drcheck("history", "--store", store, "--run", "20260302T080000Z-00000000")
    assert done.returncode == 12
    assert "has no run" in done.stderr


def test_a_store_that_is_not_there_is_no_empty_history(tmp_path: Path) -> None:
    for store in (tmp_path / "hsitory.db", f"sqlite:///{tmp_path / 'hsitory.db'}"):
        done = drcheck("history", "--store", str(store))
        assert done.returncode == 12
        assert "there is no such store" in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_gaps_pruned_nights_and_links_are_shown(kept: Kept) -> None:
    good = {"a ehr": "P"}
    kept.nights(good, good, None, None, good)
    kept.prune(2)
    lines = kept.say("history").stdout.splitlines()
    assert lines[0].split() == ["run", "organisation", "judged", "at", "after", "fail", "error", "unknown", "pass", "exit"]
    assert [line.split()[0] for line in lines[2:]] == ["run-5", "·", "run-2", "run-1"]
    assert lines[2].split()[3] == "3d"
    assert lines[3] == "· 2 nights missed"
    assert lines[5].split()[-1] == "pruned"
    wide = kept.say("history", "--wide").stdout
    with open_store(kept.file) as store:
        links = [night.link for night in store.assessments()]
    assert all(link in wide for link in links)
    document = json.loads(kept.say("history", "--format", "json").stdout)
    assert [(night["run"], night["pruned"], night["link"]) for night in document["nights"]] == [
        ("run-5", False, links[0]),
        ("run-2", False, links[1]),
        ("run-1", True, links[2]),
    ]
    assert [(gap["after"], gap["missed"], gap["length_seconds"]) for gap in document["gaps"]] == [("run-2", 2, 3 * 86400)]
    assert kept.say("history", "--run", "run-1").returncode == 12


def test_a_gap_is_told_of_one_organisation_and_not_between_two(kept: Kept) -> None:
    good = {"a ehr": "P"}
    kept.nights(good)
    kept.nights(good, organisation="south", first=9)
    assert "missed" not in kept.say("history").stdout
    assert kept.say("history", "--last", "1").stdout.count("run-") == 1
