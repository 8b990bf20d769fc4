"""Tending the store on the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from drcheck.store import open_store
from tests.cli.nights import Kept, kept
from tests.nights.making import DAY, number
from tests.store.conftest import postgres
from tests.store.postgres import Postgres

__all__ = ["kept", "postgres"]
NIGHT = {"a ehr": "P"}


def test_what_would_go_is_said_and_goes_only_when_that_is_wanted(kept: Kept) -> None:
    kept.nights(*[NIGHT] * 7)
    told = kept.say("store", "prune", "--keep", "3d")
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith("would prune 4 nights older than 3d: ")
    assert lines[0].endswith("; 3 nights keep their papers")
    assert lines[1] == "  north: 4, run-1 to run-4"
    assert "nothing was thrown away; add --yes" in told.stderr
    with open_store(kept.file) as store:
        assert not any(night.pruned for night in store.assessments())
    done = kept.say("store", "prune", "--keep", "3d", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == lines[0].replace("would prune", "pruned")
    assert kept.say("store", "prune", "--keep", "3d").stdout.startswith("would prune 0 nights")
    assert kept.say("store", "check").returncode == 0


def test_the_last_are_kept_however_old(kept: Kept) -> None:
    kept.nights(*[NIGHT] * 5)
    for arguments, kept_nights in ((("--keep-last", "3"), 3), ((), 1)):
        done = kept.say("store", "prune", "--keep", "1s", "--yes", *arguments)
        assert done.stdout.splitlines()[0].endswith("papers") or "keeps its papers" in done.stdout
        with open_store(kept.file) as store:
            assert sum(not night.pruned for night in store.assessments()) == kept_nights


def test_a_clock_that_is_wrong_throws_nothing_away_unless_somebody_says_from_when(kept: Kept) -> None:
    kept.nights(*[NIGHT] * 9)
    for moment in (number(9 + 365 * 40), number(9) + 15 * DAY, number(8), number(1) - 20000 * DAY):
        kept.at(moment)
        for arguments in ((), ("--yes",)):
            done = kept.say("store", "prune", "--keep", "2d", *arguments)
            assert (done.returncode, done.stdout) == (2, "")
            assert "nothing was thrown away, for the clock may be wrong" in done.stderr
            assert "--as-of" in done.stderr
    with open_store(kept.file) as store:
        assert not any(night.pruned for night in store.assessments())
    done = kept.say("store", "prune", "--keep", "2d", "--as-of", "2026-03-09T02:00:00Z", "--yes")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "  north: 6, run-1 to run-6")
    done = kept.say("store", "prune", "--keep", "2d", "--as-of", "2099-03-09T02:00:00Z", "--yes")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "  north: 2, run-7 to run-8")
    with open_store(kept.file) as store:
        assert [night.run for night in store.assessments() if not night.pruned] == ["run-9"]


@pytest.mark.parametrize("arguments", [(), ("--keep", "0d"), ("--keep", "400"), ("--keep", "1d", "--keep-last", "0"), ("--keep", "9999999d")])
def test_what_is_no_time_to_keep_is_refused(kept: Kept, arguments: tuple[str, ...]) -> None:
    kept.nights(NIGHT)
    done = kept.say("store", "prune", "--yes", *arguments)
    assert done.returncode == 2
    with open_store(kept.file) as store:
        assert not store.assessments()[0].pruned


def test_a_backup_is_a_store(kept: Kept) -> None:
    kept.nights(NIGHT, NIGHT)
    done = kept.say("store", "backup", "copy.db")
    assert done.returncode == 0, done.stderr
    assert "read back and whole" in done.stdout
    listed = kept.say("history", "--store", "copy.db")
    assert listed.stdout == kept.say("history").stdout
    own = kept.say("store", "backup", kept.file)
    assert own.returncode == 12
    assert "is the store itself" in own.stderr


@pytest.mark.program("initdb")
def test_a_store_in_postgresql_is_left_to_pg_dump_and_checked_all_the_same(kept: Kept, postgres: Postgres) -> None:
    url = postgres.new_database()
    with open_store(url):
        pass
    done = kept.say("store", "backup", "copy.db", "--store", url)
    assert done.returncode == 12
    assert "pg_dump --format=custom" in done.stderr
    checked = kept.say("store", "check", "--store", url)
    assert checked.returncode == 0
    assert "whole; 0 nights" in checked.stdout
    assert postgres.password not in done.stderr + checked.stdout


def test_a_damaged_store_is_a_failure(kept: Kept) -> None:
    kept.nights(NIGHT, NIGHT)
    whole = kept.say("store", "check", "--format", "json")
    assert (whole.returncode, json.loads(whole.stdout)["problems"]) == (0, [])
    with closing(sqlite3.connect(kept.file)) as connection:
        connection.execute("DELETE FROM papers WHERE id = 1")
        connection.commit()
    done = kept.say("store", "check")
    assert done.returncode == 10
    assert "1 problem; 2 nights (0 pruned)" in done.stdout
    assert "- the night run-1 of north: its paper record.json is gone, and it was not pruned" in done.stdout
    kept.file.write_bytes(b"\xff" * 4096)
    done = kept.say("store", "check")
    assert done.returncode == 10
    assert "is damaged" in done.stdout


def test_a_store_that_is_not_there_is_not_made(kept: Kept) -> None:
    for arguments in (("check",), ("prune", "--keep", "1d"), ("backup", "copy.db")):
        done = kept.say("store", *arguments)
        assert done.returncode == 12
        assert "there is no such store" in done.stderr
    assert list(kept.folder.iterdir()) == []
