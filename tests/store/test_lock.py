"""One run at a time on one organisation, whatever becomes of the process that runs."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

import drcheck.store.lock
from drcheck.chain import Paper
from drcheck.errors import Busy, StoreError
from drcheck.store import Store, open_store
from drcheck.store.schema import holders
from tests.store.postgres import Postgres
from tests.store.test_history import assessment

HOLD = """
import subprocess, sys
from drcheck.store import open_store

where, organisation, child = sys.argv[1:]
with open_store(where) as store, store.run_lock(organisation, "drcheck check"):
    if child:
        print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]).pid, flush=True)
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from drcheck.errors import Busy
from drcheck.store import open_store

with open_store(sys.argv[1]) as store:
    sys.stdin.readline()
    try:
        with store.run_lock("trust", "drcheck check"):
            print("held", flush=True)
            sys.stdin.read()
    except Busy as busy:
        print("busy", busy, flush=True)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every holder here has said who it is before anybody is refused."""
    monkeypatch.setattr(drcheck.store.lock, "PATIENCE", 0.1)


class Holding:
    """Another process that runs on an organisation."""

    def __init__(self, process: subprocess.Popen[str], child: int | None) -> None:
        self.process = process
        self.pid = process.pid
        self.child = child

    def kill(self) -> None:
        """End it so that it cannot let go of anything."""
        self.process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def holding(where: str, organisation: str = "trust", *, child: bool = False) -> Iterator[Holding]:
    """Such a process; with `child`, one that has started another, which lives on."""
    arguments = [sys.executable, "-c", HOLD, where, organisation, "yes" if child else ""]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = int(process.stdout.readline()) if child else None
        try:
            assert process.stdout.readline() == "held\n"
            yield Holding(process, started)
        finally:
            process.kill()
            if started is not None:
                os.kill(started, signal.SIGKILL)


def refused(store: Store, organisation: str = "trust") -> Busy:
    """What a second run is told."""
    with pytest.raises(Busy) as caught, store.run_lock(organisation, "drcheck verify"):
        pass
    return caught.value


def taken(where: str, *, within: float = 30) -> str:
    """Who held the lock before this process, which gets it within so many seconds: a server takes a moment to see that a client has died."""
    end = time.monotonic() + within
    with open_store(where) as store:
        while True:
            try:
                with store.run_lock("trust", "drcheck verify") as before:
                    return str(before)
            except Busy:
                assert time.monotonic() < end, "the lock outlived its process"


def test_a_second_run_is_refused_and_told_who_runs(where: str) -> None:
    begun = datetime.now(UTC)
    with holding(where) as holder, open_store(where) as store:
        caught = refused(store)
    words = str(caught)
    assert words.startswith(
        f"the store {store.place}: another run on trust has not ended (drcheck check, process {holder.pid} on {socket.gethostname()},"
    )
    assert f"begun at {begun:%Y-%m-%dT%H:}" in words or f"begun at {datetime.now(UTC):%Y-%m-%dT%H:}" in words
    assert words.endswith("wait until it has, or end that process, then run this again")
    assert caught.exit_code == 12
    assert Postgres.password not in words


def test_a_run_that_was_killed_is_taken_over_and_said(where: str, caplog: pytest.LogCaptureFixture) -> None:
    with holding(where) as holder:
        holder.kill()
        with caplog.at_level(logging.WARNING, logger="drcheck"):
            before = taken(where)
    assert before.startswith(f"drcheck check, process {holder.pid} on {socket.gethostname()}, begun at ")
    assert f"took over from a run that did not end: {before}" in caplog.text
    assert taken(where) == "None", "and nothing of it is left"


def test_a_run_that_was_killed_is_taken_over_while_what_it_started_lives(where: str) -> None:
    """Workers are processes of their own and may end a moment after it: they must hold nothing of the lock."""
    with holding(where, child=True) as holder:
        assert holder.child is not None
        holder.kill()
        assert f"process {holder.pid} " in taken(where)
        os.kill(holder.child, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_does_not_keep_the_lock_nor_let_go_of_it(tmp_path: Path) -> None:
    where = str(tmp_path / "drcheck.db")
    context = multiprocessing.get_context("fork")
    go = context.Event()
    with open_store(where) as store:
        with store.run_lock("trust", "drcheck check"):
            ended = context.Process(target=int)
            ended.start()
            ended.join(30)
            with pytest.raises(Busy), open_store(where) as other, other.run_lock("trust", "drcheck check"):
                pass
            living = context.Process(target=go.wait, args=(60,))
            living.start()
        with store.run_lock("trust", "drcheck check"):
            assert living.is_alive()
    go.set()
    living.join(30)


def test_organisations_do_not_wait_for_each_other(where: str) -> None:
    with holding(where, "trust"), holding(where, "other trust"), open_store(where) as store:
        with store.run_lock("third/trust\0 of 'any' name", "drcheck check"):
            pass
        for organisation in ("trust", "other trust"):
            assert f"another run on {organisation} has not ended" in str(refused(store, organisation))


def test_a_lock_is_let_go_of_after_an_error_and_an_interrupt(store: Store) -> None:
    for error in (OSError("a disk"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, store.run_lock("trust", "drcheck check"):
            raise error
        assert caught.value is error, "what happens in a run is not taken for what happens to the store"
    with store.run_lock("trust", "drcheck check") as before:
        assert before is None


def test_within_one_process_too_there_is_one_run(where: str) -> None:
    """Through one store or several, by one thread or two; and who is refused does not break the lock of who holds it."""
    with open_store(where) as store, open_store(where) as other, store.run_lock("trust", "drcheck check"):
        for each in (store, other, store):
            assert f"process {os.getpid()} " in str(refused(each))
        with ThreadPoolExecutor(1) as pool:
            assert isinstance(pool.submit(refused, other).result(30), Busy)
        with pytest.raises(AssertionError, match="outlived"):
            taken(where, within=0)


def test_of_many_that_begin_at_once_one_runs(where: str) -> None:
    open_store(where).close()
    processes = [subprocess.Popen([sys.executable, "-c", TRY, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = []
    for process in processes:
        assert process.stdout is not None
        lines.append(process.stdout.readline())
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert sorted(line.split()[0] for line in lines) == ["busy"] * 5 + ["held"]
    (held,) = (process.pid for process, line in zip(processes, lines, strict=True) if line == "held\n")
    assert all(f"process {held} " in line for line in lines if line != "held\n")


def test_a_run_holds_nobody_up_who_reads_or_writes_the_store(where: str) -> None:
    with holding(where), open_store(where, wait=5) as store:
        store.record(assessment(1), [Paper("assessment.json", b"one")])
        assert [recorded.run for recorded in store.assessments("trust")] == ["run-trust-1"]


def test_a_holder_that_has_not_said_who_it_is(where: str) -> None:
    with holding(where), open_store(where) as store:
        with store._database.writing() as connection:
            connection.execute(text(f"DELETE FROM {holders.name}"))
        assert "has not ended (it has not said who it is); wait" in str(refused(store))


def test_names_of_hosts_are_made_safe(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "host\x1b[31m\n")
    with open_store(where) as store, store.run_lock("trust", "drcheck check"):
        assert r"on host\x1b[31m\x0a, begun" in str(refused(store))


def test_a_store_that_cannot_note_the_end_does_not_spoil_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    where = str(tmp_path / "drcheck.db")
    with open_store(where, wait=0.2) as store, open_store(where) as other:
        with caplog.at_level(logging.WARNING, logger="drcheck"), contextlib.ExitStack() as outer:
            with store.run_lock("trust", "drcheck check"):
                outer.enter_context(other._database.writing())
            assert "that this run has ended could not be written: the store" in caplog.text
        with store.run_lock("trust", "drcheck check") as before:
            assert before is not None
            assert before.pid == os.getpid()


def lock_file(folder: Path) -> Path:
    """The only lock file in a folder."""
    (file,) = folder.glob("*.lock*")
    return file


def test_a_lock_file_is_as_private_as_the_store_stays_empty_and_alone(tmp_path: Path) -> None:
    where = tmp_path / "drcheck.db"
    with open_store(where) as store:
        where.chmod(0o660)
        for _ in range(2):
            with store.run_lock("trust", "drcheck check"):
                file = lock_file(tmp_path)
                assert file.name.startswith("drcheck.db.")
                assert file.stat().st_size == 0
                assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o660
    assert lock_file(tmp_path) == file


@pytest.mark.parametrize("rubbish", [b"x", b"4711\n", b'{"pid": 4711}' * 100, bytes(5_000), os.urandom(5_000)])
def test_a_lock_file_that_holds_rubbish_is_a_lock_all_the_same(tmp_path: Path, rubbish: bytes) -> None:
    where = str(tmp_path / "drcheck.db")
    with open_store(where) as store:
        with store.run_lock("trust", "drcheck check"):
            pass
        lock_file(tmp_path).write_bytes(rubbish)
        with holding(where):
            refused(store)
            # Also where somebody writes to it meanwhile.
            lock_file(tmp_path).write_bytes(rubbish)
            refused(store)
        with store.run_lock("trust", "drcheck check"):
            pass


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_store_by_another_name_is_the_same_store(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (tmp_path / "link.db").symlink_to(folder / "drcheck.db")
    (tmp_path / "linked").symlink_to(folder)
    with holding(str(folder / "drcheck.db")):
        for name in (tmp_path / "link.db", tmp_path / "linked" / "drcheck.db"):
            with open_store(name) as store:
                refused(store)


AS_NOBODY = """
import os, sys
import drcheck.store, drcheck.store.lock, sqlalchemy.dialects.sqlite
from drcheck.errors import Busy, StoreError
from drcheck.store.database import Database
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = drcheck.store.Store(Database(sys.argv[1], 1))
try:
    with store.run_lock("trust", "drcheck check"):
        print("held")
