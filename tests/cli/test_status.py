"""How things stand at a glance: whether drcheck still runs, and what is wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from drcheck.model import Outcome
from drcheck.store import open_store
from tests.cli.nights import HOUR, Kept, kept, tonight
from tests.nights.making import DAY, number
from tests.reports.sample import HOSTILE, hospital

__all__ = ["kept"]
GOOD, BAD = {"a ehr": "P", "b ehr@nas": "P"}, {"a ehr": "P", "b ehr@nas": "F"}


def test_a_recent_night_is_told_with_what_failed_and_since_when(kept: Kept) -> None:
    kept.nights(GOOD, BAD, BAD)
    done = kept.say("status")
    assert done.returncode == 10
    lines = done.stdout.splitlines()
    assert lines[0] == "FAIL: 1 problem (1 failed finding) in ehr@nas; exit code 10"
    assert "last night 2026-03-03T02:00:00Z, 5h ago, in 1h; run run-3" in lines[1]
    assert lines[2] == "Findings: 1 fail, 0 error, 0 unknown, 1 pass, 0 not-applicable"
    assert lines[-1].split() == ["FAIL", "high", "ehr@nas", "2026-03-02", "(1d)", "ehr@nas", "is", "fail"]


def test_good_and_unknown_have_the_codes_of_an_assessment(kept: Kept) -> None:
    kept.nights(GOOD)
    assert kept.say("status").returncode == 0
    kept.nights({"a ehr": "U"}, first=2)
    assert kept.say("status").returncode == 11


@pytest.mark.parametrize("last", [GOOD, BAD])
def test_that_drcheck_stopped_is_said_first_whatever_it_found_last(kept: Kept, last: dict[str, str]) -> None:
    kept.nights(GOOD, last)
    kept.at(number(4) + 10 * HOUR)
    done = kept.say("status")
    assert done.returncode == 11
    assert done.stdout.splitlines()[0] == "drcheck has not run since 2026-03-02T02:00:00Z, 2d 10h ago: 2 nights were missed"
    assert kept.say("status", "--every", "7d").returncode == (0 if last is GOOD else 10)
    document = json.loads(kept.say("status", "--format", "json").stdout)
    assert (document["exit_code"], document["organisations"][0]["current"], document["organisations"][0]["gap"]["missed"]) == (11, False, 2)


def test_a_night_from_the_future_is_no_sign_of_life(kept: Kept) -> None:
    kept.nights(GOOD)
    kept.at(number(1) - DAY)
    done = kept.say("status")
    assert done.returncode == 11
    assert done.stdout.startswith("the last night is dated 2026-03-01T03:00:00Z, after now: see to the clocks")


def test_a_run_that_has_not_ended_is_named(kept: Kept) -> None:
    kept.nights(GOOD)
    with open_store(kept.file) as store, store.run_lock("north", "drcheck check"):
        done = kept.say("status")
    assert "a run has begun and not ended, so it goes on or was killed: drcheck check, process " in " ".join(done.stdout.splitlines()[:2])
    assert done.returncode == 0


def test_no_night_is_no_good_news(kept: Kept) -> None:
    assert kept.say("status").returncode == 12
    with open_store(kept.file):
        pass
    done = kept.say("status")
    assert (done.returncode, done.stdout) == (11, "drcheck has not run: the store holds no night\n")
    named = kept.say("status", "--organisation", "south")
    assert (named.returncode, named.stdout) == (11, "drcheck has not run: no night of south is recorded\n")


def test_each_organisation_is_told_and_a_failure_goes_first(kept: Kept) -> None:
    kept.nights(GOOD)
    kept.nights(BAD, organisation="south", first=2)
    done = kept.say("status")
    assert done.returncode == 10
    assert "(north)" in done.stdout
    assert "(south)" in done.stdout
    assert kept.say("status", "--organisation", "north").returncode == 0


def test_a_night_whose_record_is_gone_is_told_by_its_outcomes(kept: Kept) -> None:
    kept.nights(BAD)
    with closing(sqlite3.connect(kept.file)) as connection:
        connection.execute("UPDATE assessments SET pruned = 1")
        connection.execute("DELETE FROM papers")
        connection.commit()
    done = kept.say("status")
    assert done.returncode == 10
    assert done.stdout.startswith("1 finding failed; exit code 10\n")
    assert done.stdout.splitlines()[-1].split() == ["FAIL", "high", "ehr@nas", "2026-03-01", "(5h)", "pack", "b"]


def test_copies_and_hostile_names_fit_one_screen(kept: Kept) -> None:
    kept.record(tonight(hospital(), number(9)))
    kept.at(number(9) + 3 * HOUR)
    done = kept.say("status")
    assert done.returncode == 10
    assert "\x1b" not in done.stdout
    assert HOSTILE.splitlines()[1] not in done.stdout.splitlines()
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert any(line.startswith("imaging@onsite") for line in lines)
    (organisation,) = json.loads(kept.say("status", "--format", "json").stdout)["organisations"]
    copies = {copy["copy"]: copy for copy in organisation["copies"]}
    seen = {f"{facts.system}@{facts.target}": facts for facts in hospital().facts.copies}
    assert set(copies) == {f"{place.system}@{place.target}" for place in hospital().copies}
    for name, copy in copies.items():
        assert (copy["newest"] is None) == (copy["age_seconds"] is None)
        if name in seen:
            assert (copy["points_unobserved"] is None) == hasattr(seen[name].points, "value")
    assert any(copy["oldest_read"] for copy in copies.values())
    wide = kept.say("status", "--wide").stdout
    assert len(wide) > len(done.stdout)
    assert "\x1b" not in wide


def test_a_screen_is_kept_to_however_much_is_wrong(kept: Kept) -> None:
    kept.nights({f"c{index} system-{index:03d}": "F" if index % 2 else "U" for index in range(200)})
    done = kept.say("status")
    assert len(done.stdout.splitlines()) <= 24
    assert "and 186 more; --wide shows all" in done.stdout
    assert len(kept.say("status", "--wide").stdout.splitlines()) > 200
    (organisation,) = json.loads(kept.say("status", "--format", "json").stdout)["organisations"]
    assert len(organisation["problems"]) == 200
    assert organisation["night"]["counts"]["fail"] == 100


@pytest.mark.parametrize(
    ("last", "later", "code", "word"),
    [
        (GOOD, timedelta(0), 0, "OK"),
        ({"a ehr": "F"}, timedelta(0), 2, "CRITICAL"),
        ({"a ehr": "f"}, timedelta(0), 1, "WARNING"),
        ({"a ehr": "U"}, timedelta(0), 3, "UNKNOWN"),
        (GOOD, 2 * DAY, 3, "UNKNOWN"),
        ({"a ehr": "F"}, 2 * DAY, 3, "UNKNOWN"),
    ],
)
@pytest.mark.parametrize("records", [True, False])
def test_a_monitoring_system_is_told_that_drcheck_stopped(
    kept: Kept, last: dict[str, str], later: timedelta, code: int, word: str, *, records: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.nights(GOOD, last)
    kept.at(number(2) + 5 * HOUR + later)
    if not records:
        monkeypatch.setattr("drcheck.cli.stored.record_if_any", lambda *_: None)
    done = kept.say("status", "--format", "nagios")
    assert done.returncode == code
    assert done.stdout.startswith(f"DRCHECK {word} - ")
    if later:
        assert "drcheck has not run since" in done.stdout.splitlines()[0]


def test_a_monitoring_system_is_told_that_there_is_nothing(kept: Kept) -> None:
    with open_store(kept.file):
        pass
    done = kept.say("status", "--format", "nagios")
    assert (done.returncode, done.stdout) == (3, "DRCHECK UNKNOWN - drcheck has not run: the store holds no night\n")


def test_a_monitoring_system_is_told_that_a_night_is_of_no_real_places(kept: Kept) -> None:
    assessment = tonight(hospital(), number(9))
    kept.record(replace(assessment, estate=replace(assessment.estate, rehearsal=True)))
    kept.at(number(9) + 3 * HOUR)
    first, *details = kept.say("status", "--format", "nagios").stdout.splitlines()
    assert "REHEARSAL" in first.partition("|")[0]
    assert any("REHEARSAL" in line for line in details)


def test_of_several_the_worst_is_the_state(kept: Kept) -> None:
    kept.nights(GOOD)
    kept.nights({"a ehr": "f"}, organisation="south", first=2)
    done = kept.say("status", "--format", "nagios")
    assert done.returncode == 1
    assert done.stdout.startswith("DRCHECK WARNING - south: ")
    assert Outcome.FAIL.upper() in done.stdout
