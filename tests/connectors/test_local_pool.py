"""Reading many local files in worker processes: the same answers as one after the other, whatever dies, changes or is closed meanwhile."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from drcheck.connectors import local_pool, page_cache
from drcheck.connectors.base import CallLog, Entry
from drcheck.connectors.local import LocalConnector
from drcheck.connectors.local_reader import Reader
from drcheck.connectors.page_cache import absent
from drcheck.digests import Digests, digest
from drcheck.errors import AccessDenied, ConnectorError, InProgress, TimedOut, Unreachable, Unsupported
from tests.busy import BUSY
from tests.connectors.local_rig import LocalRig, connect, local_rig

SHA256 = frozenset({"sha256"})
MANY = 400
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool for a handful of files, of two processes wherever this runs, and blocks that are small enough for there to be several."""
    monkeypatch.setattr(local_pool, "FEW", 3)
    monkeypatch.setattr(local_pool, "_OBJECTS", 20)
    monkeypatch.setattr(local_pool._Cores, "take", lambda self: 2)


@pytest.fixture
def rig() -> Iterator[LocalRig]:
    with local_rig() as rig:
        yield rig


def content(number: int) -> bytes:
    return b"%d," % number * (number % 50)


def fill(root: Path, number: int = MANY) -> list[str]:
    keys = [f"{index % 7}/{'deeper/' * (index % 3)}{index:04d}.bin" for index in range(number)]
    for index, key in enumerate(keys):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(content(index))
    return keys


def entries(connector: LocalConnector) -> list[Entry]:
    return list(connector.list())


def read(connector: LocalConnector, wanted: Iterable[Entry]) -> dict[str, Digests | ConnectorError]:
    """Every answer by its key; each entry has exactly one."""
    found: dict[str, Digests | ConnectorError] = {}
    for entry, answer in connector.digests((entry, SHA256) for entry in wanted):
        assert entry.key not in found
        found[entry.key] = answer
    return found