except StoreError as error:
    print(type(error).__name__, error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs modes of files")
@pytest.mark.parametrize("there", [False, True], ids=["no lock file", "another user's lock file"])
def test_a_folder_that_this_user_may_not_write_is_told(tmp_path: Path, there: bool) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
        if folder.name.startswith("pytest-of") or folder == Path("/tmp"):
            break
    state = tmp_path / "state"
    state.mkdir()
    with open_store(state / "drcheck.db") as store:
        if there:
            with store.run_lock("trust", "drcheck check"):
                pass
            lock_file(state).chmod(0o444)
        (state / "drcheck.db").chmod(0o444)
        state.chmod(0o555)
        try:
            done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(state / "drcheck.db")], capture_output=True, text=True, check=False)
        finally:
            state.chmod(0o755)
    assert done.returncode == 12, done.stderr
    assert done.stdout.startswith(f"StoreError the store {state / 'drcheck.db'} cannot be ")


def test_a_lock_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with open_store(tmp_path / "drcheck.db") as store:
        with store.run_lock("trust", "drcheck check"):
            pass
        file = lock_file(tmp_path)
        file.unlink()
        file.mkdir()
        with pytest.raises(StoreError, match=r"drcheck\.db cannot be opened \(") as caught, store.run_lock("trust", "drcheck check"):
            pass
    assert not isinstance(caught.value, Busy)


