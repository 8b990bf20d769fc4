"""Stores that cannot: each says which, why, and what to do, with exit code 12; and what was kept before is still there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from drcheck.chain import Paper
from drcheck.connectors.base import Entry
from drcheck.errors import StoreError
from drcheck.model import Depth, ObjectResult
from drcheck.store import Digest, Reading, Store, default_file, journal, open_store
from tests.store.model import night
from tests.store.postgres import Postgres
from tests.store.test_history import assessment
from tests.store.test_merge import LISTED

READINGS = [Reading(key, ObjectResult.MATCH, night(0, 9), Depth.READ, 1) for key in "abc"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store in SQLite that knows three objects and an assessment."""
    file = tmp_path / "drcheck.db"
    with open_store(file) as store:
        fill(store)
    return file


def fill(store: Store) -> None:
    """Three objects and an assessment."""
    list(store.objects("trust", "ehr@vault").merge(iter(LISTED), night(0)))
    store.record(assessment(1), [Paper("assessment.json", b"one")])


def read_everything(file: Path) -> None:
    """Every object, and the second document."""
    with open_store(file) as store:
        list(store.objects("trust", "ehr@vault").known())
        store.paper("run-trust-2", "assessment.json")


def assert_as_filled(store: Store) -> None:
    """What was kept before is there, and nothing else."""
    assert [recorded.run for recorded in store.assessments()] == ["run-trust-1"]
    objects = store.objects("trust", "ehr@vault")
    assert [(known.key, known.result, known.gone) for known in objects.known()] == [("a", None, None), ("b", None, None), ("c", None, None)]


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(file: Path) -> Iterator[int]:
    """The pid of another process that writes, and does not end."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.kill()


def test_a_locked_file_is_waited_for_and_then_its_holder_named(file: Path, holder: int) -> None:
    with open_store(file, wait=2) as store:
        begun = time.monotonic()
        words = rf"is locked by the process {holder} \(\S+\) for more than 2(\.0)? s; wait until that has ended"
        with pytest.raises(StoreError, match=words) as caught:
            store.record(assessment(2), [Paper("assessment.json", b"two")])
        assert 1.5 < time.monotonic() - begun < 30
        assert caught.value.exit_code == 12
        assert_as_filled(store)  # reading is not kept from anybody


def test_a_lock_that_ends_in_time_is_no_error(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, other.execute, ["COMMIT"])
    timer.start()
    with open_store(file, wait=20) as store:
        assert store.record(assessment(2), [Paper("assessment.json", b"two")]).run == "run-trust-2"
    timer.join()
    other.close()


@pytest.mark.program("initdb")
def test_a_locked_row_in_postgresql_is_waited_for(postgres: Postgres) -> None:
    url = postgres.new_database()
    with open_store(url, wait=0.3) as store, postgres.connect(url.rsplit("/", 1)[1]) as other:
        fill(store)
        other.execute("BEGIN; SELECT * FROM organisations FOR UPDATE; SELECT * FROM copies FOR UPDATE")
        with pytest.raises(StoreError, match=r"is locked by another process for more than 0\.3 s"):
            store.record(assessment(2), [Paper("assessment.json", b"two")])
        other.execute("ROLLBACK")
        assert_as_filled(store)


def limit(store: Store, pages: int) -> None:
    """Let the database grow by so many pages and no more, as if its disk were full then."""
    with store._database.reading() as connection:
        most = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + pages

    @event.listens_for(store._database._engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")


def test_a_full_disk_keeps_what_was_there(file: Path) -> None:
    many = [Entry(f"{number:06d}", number, None, os.urandom(16).hex()) for number in range(30_000)]
    with open_store(file) as store:
        objects = store.objects("trust", "ehr@vault")
        limit(store, 8)
        with pytest.raises(StoreError, match="has no room left, and nothing of this step was kept; free space on its disk"):
            store.record(assessment(2), [Paper("record.json", os.urandom(100_000))])
        with pytest.raises(StoreError, match="has no room left"):
            list(objects.merge(iter(many), night(1)))
        with pytest.raises(StoreError, match="has no room left"):
            objects.record(Reading(entry.key, ObjectResult.MATCH, night(1), Depth.READ, 1, (Digest("md5", entry.version),)) for entry in many)
    with open_store(file) as store:
        assert [recorded.run for recorded in store.assessments()] == ["run-trust-1"]
        objects = store.objects("trust", "ehr@vault")
        assert [known.key for known in objects.known()] == ["a", "b", "c"]
        assert len(list(objects.merge(iter(many), night(1)))) == 30_003, "with room again it goes on"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_folder_for_temporary_files_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PORTION", 2)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "r+b", buffering=0))  # noqa: SIM115
    with open_store(file) as store:
        objects = store.objects("trust", "ehr@vault")
        for _ in range(2):
            objects.record(READINGS)
        with pytest.raises(StoreError, match="needs room for temporary files: No space left on device"):
            list(objects.known())


def test_a_read_only_store_says_so(file: Path) -> None:
    with open_store(file) as store:

        @event.listens_for(store._database._engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only = ON")

        with pytest.raises(StoreError, match="cannot be written to; give this user the right to write the file and its directory"):
            store.record(assessment(2), [Paper("assessment.json", b"two")])
        assert [recorded.run for recorded in store.assessments()] == ["run-trust-1"]


AS_NOBODY = """
import os, sys
import drcheck.store, sqlalchemy.dialects.sqlite
from drcheck.errors import StoreError
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with drcheck.store.open_store(sys.argv[1], wait=1) as store:
        store.objects("trust", "new@copy")
