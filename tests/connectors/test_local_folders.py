"""The local connector on folders and files that are large, deep, changing or hostile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drcheck.errors import ConnectorError, InProgress, NotThere, TimedOut, Unreachable, Unsupported
from tests.connectors.contract import content, keys
from tests.connectors.local_rig import LocalRig, connect, local_rig


@pytest.fixture(scope="module")
def rig() -> Iterator[LocalRig]:
    with local_rig() as rig:
        yield rig


class TestListing:
    """Order, size and depth of listings."""

    @pytest.mark.slow
    def test_memory_of_two_hundred_thousand_files_is_small(self, tmp_path: Path) -> None:
        place = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path))
        try:
            most = []
            for count in (20_000, 200_000):
                folder = place / str(count)
                folder.mkdir()
                for number in range(count):
                    os.close(os.open(f"{folder}/a-file-of-a-hospital-{number:08d}.dcm", os.O_CREAT | os.O_WRONLY))
                with connect(folder, seconds=120) as connector:
                    tracemalloc.start()
                    try:
                        assert sum(1 for _ in connector.list()) == count
                        most.append(tracemalloc.get_traced_memory()[1])
                    finally:
                        tracemalloc.stop()
            assert most[1] - most[0] < 30 * 2**20
        finally:
            shutil.rmtree(place)

    def test_a_tree_deeper_than_python_recurses(self, tmp_path: Path) -> None:
        deep = "d/" * 600
        (tmp_path / deep).mkdir(parents=True)
        (tmp_path / deep / "object").write_bytes(b"x")
        with connect(tmp_path) as connector:
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(300)
            try:
                assert keys(connector) == [f"{deep}object"]
            finally:
                sys.setrecursionlimit(limit)
            assert content(connector, f"{deep}object") == b"x"

    def test_no_descriptor_is_left_open(self, tmp_path: Path) -> None:
        for name in "abc":
            (tmp_path / name / "deeper").mkdir(parents=True)
            (tmp_path / name / "deeper" / "object").write_bytes(b"x" * 3_000_000)
        (tmp_path / "link").symlink_to("a")
        before = len(os.listdir("/proc/self/fd"))
        with connect(tmp_path) as connector:
            keys(connector)
            next(connector.list()), next(connector.read("a/deeper/object"))
            for key in ("absent", "a/absent", "a", "link", "link/deeper/object", "a/deeper/object/x", "../x"):
                for ask in (connector.stat, lambda key: content(connector, key), connector.protection):
                    with pytest.raises(ConnectorError):
                        ask(key)
            connector.permissions()
            connector.protection("a/deeper/object")
        assert len(os.listdir("/proc/self/fd")) == before

    def test_a_trailing_slash_of_a_prefix_means_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "object").write_bytes(b"x")
        with connect(tmp_path) as connector:
            assert keys(connector, "a/") == keys(connector, "a") == ["a/object"]

    def test_a_prefix_that_climbs_is_refused_and_never_empty(self, tmp_path: Path) -> None:
        with connect(tmp_path) as connector:
            for prefix in ("..", "../other", "/etc", "a/../..", "a//b", "\ud800"):
                with pytest.raises(Unsupported):
                    keys(connector, prefix)

    def test_files_that_come_and_go_meanwhile_do_not_break_a_listing(self, tmp_path: Path) -> None:
        for name in ("a", "b", "c"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "object").write_bytes(b"x")
        (tmp_path / "z").write_bytes(b"x")
        with connect(tmp_path) as connector:
            listing = connector.list()
            assert next(listing).key == "a/object"
            shutil.rmtree(tmp_path / "b")
            (tmp_path / "z").unlink()
            assert [entry.key for entry in listing] == ["c/object"]

    @pytest.mark.parametrize("again", [False, True])
    def test_a_root_that_went_away_or_was_replaced_is_not_an_empty_one(self, tmp_path: Path, again: bool) -> None:
        root = tmp_path / "root"
        root.mkdir()
        (root / "object").write_bytes(b"x")
        with connect(root) as connector:
            assert keys(connector) == ["object"]
            root.rename(tmp_path / "old")
            shutil.rmtree(tmp_path / "old")
            if again:
                root.mkdir()
            for ask in (
                lambda: keys(connector),
                lambda: keys(connector, "absent"),
                lambda: connector.stat("object"),
                lambda: content(connector, "object"),
            ):
                with pytest.raises(Unreachable, match="removed, unmounted or replaced"):
                    ask()

    def test_a_listing_ends_with_its_deadline(self, rig: LocalRig) -> None:
        folder = rig.folder()
        for number in range(20):
            rig.put(f"{folder}/{number}", b"x")
        with connect(rig.root / folder, seconds=0.3) as connector:
            listing = connector.list()
            next(listing)
            time.sleep(0.35)
            with pytest.raises(TimedOut):
                list(listing)

    def test_what_was_left_out_is_told_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        for number in range(5):
            (tmp_path / f"link{number}").symlink_to("/etc/passwd")
        with caplog.at_level("INFO", "drcheck.connectors"), connect(tmp_path) as connector:
            assert keys(connector) == []
        assert [record.getMessage() for record in caplog.records] == ["test: 5 links and special files were left out of the listing of ''"]

    def test_a_time_beyond_every_calendar_is_unknown(self) -> None:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            path = Path(folder) / "object"
            path.write_bytes(b"x")
            os.utime(path, ns=(0, 400_000_000_000 * 10**9))
            if path.stat().st_mtime < 300_000_000_000:
                pytest.skip("this file system keeps no such time")
            with connect(Path(folder)) as connector:
                assert connector.stat("object").modified is None
            os.utime(path, ns=(0, -(10**9)))
            with connect(Path(folder)) as connector:
                assert connector.stat("object").modified == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)


class TestReading:
    """Files that change, and folders that turn into links."""

    def test_a_file_that_changes_at_the_same_size_is_in_progress(self, tmp_path: Path) -> None:
        path = tmp_path / "object"
        path.write_bytes(b"x" * 3_000_000)
        with connect(tmp_path) as connector:
            stream = connector.read("object")
            next(stream)
            time.sleep(0.02)
            with path.open("r+b") as file:
                file.write(b"y")
            with pytest.raises(InProgress, match="changed while"):
                list(stream)

    def test_a_file_that_grows_is_in_progress(self, tmp_path: Path) -> None:
        path = tmp_path / "object"
        path.write_bytes(b"x" * 3_000_000)
        with connect(tmp_path) as connector:
            stream = connector.read("object")
            next(stream)
            with path.open("ab") as file:
                file.write(b"y")
            with pytest.raises(InProgress):
                list(stream)

    def test_a_file_that_is_cut_short_is_in_progress(self, tmp_path: Path) -> None:
        path = tmp_path / "object"
        path.write_bytes(b"x" * 3_000_000)
        with connect(tmp_path, seconds=5) as connector:
            stream = connector.read("object")
            first = next(stream)
            os.truncate(path, len(first) + 5)
            assert next(stream) == b"x" * 5
            with pytest.raises(InProgress, match=f"ended after {len(first) + 5} of 3000000 bytes"):
                next(stream)

    def test_a_new_hard_link_meanwhile_is_no_change(self, tmp_path: Path) -> None:
        path = tmp_path / "object"
        path.write_bytes(b"x" * 3_000_000)
        with connect(tmp_path) as connector:
            stream = connector.read("object")
            first = next(stream)
            time.sleep(0.02)
            (tmp_path / "again").hardlink_to(path)
            assert len(first + b"".join(stream)) == 3_000_000

    def test_a_file_that_another_program_has_leased_does_not_make_us_wait(self, tmp_path: Path) -> None:
        path = tmp_path / "object"
        path.write_bytes(b"x")
        script = (
            "import fcntl, os, signal, sys, time; signal.signal(signal.SIGIO, signal.SIG_IGN); "
            "file = os.open(sys.argv[1], os.O_RDWR); fcntl.fcntl(file, 1024, fcntl.F_WRLCK); print('held', flush=True); time.sleep(60)"
        )
        holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            started = time.monotonic()
            with connect(tmp_path) as connector, pytest.raises(InProgress, match="another program"):
                content(connector, "object")
            assert time.monotonic() - started < 5
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.communicate()

    def test_access_times_of_our_own_files_stay(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        path = tmp_path / "a" / "object"
        path.write_bytes(b"x")
        for place in (path, path.parent, tmp_path):
            os.utime(place, ns=(10**18, place.stat().st_mtime_ns))
        with connect(tmp_path) as connector:
            keys(connector)
            content(connector, "a/object")
        assert [place.stat().st_atime_ns for place in (path, path.parent, tmp_path)] == [10**18] * 3

    def test_a_folder_that_becomes_a_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "object").write_bytes(b"secret")
        (tmp_path / "root" / "a").mkdir(parents=True)
        (tmp_path / "root" / "a" / "object").write_bytes(b"inside")
        with connect(tmp_path / "root") as connector:
            assert keys(connector) == ["a/object"]
            (tmp_path / "root" / "a").rename(tmp_path / "root" / "b")
            (tmp_path / "root" / "a").symlink_to("../outside")
            for ask in (lambda: content(connector, "a/object"), lambda: connector.stat("a/object"), lambda: connector.protection("a/object")):
                with pytest.raises(Unsupported, match="symbolic link"):
                    ask()
            with pytest.raises(Unsupported, match="symbolic link"):
                keys(connector, "a")
            assert keys(connector) == ["b/object"]

    def test_a_folder_that_flips_between_folder_and_link_never_leads_outside(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "object").write_bytes(b"secret")
        root = tmp_path / "root"
        (root / "real").mkdir(parents=True)
        (root / "real" / "object").write_bytes(b"inside")
        stop = threading.Event()

        def flip() -> None:
            while not stop.is_set():
                (root / "real").rename(root / "a")
                (root / "a").rename(root / "real")
                (root / "a").symlink_to("../outside")
                (root / "a").unlink()

        flipper = threading.Thread(target=flip)
        flipper.start()
        read = refused = 0
        try:
            with connect(root) as connector:
                end = time.monotonic() + 1.5
                while time.monotonic() < end:
                    try:
                        assert content(connector, "a/object") == b"inside"
                        read += 1
                    except (NotThere, Unsupported):
                        refused += 1
                    try:
                        assert keys(connector, "a") in ([], ["a/object"])
                        assert set(keys(connector)) <= {"a/object", "real/object"}
                    except (InProgress, Unsupported):
                        refused += 1
        finally:
            stop.set()
            flipper.join()
        assert refused
        assert read

    def test_a_range_that_makes_no_sense_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "object").write_bytes(b"x")
        with connect(tmp_path) as connector:
            for start, length in ((-1, None), (0, -1)):
                with pytest.raises(ValueError, match="range"):
                    content(connector, "object", start, length)
