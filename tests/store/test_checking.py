"""A store that is not what was written is told apart from one that is."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drcheck.errors import StoreDamaged
from drcheck.store import Store, checking, open_store
from drcheck.store.database import Database
from tests.nights.making import number
from tests.reports.sample import hospital
from tests.store.kept import empty, fill, keep


def test_a_store_that_is_as_it_was_written_is_whole(store: Store) -> None:
    assert store.check().problems == ()
    fill(store, 4)
    keep(store, 5, organisation="south")
    store.prune(number(3), really=True)
    found = store.check()
    assert (found.nights, found.pruned, found.problems) == (5, 2, ())
    # Three records, each with and without names, and one estate and one pack for all of them.
    assert found.papers == 6 + 1 + 1


def test_nights_that_are_recorded_or_pruned_meanwhile_are_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 4)
    looked = checking._papers

    def and_meanwhile(database: Database) -> Iterator[tuple[str, str | None]]:
        yield from looked(database)
        keep(store, 5)
        store.prune(number(3), really=True)

    monkeypatch.setattr(checking, "_papers", and_meanwhile)
    found = store.check()
    assert (found.nights, found.pruned, found.problems) == (5, 2, ())


def sql(*statements: str) -> Callable[[sqlite3.Connection], None]:
    def damage(connection: sqlite3.Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement

    return damage


def another_paper(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE papers SET content = ? WHERE id = 3", (zlib.compress(b"another"),))


def exchanged(connection: sqlite3.Connection) -> None:
    one, two = (connection.execute("SELECT link FROM assessments WHERE id = ?", (number,)).fetchone()[0] for number in (2, 3))
    connection.execute("UPDATE assessments SET link = ? WHERE id = 2", (two,))
    connection.execute("UPDATE assessments SET link = ? WHERE id = 3", (one,))


DAMAGES: list[tuple[Callable[[sqlite3.Connection], None], str]] = [
    (another_paper, "is not the one that was recorded"),
    (sql("UPDATE papers SET content = x'00' WHERE id = 1"), "is not the one that was recorded"),
    (sql("DELETE FROM papers WHERE id = 1"), "the night run-1 of north: its paper record.json is gone, and it was not pruned"),
    (sql("DELETE FROM findings", "DELETE FROM assessments WHERE id = 2"), "the night run-3 of north is number 3 of its chain, and follows number 1"),
    (sql("DELETE FROM findings", "DELETE FROM assessments WHERE id = 1"), "is number 2 of its chain, and the nights before it are not there"),
    (sql("UPDATE assessments SET exit_code = 0 WHERE id = 2"), "the night run-2 of north is not the night that its link is of"),
    (sql("UPDATE assessments SET started = started + 1000000 WHERE id = 2"), "is not the night that its link is of"),
    (
        sql("UPDATE assessments SET link = replace(link, '\"exit_code\":10', '\"exit_code\":0'), exit_code = 0 WHERE id = 2"),
        "the night run-3 of north does not follow the night before it: one of the two was altered or exchanged",
    ),
    (sql("UPDATE assessments SET link = 'x' WHERE id = 2"), "the night run-2 of north: its link is not JSON"),
    (exchanged, "is not the night that its link is of"),
    (sql("UPDATE assessments SET organisation = 99 WHERE id = 1"), "a row of assessments belongs to one that is not there"),
    (sql("UPDATE findings SET outcome = 'pass'"), "the night run-1 of north: its findings are not as many of each outcome as were counted"),
    (sql("UPDATE findings SET waived = 1"), "the night run-3 of north: its findings come to exit code 0, and it was recorded with 10"),
    (sql("UPDATE findings SET last = 2"), "the night run-3 of north: its findings are not as many"),
    (sql("UPDATE findings SET first = 2"), "the night run-1 of north: its findings are not as many"),
    (sql("UPDATE assessments SET counts = 'x' WHERE id = 2"), "the night run-2 of north: its counts cannot be read"),
    (sql("UPDATE assessments SET counts = '{\"pass\": 1}' WHERE id = 2"), "the night run-2 of north: its findings are not as many"),
    (sql("UPDATE assessments SET pruned = 1 WHERE id = 2"), "the night run-2 of north: it is said to be pruned, and its record is there"),
    (sql("INSERT INTO readings VALUES (1, 1, x'', x'', 1, x'00', x'00', 7)"), "the checksum of a batch of readings does not hold (number 1)"),
    (sql("INSERT INTO object_runs VALUES (5, 1, x'', x'', 1, NULL, 1, x'00', x'00', 7)"), "the checksum of a run of objects does not hold"),
]


@pytest.mark.parametrize(("damage", "says"), DAMAGES, ids=range(len(DAMAGES)))
def test_what_was_altered_is_named(tmp_path: Path, damage: Callable[[sqlite3.Connection], None], says: str) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(empty())
    with open_store(file) as store:
        fill(store, 3, fails=(1, 2, 3))
        store.objects("north", "ehr@nas")
    with closing(sqlite3.connect(file)) as connection:
        damage(connection)
        connection.commit()
    with open_store(file) as store:
        problems = store.check().problems
    assert any(says in problem for problem in problems), problems


def test_a_drill_that_was_altered_is_named(tmp_path: Path) -> None:
    for column, value in (("success", "1 - success"), ("system", "'other'"), ("content", "'{}'"), ("content", "replace(content, '1', '2')")):
        file = tmp_path / f"{column}-{len(value)}.db"
        file.write_bytes(empty())
        with open_store(file) as store:
            store.record(hospital(), [])
            assert store.drills(hospital().estate.organisation)
            assert store.check().problems == ()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"UPDATE drills SET {column} = {value}")
            connection.commit()
        with open_store(file) as store:
            assert any("is not the one that was recorded" in problem for problem in store.check().problems), value


@pytest.mark.parametrize(
    ("damage", "use"),
    [
        ("UPDATE assessments SET link = 'x'", lambda store: keep(store, 9)),
        ("UPDATE assessments SET counts = 'x'", lambda store: store.assessments()),
        ("UPDATE assessments SET counts = '7'", lambda store: store.latest("north")),
        ("UPDATE findings SET outcome = 'passes'", lambda store: store.intervals("north")),
        ("UPDATE findings SET severity = ''", lambda store: store.intervals("north")),
    ],
)
def test_what_cannot_be_read_is_damage_and_no_crash(tmp_path: Path, damage: str, use: Callable[[Store], object]) -> None:
    file = tmp_path / "store.db"
    with open_store(file) as store:
        fill(store, 2)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(damage)
        connection.commit()
    with open_store(file) as store, pytest.raises(StoreDamaged, match="is damaged"):
        use(store)


def test_a_page_that_went_bad_is_a_problem_and_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_store(file) as store:
        for index in range(1, 20):
            keep(store, index, {f"control-{one} system": "P" for one in range(200)})
    with closing(sqlite3.connect(file)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'papers'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xff" * 200)
    with open_store(file) as store:
        found = store.check()
    assert any("SQLite says" in problem for problem in found.problems) or any("is damaged" in problem for problem in found.problems)
    assert found.nights == 19


def test_a_file_that_is_no_store_is_damaged_and_not_only_unusable(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_store(file) as store:
        fill(store, 1)
    file.write_bytes(b"\xff" * 4096)
    with pytest.raises(StoreDamaged, match="is damaged"):
        open_store(file)