def children() -> list[int]:
    """The processes that this one has started as workers and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(parent) == os.getpid() and state != "Z" and b"local_worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def readers(name: str) -> list[int]:
    """The workers that have the file of this name open."""
    found = []
    for pid in children():
        with contextlib.suppress(OSError):
            if any(os.readlink(descriptor).endswith(f"/{name}") for descriptor in Path(f"/proc/{pid}/fd").iterdir()):
                found.append(pid)
    return found


def until(true: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


class TestAnswers:
    """What the pool answers."""

    def test_every_object_gets_the_digests_of_its_bytes(self, tmp_path: Path) -> None:
        keys = fill(tmp_path)
        with connect(tmp_path) as connector:
            found = read(connector, entries(connector))
        assert found == {key: Digests({"sha256": hashlib.sha256(content(index)).hexdigest()}, len(content(index))) for index, key in enumerate(keys)}
        assert children() == []

    def test_several_algorithms_and_sizes_on_both_sides_of_each_bound(self, tmp_path: Path) -> None:
        sizes = [0, 1, 4096, 256 << 10, (256 << 10) + 1, (4 << 20) - 1, 4 << 20, (9 << 20) + 7]
        wants = [frozenset({"sha256", "md5", "crc32"}), frozenset({"blake2b-256"}), frozenset({"sha3-256", "sha1"}), frozenset[str]()]
        for size in sizes:
            (tmp_path / f"{size:09d}").write_bytes(os.urandom(1 << 16) * (size >> 16) + bytes(size & 0xFFFF))
        with connect(tmp_path) as connector:
            wanted = [(entry, wants[index % len(wants)]) for index, entry in enumerate(entries(connector))]
            expected = {entry.key: digest(connector.read(entry.key), algorithms) for entry, algorithms in wanted}
            assert {entry.key: answer for entry, answer in connector.digests(wanted)} == expected

    def test_names_that_are_not_text_are_read(self, rig: LocalRig) -> None:
        names = ["caf\udce9", "new\nline", "ünï", "a b", "-n", "..."]
        for name in names:
            rig.put(f"f/{name}", name.encode("utf-8", "surrogateescape"))
        with rig.connector() as connector:
            assert isinstance(connector, LocalConnector)
            found = read(connector, entries(connector))
        assert {key.removeprefix("f/") for key in found} == set(names)
        assert all(isinstance(answer, Digests) for answer in found.values())

    def test_whatever_cannot_be_read_is_answered_as_by_read(self, rig: LocalRig) -> None:
        """Each odd object has the error that reading it alone has, and costs no other."""
        for number in range(60):
            rig.put(f"f/{number:03d}", b"x" * number)
        rig.put("f/now-a-folder/x", b"")
        rig.link("f/now-a-link", "../../outside")
        rig.link("f/through", ".")
        rig.pipe("f/now-a-pipe")
        odd = [
            "f/gone",
            "f/now-a-folder",
            "f/now-a-link",
            "f/through/001",
            "f/now-a-pipe",
            "gone/x",
            "f/001/x",
            "../outside",
            "f/../f/001",
            "",
            "f//001",
        ]
        odd += ["f/nul\0", "f/\ud800", "f/" + "x" * 300]
        with rig.connector() as connector:
            assert isinstance(connector, LocalConnector)
            regular = [entry for entry in connector.list() if entry.key != "f/now-a-folder/x"]
            wanted = [*regular[:25], *(Entry(key, 5, None) for key in odd), *regular[25:]]
            found = read(connector, wanted)
            for key in odd:
                with pytest.raises(ConnectorError) as alone:
                    list(connector.read(key))
                answer = found.pop(key)
                assert (type(answer), str(answer)) == (type(alone.value), str(alone.value)), key
        assert len(found) == 60
        assert all(isinstance(answer, Digests) for answer in found.values())

    def test_an_object_that_may_not_be_read_is_denied(self, rig: LocalRig) -> None:
        for number in range(30):
            rig.put(f"f/{number:03d}", b"x")
        with rig.connector() as connector:
            assert isinstance(connector, LocalConnector)
            wanted = entries(connector)
        with rig.deny_reading("f/007") as connector, connector:
            assert isinstance(connector, LocalConnector)
            found = read(connector, wanted)
        assert isinstance(found.pop("f/007"), AccessDenied)
        assert [answer for answer in found.values() if not isinstance(answer, Digests)] == []

    def test_a_root_that_was_replaced_is_unreachable_and_not_empty(self, tmp_path: Path) -> None:
        fill(tmp_path / "root", 50)
        with connect(tmp_path / "root") as connector:
            wanted = entries(connector)
            (tmp_path / "root").rename(tmp_path / "away")
            (tmp_path / "root").mkdir()
            for entry in wanted:
                (tmp_path / "away" / entry.key).unlink()
            assert {type(answer) for answer in read(connector, wanted).values()} == {Unreachable}

    def test_a_folder_that_becomes_a_link_is_not_followed(self, tmp_path: Path) -> None:
        fill(tmp_path / "root", 50)
        fill(tmp_path / "elsewhere", 50)
        with connect(tmp_path / "root") as connector:
            wanted = entries(connector)
            (tmp_path / "root" / "3").rename(tmp_path / "away")
            (tmp_path / "root" / "3").symlink_to(tmp_path / "elsewhere" / "3")
            found = read(connector, wanted)
        for key, answer in found.items():
            assert isinstance(answer, Unsupported if key.startswith("3/") else Digests)

    def test_a_large_object_that_changes_while_it_is_read_is_in_progress(self, tmp_path: Path) -> None:
        with (tmp_path / "large").open("wb") as file:
            file.truncate(1 << 30)
        fill(tmp_path, 10)
        stop = threading.Event()

        def touch() -> None:
            while not stop.wait(0.02):
                os.utime(tmp_path / "large")

        toucher = threading.Thread(target=touch)
        toucher.start()
        try:
            with connect(tmp_path, seconds=120) as connector:
                found = read(connector, entries(connector))
        finally:
            stop.set()
            toucher.join()
        assert isinstance(found.pop("large"), InProgress)
        assert {type(answer) for answer in found.values()} == {Digests}

    def test_a_large_object_that_is_cut_short_is_in_progress(self, tmp_path: Path) -> None:
        with (tmp_path / "large").open("wb") as file:
            file.truncate(3 << 30)
        fill(tmp_path, 10)
        with connect(tmp_path, seconds=120) as connector:
            answers = connector.digests([(entry, SHA256) for entry in entries(connector)])
            found = dict([next(answers)])  # the small ones are there long before it is read
            until(lambda: readers("large"))
            time.sleep(0.1)  # it was opened, and is being read
            os.truncate(tmp_path / "large", 1 << 20)
            found.update(answers)
        cut = next(answer for entry, answer in found.items() if entry.key == "large")
        assert isinstance(cut, InProgress)

    def test_an_object_that_grew_since_it_was_listed_is_read_whole(self, tmp_path: Path) -> None:
        keys = fill(tmp_path, 30)
        with connect(tmp_path) as connector:
            wanted = entries(connector)
            (tmp_path / keys[5]).write_bytes(b"more" * MIB)
            answer = read(connector, wanted)[keys[5]]
        assert answer == Digests({"sha256": hashlib.sha256(b"more" * MIB).hexdigest()}, 4 * MIB)


class TestManner:
    """When processes are started, what they are given, and what is counted."""

    def test_few_objects_are_read_in_the_calling_process(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(local_pool, "FEW", 1000)
        monkeypatch.setattr(subprocess, "Popen", None)
        fill(tmp_path, 900)
        with connect(tmp_path) as connector:
            assert len(read(connector, entries(connector))) == 900

    def test_one_processor_reads_in_the_calling_process(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(local_pool._Cores, "take", lambda self: 0)
        monkeypatch.setattr(subprocess, "Popen", None)
        fill(tmp_path)
        with connect(tmp_path) as connector:
            assert {type(answer) for answer in read(connector, entries(connector)).values()} == {Digests}

    def test_where_no_process_can_be_started_the_calling_one_reads(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(tmp_path)
        for program in (str(tmp_path / "absent"), "/bin/false"):
            monkeypatch.setattr(sys, "executable", program)
            with connect(tmp_path) as connector:
                assert {type(answer) for answer in read(connector, entries(connector)).values()} == {Digests}

    def test_objects_are_drawn_as_there_is_room(self, tmp_path: Path) -> None:
        fill(tmp_path, MANY)
        drawn = answered = most = 0

        def wanted() -> Iterator[tuple[Entry, frozenset[str]]]:
            nonlocal drawn
            for entry in listed:
                drawn += 1
                yield entry, SHA256

        with connect(tmp_path) as connector:
            listed = entries(connector)
            for _ in connector.digests(wanted()):
                most = max(most, drawn - answered)
                answered += 1
        assert answered == MANY
        assert most <= 20 * 6  # two workers with two blocks each, the one being answered and the one that comes next

    def test_a_large_object_does_not_keep_the_others_waiting(self, tmp_path: Path) -> None:
        with (tmp_path / "0-large").open("wb") as file:
            file.truncate(1 << 30)
        fill(tmp_path)
        with connect(tmp_path, seconds=120) as connector:
            order = list(read(connector, entries(connector)))
        assert order[-1] == "0-large"

    def test_calls_are_counted_as_reading_one_by_one_counts_them(self, tmp_path: Path) -> None:
        for number in range(50):
            (tmp_path / f"{number:02d}").write_bytes(b"x")
        told: list[str] = []
        pooled, alone = CallLog("a", lambda at, target, call, subject, times: told.extend([call] * times)), CallLog("b")
        with connect(tmp_path, calls=pooled) as connector, connect(tmp_path, calls=alone) as other:
            for entry in entries(connector):
                digest(other.read(entry.key), SHA256)
            read(connector, entries(connector))
        assert dict(pooled.counts())["local:read"] == dict(alone.counts())["local:read"] == told.count("local:read") == 50
        assert dict(pooled.counts())["local:open"] == told.count("local:open") == 53  # each file, the root, and it again for two listings
        assert dict(pooled.counts())["local:lstat"] == told.count("local:lstat") == 150  # two listings, and before each opening

    def test_pools_share_the_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        cores = local_pool._Cores()
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
        assert [cores.take(), cores.take(), cores.take()] == [4, 1, 1]
        cores.give_back(4)
        assert cores.take() == 2
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
        assert local_pool._Cores().take() == 0

    def test_it_runs_for_a_daemon_thread_of_a_program_without_a_guard(self, tmp_path: Path) -> None:
        fill(tmp_path / "root", 1500)
        script = tmp_path / "unguarded.py"
        script.write_text(
            "import sys, threading\nfrom pathlib import Path\nfrom tests.connectors.local_rig import connect\n"
            "def work():\n    with connect(Path(sys.argv[1])) as c:\n"
            "        found = [a for _, a in c.digests([(e, ('sha256',)) for e in c.list()])]\n"
            "        print(len(found), {type(a).__name__ for a in found}, flush=True)\n"
            "thread = threading.Thread(target=work, daemon=True)\nthread.start()\nthread.join()\nprint('once')\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run([sys.executable, str(script), str(tmp_path / "root")], check=True, capture_output=True, text=True, env=environment)
        assert done.stdout == "1500 {'Digests'}\nonce\n"
        assert done.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
class TestEnds:
    """What ends before its time."""

    def test_a_worker_that_is_killed_loses_nothing(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        keys = fill(tmp_path)
        with (tmp_path / "0-large").open("wb") as file:
            file.truncate(1 << 30)
        with connect(tmp_path, seconds=120) as connector:
            answers = connector.digests([(entry, SHA256) for entry in entries(connector)])
            found = dict([next(answers)])
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            for entry, answer in answers:
                assert entry not in found
                found[entry] = answer
        assert {entry.key for entry in found} == {*keys, "0-large"}
        assert {type(answer) for answer in found.values()} == {Digests}
        assert "they are read again" in caplog.text

    def test_what_kills_every_worker_is_an_error_of_its_own_block_only(self, tmp_path: Path) -> None:
        keys = fill(tmp_path)
        with (tmp_path / "0-large").open("wb") as file:
            file.truncate(20 << 30)
        with connect(tmp_path, seconds=120) as connector:
            wanted = [(entry, SHA256) for entry in entries(connector)]
            stop = threading.Event()

            def kill() -> None:
                while not stop.wait(0.02):
                    for pid in readers("0-large"):
                        with contextlib.suppress(OSError):
                            os.kill(pid, signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            try:
                found = {entry.key: answer for entry, answer in connector.digests(wanted)}
            finally:
                stop.set()
                killer.join()
        error = found.pop("0-large")
        assert isinstance(error, ConnectorError)
        assert (error.reason, "ended with -9, twice" in str(error)) == ("internal", True)
        assert set(found) == set(keys)
        assert {type(answer) for answer in found.values()} == {Digests}

    def test_answers_that_do_not_count_up_are_errors(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(local_pool._Cores, "take", lambda self: 0)
        block = Reader.block
        monkeypatch.setattr(Reader, "block", lambda self, keys, algorithms: block(self, keys, algorithms)[:-1])
        fill(tmp_path, 50)
        with connect(tmp_path) as connector:
            found = read(connector, entries(connector))
        assert len(found) == 50
        assert {str(answer).partition(": ")[2] for answer in found.values()} == {
            "20 objects were to be read and 19 were answered",
            "10 objects were to be read and 9 were answered",
        }

    def test_the_deadline_ends_it_and_everything_has_an_answer(self, tmp_path: Path) -> None:
        for name in ("a", "b", "c"):
            with (tmp_path / name).open("wb") as file:
                file.truncate(30 << 30)
        keys = fill(tmp_path, 100)
        begun = time.monotonic()
        with connect(tmp_path, seconds=1) as connector:
            found = read(connector, entries(connector))
            assert time.monotonic() - begun < 1 + BUSY
            assert children() == []
        assert set(found) == {*keys, "a", "b", "c"}
        assert {type(found[name]) for name in ("a", "b", "c")} == {TimedOut}

    @pytest.mark.parametrize("how", ["closed", "dropped", "left"])
    def test_given_up_half_way_no_process_stays(self, tmp_path: Path, how: str) -> None:
        with (tmp_path / "0-large").open("wb") as file:
            file.truncate(30 << 30)
        fill(tmp_path, 100)
        with connect(tmp_path) as connector:
            answers = connector.digests([(entry, SHA256) for entry in entries(connector)])
            next(answers)
            assert len(children()) == 2
            if how == "closed":
                connector.close()
                with pytest.raises(RuntimeError, match="was closed while"):
                    list(answers)
            elif how == "dropped":
                del answers
                gc.collect()
        assert children() == []

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
    def test_workers_end_with_their_parent(self, tmp_path: Path, number: int) -> None:
        (tmp_path / "root").mkdir()
        for name in ("a", "b", "c"):
            with (tmp_path / "root" / name).open("wb") as file:
                file.truncate(60 << 30)
        fill(tmp_path / "root", 2000)
        script = (
            "import sys, threading, time\nfrom pathlib import Path\nfrom tests.connectors.local_rig import connect\n"
            "def work():\n    with connect(Path(sys.argv[1]), seconds=60) as c:\n"
            "        for number, _ in enumerate(c.digests([(e, ('sha256',)) for e in c.list()])):\n"
            "            print(number, flush=True)\n"
            "threading.Thread(target=work, daemon=True).start()\ntime.sleep(60)\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "root")]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2], start_new_session=True
        ) as parent:
            assert parent.stdout is not None
            parent.stdout.readline()
            assert len(grown := session(parent.pid)) >= 2
            if number == signal.SIGINT:
                os.killpg(parent.pid, number)  # as a terminal does
            else:
                parent.send_signal(number)
            parent.wait(10)
            until(lambda: not session(parent.pid), 5)
        assert grown


def session(leader: int) -> list[int]:
    """The processes of the session that `leader` leads."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, belongs = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(belongs) == leader and state != "Z":
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not page_cache.SUPPORTED, reason="only Linux tells what is in the page cache")
class TestPageCache:
    """Pages that only our reading brought in are let go of; what was there before stays."""

    SIZES: ClassVar[dict[str, int]] = {"small": 20_000, "middle": 300_000, "large": 9 * MIB + 5}

    def cached(self, path: Path) -> int:
        """How many pages of a file are in memory."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            return -(-size // mmap.PAGESIZE) - sum(length // mmap.PAGESIZE for _, length in absent(descriptor, 0, size))
        finally:
            os.close(descriptor)

    def evict(self, path: Path, start: int = 0, length: int = 0) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        for number in range(10):
            for name, size in self.SIZES.items():
                (tmp_path / f"{name}-{number}").write_bytes(os.urandom(size))
        for path in tmp_path.iterdir():
            self.evict(path)
        if any(self.cached(path) for path in tmp_path.iterdir()):
            pytest.skip("this file system keeps its pages")
        return tmp_path

    def insist_unchanged(self, place: Path, warm: Callable[[], None]) -> None:
        """
        Have `warm` bring some pages into memory, read everything, and insist that the same pages are there as before. Where memory is short the
        system takes back pages by itself at any moment, so it is tried again from the start; what drcheck lets go of it would let go of each time.
        """
        for _ in range(3):
            for path in place.iterdir():
                self.evict(path)
            warm()
            before = {path.name: self.cached(path) for path in place.iterdir()}
            assert any(before.values())
            with connect(place) as connector:
                found = read(connector, entries(connector))
            assert {type(answer) for answer in found.values()} == {Digests}
            after = {path.name: self.cached(path) for path in place.iterdir()}
            if after == before:
                break
        assert after == before

    def test_what_was_absent_is_absent_again_and_what_was_there_stays(self, place: Path) -> None:
        def warm() -> None:
            for path in place.iterdir():
                if int(path.name[-1]) % 2:
                    path.read_bytes()

        self.insist_unchanged(place, warm)

    def test_part_of_a_large_file_that_was_there_stays(self, place: Path) -> None:
        def warm() -> None:
            path = place / "large-0"
            path.read_bytes()
            self.evict(path, 3 * MIB, 2 * MIB)
            assert self.cached(path) < -(-self.SIZES["large"] // mmap.PAGESIZE)

        self.insist_unchanged(place, warm)

    def test_reading_one_object_leaves_the_cache_as_it_was_too(self, place: Path) -> None:
        with connect(place) as connector:
            for path in sorted(place.iterdir()):
                digest(connector.read(path.name), SHA256)
        assert {path.name for path in place.iterdir() if self.cached(path)} == set()