def until(true: Callable[[], bool]) -> None:
    """Insist that something comes true, within half a minute: a server ends a session some time after it was told to."""
    patience = time.monotonic() + 30
    while not true() and time.monotonic() < patience:
        time.sleep(0.05)
    assert true()


@pytest.mark.program("initdb")
def test_in_postgresql_the_lock_ends_with_its_session(postgres: Postgres) -> None:
    """A server that is started again has let go of every lock: the run goes on, and ends without a complaint."""
    url = postgres.new_database()
    with open_store(url) as store, postgres.connect() as other:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        with store.run_lock("trust", "drcheck check"):
            refused(store)
            assert other.execute(held).fetchone() == (1,)
            ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            assert len(other.execute(ended).fetchall()) == 1
            with contextlib.suppress(StoreError):  # connections to a server that was started again are noticed once
                store.assessments()
        until(lambda: other.execute(held).fetchone() == (0,))
        with store.run_lock("trust", "drcheck check"):
            assert other.execute(held).fetchone() == (1,)
        until(lambda: other.execute(held).fetchone() == (0,))


@pytest.mark.program("initdb")
def test_stores_in_two_databases_of_a_server_are_two(postgres: Postgres) -> None:
    one, two = postgres.new_database(), postgres.new_database()
    with holding(one), open_store(two) as store, store.run_lock("trust", "drcheck check") as before:
        assert before is None
