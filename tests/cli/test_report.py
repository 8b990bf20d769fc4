"""A stored night, printed again."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace

import pytest

from drcheck.canonical import digest_bytes
from drcheck.chain import Paper
from drcheck.nights import past_of
from drcheck.record import assessment_from_record, assessment_to_record
from drcheck.reports import BUILTIN, WITH_PAST, ReportOptions, render
from drcheck.store import open_store
from tests.cli.nights import HOUR, Kept, kept, tonight
from tests.nights.making import number
from tests.reports.sample import hospital

__all__ = ["kept"]
NOT_HERE = {"pdf"}
"""Formats that need an extra."""


@pytest.mark.parametrize("format_", sorted(set(BUILTIN) - NOT_HERE))
def test_any_night_is_printed_in_any_format_as_it_was(kept: Kept, format_: str) -> None:
    before = tonight(hospital(), number(8), "run-8")
    before = replace(before, findings=before.findings[1:])
    kept.record(before, 8)
    kept.record(tonight(hospital(), number(9), "run-9"), 9)
    kept.at(number(20))
    done = kept.say("report", "--format", format_, "-o", "report")
    assert done.returncode == (0 if format_ != "nagios" else 2), done.stderr
    with open_store(kept.file) as store:
        organisation = hospital().estate.organisation
        nights, intervals = store.assessments(organisation), store.intervals(organisation)
        assessment = assessment_from_record(store.paper("run-9", "record.json"), "")
    past = past_of(assessment, nights, intervals)
    expected = render(assessment, format_, ReportOptions(width=120, past=past if format_ in WITH_PAST else None))
    written = (kept.folder / "report").read_bytes()
    assert written == (expected if isinstance(expected, bytes) else expected.encode("utf-8", "backslashreplace"))
    other = kept.say("report", "--run", "latest~1", "--format", format_, "-o", "other")
    assert other.returncode in (0, 2)
    assert (kept.folder / "other").read_bytes() != written


def test_only_and_wide_are_those_of_a_check(kept: Kept) -> None:
    kept.nights({"a ehr": "P", "b ehr": "F"})
    assert "ehr is pass" not in kept.say("report").stdout
    assert "ehr is pass" in kept.say("report", "--wide").stdout
    assert "Shown here: unknown." in kept.say("report", "--only", "unknown").stdout


def test_a_night_is_named_as_everywhere(kept: Kept) -> None:
    kept.nights({"a ehr": "P"}, {"a ehr": "F"})
    for name, run in (("run-1", "run-1"), ("latest", "run-2"), ("latest~1", "run-1"), ("2026-03-01", "run-1")):
        assert json.loads(kept.say("report", "--run", name, "--format", "json").stdout)["run"]["id"] == run
    wrong = kept.say("report", "--run", "latest~2")
    assert wrong.returncode == 2
    assert "the store holds 2 nights" in wrong.stderr
    unknown = kept.say("report", "--format", "tabel")
    assert unknown.returncode == 2
    assert '"table"' in unknown.stderr


def test_a_pruned_night_is_said_to_be_one(kept: Kept) -> None:
    kept.nights({"a ehr": "P"}, {"a ehr": "F"})
    kept.prune(2)
    done = kept.say("report", "--run", "run-1")
    assert (done.returncode, done.stdout) == (12, "")
    assert "record.json of the run run-1 was pruned; only its place in the chain is left" in done.stderr


def test_an_older_night_has_its_document_only(kept: Kept) -> None:
    document = b'{"schema":"drcheck.assessment/1"}'
    assessment = tonight(hospital(), number(1), "run-1")
    with open_store(kept.file) as store:
        store.record(assessment, [Paper("assessment.json", document)])
    kept.at(number(1) + HOUR)
    assert kept.say("report", "--format", "json").stdout.encode() == document
    done = kept.say("report")
    assert done.returncode == 12
    assert "recorded by an older drcheck, which kept its JSON document only; use --format json" in done.stderr
    assert kept.say("history", "--run", "run-1").stdout.encode() == document


def test_a_record_that_was_altered_is_refused(kept: Kept) -> None:
    kept.nights({"a ehr": "F"})
    with open_store(kept.file) as store:
        record = store.paper("run-1", "record.json")
    with closing(sqlite3.connect(kept.file)) as connection:
        altered = zlib.compress(record.replace(b'"fail"', b'"pass"'))
        assert connection.execute("UPDATE papers SET content = ? WHERE digest = ?", (altered, digest_bytes(record))).rowcount == 1
        connection.commit()
    done = kept.say("report")
    assert (done.returncode, done.stdout) == (12, "")
    assert "is not the one that was recorded" in done.stderr


def test_the_state_of_a_plugin_is_the_exit_code_of_that_format_alone(kept: Kept) -> None:
    kept.nights({"a ehr": "P"}, {"a ehr": "F"}, {"a ehr": "U"})
    codes = [kept.say("report", "--run", run, "--format", "nagios").returncode for run in ("run-1", "run-2", "run-3")]
    assert codes == [0, 2, 3]
    assert [kept.say("report", "--run", run).returncode for run in ("run-1", "run-2", "run-3")] == [0, 0, 0]


def test_a_record_of_a_drcheck_that_is_not_understood_is_said(kept: Kept) -> None:
    assessment = tonight(hospital(), number(1), "run-1")
    record = assessment_to_record(assessment).replace(b'"drcheck.record/1"', b'"drcheck.record/9"')
    with open_store(kept.file) as store:
        store.record(assessment, [Paper("record.json", record)])
    kept.at(number(1) + HOUR)
    done = kept.say("report")
    assert done.returncode == 2
    assert "run run-1: schema: is 'drcheck.record/9'" in done.stderr
    # What is known without the record is told all the same.
    assert kept.say("status").returncode == 10
