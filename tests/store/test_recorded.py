"""Rows that are not what the records of their nights say are told apart from those that are."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from drcheck.canonical import digest_bytes
from drcheck.chain import RECORD, Paper
from drcheck.model import Assessment, Outcome, PointState, Severity
from drcheck.record import assessment_to_record
from drcheck.store import Store, open_store
from drcheck.store.recorded import _Recorded
from tests.reports.sample import hospital
from tests.store.kept import empty
from tests.store.model import night
from tests.store.test_history import assessment, finding, point


def keep(store: Store, one: Assessment) -> None:
    """Record it as drcheck does, but for the papers that do not matter here."""
    store.record(one, [Paper(RECORD, assessment_to_record(one))])


def fill(store: Store) -> None:
    """Points and findings that come, change and go, a night of another moment, one of a hospital with hostile names, and another organisation."""
    growing = point("b", night(2), PointState.IN_PROGRESS)
    keep(store, assessment(1, finding("a", Outcome.PASS), finding("b", Outcome.FAIL), points=(point("a", night(1)),)))
    keep(store, assessment(2, finding("a", Outcome.PASS), finding("b", Outcome.FAIL, waived=True), points=(point("a", night(1)), growing)))
    keep(store, assessment(3, finding("a", Outcome.FAIL), points=(point("b", night(2)), point("\udcff\\", night(3)))))
    keep(store, assessment(4, finding("a", Outcome.PASS), points=(point("q", night(4)),), as_of=True))
    keep(store, assessment(5, finding("a", Outcome.FAIL)))
    keep(store, assessment(6, finding("a", Outcome.PASS), organisation="other", points=(point("a", night(1)),)))
    for index in range(2):
        one = hospital()
        moment = one.run.started + timedelta(days=index)
        keep(store, replace(one, run=replace(one.run, id=f"hospital-{index}", started=moment, finished=moment, reference=moment)))


@cache
def filled() -> bytes:
    """The file of a store that is filled."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        file.write_bytes(empty())
        with open_store(file) as store:
            fill(store)
        return file.read_bytes()


def problems(tmp_path: Path, *statements: str, meanwhile: Callable[[Store], object] = lambda _: None) -> tuple[str, ...]:
    """What is found in the filled store once these statements were run on it."""
    file = tmp_path / "store.db"
    file.write_bytes(filled())
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.commit()
    with open_store(file) as store:
        meanwhile(store)
        return store.check().problems


def test_what_was_recorded_is_what_the_records_say(store: Store) -> None:
    fill(store)
    assert store.check().problems == ()
    store.prune(night(3), really=True)
    assert store.check().problems == ()


def test_what_was_pruned_is_passed_over(tmp_path: Path) -> None:
    assert problems(tmp_path, "UPDATE recovery_points SET size = 8 WHERE last = 2", meanwhile=lambda store: store.prune(night(90), really=True)) == ()


POINT = "the recovery point"
ALTERED = {
    "UPDATE findings SET severity = 'low' WHERE first = 1 AND control = 'a'": "trust: its findings are not those of its record: that of pack a on",
    "UPDATE findings SET control = 'x' WHERE control = 'b'": "trust-1 of trust: its findings are not those of its record: that of pack",
    "UPDATE findings SET subject = 'x' WHERE first = 3": "trust-5 of trust: its findings are not those of its record",
    "UPDATE findings SET severity = 'low' WHERE last > 7": "hospital-0",
    "UPDATE calls SET count = 3 WHERE assessment = 2 AND call = 'sftp:open'": "trust-2 of trust: its counts of calls are not those of its record",
    "DELETE FROM calls WHERE assessment = 4": "trust-4 of trust: its counts of calls are not those of its record",
    "INSERT INTO calls VALUES (1, 'vault', 'sftp:remove', 1)": "trust-1 of trust: its counts of calls are not those of its record",
    "UPDATE recovery_points SET time = time + 1 WHERE point = 'a' AND last = 2": f"trust-2 of trust: {POINT} a of ehr@vault is not as",
    "UPDATE recovery_points SET state = 'finished', size = 9 WHERE point = 'b'": f"trust-3 of trust: {POINT} b of ehr@vault is not as",
    "UPDATE recovery_points SET objects = 2 WHERE first = 6": f"other-6 of other: {POINT} a of ehr@vault is not as",
    "UPDATE recovery_points SET state = 'empty' WHERE last = 3": f"trust-3 of trust: {POINT}",
    "UPDATE recovery_points SET size = size + 1 WHERE last = 8": "hospital-1",
    "DELETE FROM recovery_points WHERE point = 'a' AND first = 1": f"trust-1 of trust: {POINT} a of ehr@vault is in its record, and is not",
    "UPDATE recovery_points SET last = 1 WHERE point = 'a' AND last = 2": f"trust-2 of trust: {POINT} a of ehr@vault is in its record, and is not",
    "UPDATE recovery_points SET first = 2 WHERE point = 'a' AND last = 2": f"trust-1 of trust: {POINT} a of ehr@vault is in its record, and is not",
    "UPDATE recovery_points SET last = 5 WHERE point = 'b'": f"trust-5 of trust: {POINT} b of ehr@vault is said to have been seen first",
    "UPDATE recovery_points SET point = 'c' WHERE point = 'b'": f"trust-2 of trust: {POINT} c of ehr@vault is said to have been seen first",
}  # fmt: skip


@pytest.mark.parametrize("statement", ALTERED)
def test_a_row_that_was_altered_is_named(tmp_path: Path, statement: str) -> None:
    found = problems(tmp_path, statement)
    assert any(ALTERED[statement] in problem for problem in found), found


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    for index, content in enumerate(
        (b"", b"[]", b"{", b'{"findings":[1]}', b'{"facts":{"targets":[{"calls":[1]}]}}', b"\xff", b'{"findings":' + b"[" * 100_000)
    ):
        file = tmp_path / f"{index}.db"
        file.write_bytes(empty())
        with open_store(file) as store:
            store.record(assessment(1, finding("a", Outcome.PASS)), [Paper(RECORD, content)])
            assert store.check().problems == ("the night run-trust-1 of trust: its record cannot be read",)


def test_a_record_of_another_night_does_not_pass_for_its_own(tmp_path: Path) -> None:
    other = assessment_to_record(assessment(1, replace(finding("a", Outcome.PASS), severity=Severity.LOW)))
    change = f"UPDATE papers SET digest = '{digest_bytes(other)}', content = x'{zlib.compress(other).hex()}' WHERE id = 1"
    assert any("is gone, and it was not pruned" in problem for problem in problems(tmp_path, change))


def test_every_member_of_a_record_is_gone_through() -> None:
    said = _Recorded(assessment_to_record(hospital()).decode())
    assert len(said.points) == len(
        {(facts.id, each.id) for facts in hospital().facts.copies for each in getattr(getattr(facts.points, "value", None), "newest", ())}
    )
    assert sum(said.calls.values()) == sum(count for target in hospital().facts.targets for _, count in target.calls)
    assert said.findings > 0