except StoreError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs modes of files")
@pytest.mark.parametrize(("mode", "folder_mode"), [(0o444, 0o555), (0o000, 0o755)])
def test_a_file_that_this_user_may_not_write_is_told(file: Path, mode: int, folder_mode: int) -> None:
    for folder in file.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
        if folder.name.startswith("pytest-of"):
            break
    file.chmod(mode)
    file.parent.chmod(folder_mode)
    try:
        result = subprocess.run([sys.executable, "-c", AS_NOBODY, str(file)], capture_output=True, text=True, check=False)
    finally:
        file.parent.chmod(0o755)
    assert result.returncode == 12, result.stderr
    assert any(told in result.stdout for told in ("cannot be written to; give this user", "cannot be opened"))


@pytest.mark.parametrize("damage", ["no database at all", "a torn page", "an object's run", "a document"])
def test_a_damaged_store_says_so(file: Path, damage: str) -> None:
    many = (Entry(f"{number:05d}", number, None, "v") for number in range(5_000))
    with open_store(file) as store:
        list(store.objects("trust", "ehr@vault").merge(many, night(1)))
        store.record(assessment(2), [Paper("assessment.json", os.urandom(50_000))])
    if damage == "no database at all":
        file.write_bytes(b"This is a letter, and no database.\n" * 500)
    elif damage == "a torn page":
        content = bytearray(file.read_bytes())
        content[4096 : len(content)] = bytes(len(content) - 4096)
        file.write_bytes(content)
    else:
        with sqlite3.connect(file) as connection:
            # As bytes rot below the database, which has no checksums of its own.
            if damage == "an object's run":
                connection.execute("UPDATE object_runs SET columns = CAST(substr(columns, 1, 40) || x'00' || substr(columns, 42) AS BLOB)")
            else:
                connection.execute("UPDATE papers SET content = CAST(substr(content, 1, 40) || x'0000' || substr(content, 43) AS BLOB)")
        connection.close()
    with pytest.raises(StoreError, match=r"is damaged \(.*\); keep it for the record, restore it from a backup") as caught:
        read_everything(file)
    assert caught.value.exit_code == 12


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("", "an empty text names no store"),
        ("mysql://user:secret@host/base", "a store cannot be a mysql database; write a path, sqlite:///PATH or postgresql"),
        ("sqlite://", "names no file; write sqlite:///PATH"),
        ("sqlite:///:memory:", "names no file"),
        ("://secret", "not the URL of a store; write a path"),
        ("postgresql://user:secret@127.0.0.1:port/x", "not the URL of a store"),
        ("/dev/null/drcheck.db", "cannot be made: File exists; name another place"),
        ("/", "is a directory; name a file in it"),
    ],
)
def test_a_wrong_place_is_told_without_a_password(where: str, told: str) -> None:
    with pytest.raises(StoreError, match=told) as caught:
        open_store(where)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with pytest.raises(StoreError, match=r"^the store postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/x did not answer") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/x", wait=2)
    assert "secret" not in str(caught.value)


@pytest.mark.program("initdb")
def test_a_server_that_refuses_says_why(postgres: Postgres) -> None:
    url = postgres.new_database()
    with pytest.raises(StoreError, match=r"create the database first|does not exist"):
        open_store(postgres.url("nowhere"), wait=2)
    with pytest.raises(StoreError, match=r"password authentication failed") as caught:
        open_store(url.replace(postgres.password, "wrong-one"), wait=2)
    assert "wrong-one" not in str(caught.value)
    with open_store(url) as store:
        fill(store)
    name = url.rsplit("/", 1)[1]
    with postgres.connect(name) as other:
        other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with open_store(url) as store:
        with pytest.raises(StoreError, match="cannot be written to; it is read-only for this user, or a standby"):
            store.record(assessment(2), [Paper("assessment.json", b"two")])
        assert [recorded.run for recorded in store.assessments()] == ["run-trust-1"]


@pytest.mark.program("initdb")
def test_a_server_that_goes_away_in_the_middle_is_told(postgres: Postgres) -> None:
    url = postgres.new_database()
    with open_store(url) as store:
        fill(store)
        objects = store.objects("trust", "ehr@vault")
        many = (Entry(f"{number:06d}", number, None, "v") for number in range(50_000))
        merging = objects.merge(many, night(1))
        next(merging)
        with postgres.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.rsplit("/", 1)[1]])
        with pytest.raises(StoreError, match=r"did not answer \("):
            list(merging)
        assert_as_filled(store)


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"needs the driver psycopg; install it with: pip install 'drcheck\[postgres\]'"):
        open_store("postgresql://host/x")


def test_without_a_place_it_is_in_the_directory_of_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert default_file().name == "drcheck.db"
    assert tmp_path in default_file().parents
    with open_store() as store:
        assert store.place == str(default_file())
