"""`drcheck drill`: what was recorded, and what is wrong in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runs import drcheck
from tests.cli.test_estate import ESTATE
from tests.restore.test_records import ENTRY, TOML


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "estate.toml").write_text(ESTATE)
    (tmp_path / "drills.toml").write_text(TOML)
    return tmp_path


def test_list_shows_the_drills_of_the_file_that_the_estate_names(folder: Path) -> None:
    done = drcheck("drill", "list", "--as-of", "2026-03-02T12:30:00Z", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 recorded drill, as of 2026-03-02T12:30:00Z (chosen with --as-of); unsigned records, so declared only\n")
    assert "No drill is recorded for: lab" in done.stdout


def test_another_file_can_be_named_and_printed_as_json(folder: Path) -> None:
    (folder / "drills.jsonl").write_text(json.dumps(ENTRY))
    done = drcheck("drill", "list", "--drills", "drills.jsonl", "--format", "json", cwd=folder)
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert (document["as_of"], document["without"], len(document["drills"])) == (False, ["lab"], 1)


def test_a_record_that_is_wrong_is_exit_2(folder: Path) -> None:
    (folder / "drills.toml").write_text(TOML.replace("success = true", "success = 1"))
    done = drcheck("drill", "list", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "drills.toml: drills[0] (epr@vault).success: must be true or false, not 1" in done.stderr


def test_a_record_of_what_the_estate_does_not_declare_is_shown_and_exit_2(folder: Path) -> None:
    (folder / "drills.toml").write_text(TOML.replace('"epr"', '"erp"'))
    done = drcheck("drill", "list", cwd=folder)
    assert done.returncode == 2
    assert "erp" in done.stdout
    assert 'drills[0].system: no system has the id "erp"' in done.stderr


def test_an_estate_that_names_no_drills_says_how(folder: Path) -> None:
    (folder / "estate.toml").write_text(ESTATE.replace('drills = "drills.toml"\n', ""))
    done = drcheck("drill", "list", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'add drills = "drills.toml"' in done.stderr


def test_a_moment_without_a_zone_is_refused(folder: Path) -> None:
    done = drcheck("drill", "list", "--as-of", "2026-03-02T12:30:00", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no time zone" in done.stderr


def test_template_prints_an_entry_that_counts_only_when_filled_in(folder: Path) -> None:
    done = drcheck("drill", "template", "--system", "epr", "--target", "nas", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'system = "epr"' in done.stdout
    (folder / "drills.toml").write_text(done.stdout)
    assert drcheck("drill", "list", cwd=folder).returncode == 2
