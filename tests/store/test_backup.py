"""A copy of the store while others write to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from drcheck.errors import OutputError, StoreDamaged, StoreError
from drcheck.store import open_store
from tests.store.kept import fill, follow, keep
from tests.store.postgres import Postgres


def test_a_copy_is_the_store_in_one_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    file, copy = tmp_path / "store.db", tmp_path / "copy.db"
    with open_store(file) as store:
        nights = fill(store, 4)
        key = store.names_key("north")
        size = store.backup(copy)
        assert [path.name for path in sorted(tmp_path.iterdir()) if path.name.startswith(("copy", "."))] == ["copy.db"]
    assert copy.stat().st_size == size
    assert copy.stat().st_mode & 0o777 == 0o600
    with open_store(copy) as restored:
        assert restored.assessments() == nights[::-1]
        assert restored.names_key("north") == key
        assert restored.check().problems == ()
        keep(restored, 5)
        follow(restored.links("north"))


def test_what_lies_in_the_log_is_in_the_copy(tmp_path: Path) -> None:
    file, copy, plain = (tmp_path / name for name in ("store.db", "copy.db", "plain.db"))
    with open_store(file) as store:
        fill(store, 2)
        assert Path(f"{file}-wal").stat().st_size > 0
        shutil.copy(file, plain)
        store.backup(copy)
        kept = len(store.assessments())
    with open_store(copy) as restored:
        assert len(restored.assessments()) == kept == 2
    # What the test is about: a plain copy lacks it.
    with closing(sqlite3.connect(plain)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'assessments'").fetchone()[0]
        assert not tables or connection.execute("SELECT count(*) FROM assessments").fetchone()[0] < kept


def test_copies_made_while_another_writes_are_each_of_one_moment(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_store(file) as store:
        fill(store, 1)
    ended = threading.Event()
    failures: list[Exception] = []

    def write() -> None:
        try:
            with open_store(file) as mine:
                for index in range(2, 42):
                    keep(mine, index, {f"control-{one} system": "P" for one in range(40)})
        except StoreError as error:
            failures.append(error)
        finally:
            ended.set()

    writer = threading.Thread(target=write)
    counts: list[int] = []
    with open_store(file) as store:
        writer.start()
        while not ended.is_set() or not counts:
            copy = tmp_path / "copy.db"
            store.backup(copy)
            with open_store(copy) as restored:
                assert restored.check().problems == ()
                follow(restored.links("north"))
                counts.append(len(restored.assessments()))
        writer.join()
        assert len(store.assessments()) == 41
    assert failures == []
    assert counts == sorted(counts)


def test_a_copy_that_is_there_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file, copy = tmp_path / "store.db", tmp_path / "copy.db"
    link = tmp_path / "newest.db"
    link.symlink_to(copy)
    with open_store(file) as store:
        fill(store, 1)
        store.backup(copy)
        keep(store, 2)
        store.backup(link)
        before = copy.read_bytes()
        for name in ("no/such/folder/copy.db", "."):
            with pytest.raises(OutputError):
                store.backup(tmp_path / name)
    assert link.is_symlink()
    assert copy.read_bytes() == before
    with open_store(copy) as restored:
        assert len(restored.assessments()) == 2


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    file, other, again = tmp_path / "store.db", tmp_path / "letter.txt", tmp_path / "same.db"
    other.write_text("Dear Sir")
    with open_store(file) as store:
        fill(store, 1)
        again.symlink_to(file)
        for target, says in ((other, "is there and is no backup of a store"), (file, "is the store itself"), (again, "is the store itself")):
            with pytest.raises(OutputError, match=says):
                store.backup(target)
        hard = tmp_path / "hard.db"
        os.link(file, hard)
        with pytest.raises(OutputError, match="is the store itself"):
            store.backup(hard)
        assert store.check().problems == ()
    assert other.read_text() == "Dear Sir"


def test_a_database_of_somebody_elses_is_not_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "phone book?.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE numbers (name TEXT)")
    before = other.read_bytes()
    with open_store(tmp_path / "store.db") as store:
        fill(store, 1)
        with pytest.raises(OutputError, match="is there and is no backup of a store"):
            store.backup(other)
    assert other.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe in the file system")
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open_store(tmp_path / "store.db") as store:
        fill(store, 1)
        with pytest.raises(OutputError, match="is a device or a pipe and no file"):
            store.backup(pipe)
    assert pipe.is_fifo()


def test_a_copy_that_is_in_use_is_not_replaced_under_its_log(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with open_store(tmp_path / "store.db") as store:
        fill(store, 1)
        store.backup(copy)
        with open_store(copy) as restored:
            keep(restored, 2)
            with pytest.raises(OutputError, match="in use, or was not closed"):
                store.backup(copy)
            assert len(restored.assessments()) == 2
        store.backup(copy)
    with open_store(copy) as restored:
        assert len(restored.assessments()) == 1


def test_a_damaged_store_gives_no_copy(tmp_path: Path) -> None:
    file, copy = tmp_path / "store.db", tmp_path / "copy.db"
    with open_store(file) as store:
        for index in range(1, 10):
            keep(store, index, {f"control-{one} system": "P" for one in range(200)})
    with closing(sqlite3.connect(file)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'papers'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xff" * 200)
    copy.write_bytes(b"")
    with open_store(file) as store, pytest.raises(StoreDamaged, match="is damaged, and its copy was not kept") as caught:
        store.backup(copy)
    assert r"\x0a" not in str(caught.value)
    assert copy.read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_no_room_for_the_copy_costs_the_copy_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, copy = tmp_path / "store.db", tmp_path / "copy.db"
    with open_store(file) as store:
        fill(store, 3)

        def full(_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("drcheck.store.backup.os.fsync", full)
        with pytest.raises(OutputError, match="No space left on device"):
            store.backup(copy)
        monkeypatch.undo()
        assert not copy.exists()
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
        assert store.check().problems == ()


@pytest.mark.program("initdb")
def test_postgresql_is_left_to_its_own_tool(postgres: Postgres, tmp_path: Path) -> None:
    with open_store(postgres.new_database()) as store:
        with pytest.raises(StoreError, match="pg_dump --format=custom") as refused:
            store.backup(tmp_path / "copy.db")
        assert postgres.password not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
