"""The local connector: the contract on a real folder, and what only a folder can do."""

from __future__ import annotations

import ctypes
import hashlib
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
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, attempt
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.connectors.tree import Tree
from drcheck.errors import ConnectorError, InProgress, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import Reason, Unobserved
from drcheck.secrets import resolve
from drcheck.workers import Late, run_all
from tests.connectors.contract import CLIMBING, LARGE_TAIL, ConnectorContract, Rig, content, in_key_order, keys, reason

NOBODY = 65534
ROOT = os.geteuid() == 0


class LocalRig(Rig):
    """A folder below the system's temporary one: an unprivileged user must be able to reach it."""

    cannot_hold = dict.fromkeys(CLIMBING, "the system takes such parts as a way, not as a name")

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def path(self, key: str) -> bytes:
        return os.fsencode(self.root) + b"/" + key.encode("utf-8", "surrogateescape")

    def put(self, key: str, content: bytes) -> None:
        path = self.path(key)
        Path(os.fsdecode(path)).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def put_large(self, key: str, size: int) -> None:
        self.put(key, b"")
        with open(self.path(key), "r+b") as file:
            file.truncate(size)
            file.seek(size - len(LARGE_TAIL))
            file.write(LARGE_TAIL)

    def put_many(self, folder: str, count: int) -> None:
        Path(os.fsdecode(self.path(folder))).mkdir()
        for number in range(count):
            os.close(os.open(self.path(f"{folder}/object-{number:05d}"), os.O_CREAT | os.O_WRONLY))

    def remove(self, key: str) -> None:
        os.unlink(self.path(key))

    def link(self, key: str, target: str) -> None:
        os.symlink(target, self.path(key))

    def pipe(self, key: str) -> None:
        os.mkfifo(self.path(key))

    def connector(self, *, seconds: float | None = 30.0, **options: Any) -> Connector:
        return connect(options.pop("root", self.root), seconds=seconds, **options)

    def snapshot(self) -> object:
        seen = {}
        for folder, folders, files in os.walk(os.fsencode(self.root)):
            for name in [b".", *folders, *files]:
                path = os.path.join(folder, name)
                found = os.lstat(path)
                small = path[-1:] != b"." and found.st_size < 2**20 and os.path.isfile(path) and not os.path.islink(path)
                seen[path] = (
                    found.st_mode,
                    found.st_uid,
                    found.st_nlink,
                    found.st_size,
                    found.st_mtime_ns,
                    found.st_ctime_ns,
                    hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest() if small else "",
                )
        return seen

    @contextmanager
    def deny_listing(self, folder: str) -> Iterator[Connector]:
        with self._as_nobody(folder, 0o311):
            yield self.connector()

    @contextmanager
    def deny_reading(self, key: str) -> Iterator[Connector]:
        with self._as_nobody(key, 0o000):
            yield self.connector()

    def unreachable(self) -> Connector:
        return self.connector(root=self.root / "absent", seconds=5)

    @contextmanager
    def _as_nobody(self, key: str, mode: int) -> Iterator[None]:
        before = os.stat(self.path(key)).st_mode & 0o777
        os.chmod(self.path(key), mode)
        try:
            if ROOT:
                os.seteuid(NOBODY)
            yield
        finally:
            if ROOT:
                os.seteuid(0)
            os.chmod(self.path(key), before)


@pytest.fixture(scope="module")
def rig() -> Iterator[LocalRig]:
    umask = os.umask(0o022)
    root = Path(tempfile.mkdtemp(prefix="drcheck-local-"))
    try:
        root.chmod(0o755)
        (root / "place").mkdir()
        (root / "outside").write_bytes(b"never to be read")
        yield LocalRig(root / "place")
    finally:
        os.umask(umask)
        shutil.rmtree(root)


def connect(root: Path, *, seconds: float | None = 30.0, calls: CallLog | None = None, **options: Any) -> LocalConnector:
    parsed = LocalOptions(root=root, **options)
    return LocalConnector(parsed, secrets=resolve, deadline=Deadline(seconds), calls=calls or CallLog("test"))


class TestLocalContract(ConnectorContract):
    """A folder passes the contract."""

    cannot: ClassVar = {
        "test_a_key_that_is_an_object_and_a_folder_is_both": "a name in a folder is a file or a folder",
        "test_an_archived_object_is_listed_and_not_read": "a folder has no storage classes",
        "test_wrong_credentials_are_denied": "a folder takes no credentials; refusal is by its mode",
        "test_unresolvable_credentials_are_no_credentials": "a folder takes no credentials",
        "test_another_place_than_the_pinned_one_is_untrusted": "what is pinned is the mount: see TestMounted",
        "test_a_place_that_hangs_times_out": "a folder hangs in the kernel, out of reach of deadlines: see test_a_mount_that_hangs_costs_its_own_deadline",
        "test_a_read_that_is_closed_half_way_is_an_error": "there is no connection to close; a file cut short is tested by itself",
        "test_a_clock_that_is_wrong_shows_its_skew": "the times are this machine's own",
    }


class TestRoot:
    """What the root can be."""

    def test_a_root_that_is_a_file_is_unreachable(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x")
        with pytest.raises(Unreachable, match="not a folder"):
            connect(tmp_path / "file").open()

    def test_a_root_may_itself_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "object").write_bytes(b"x")
        (tmp_path / "link").symlink_to("real")
        with connect(tmp_path / "link") as connector:
            assert keys(connector) == ["object"]
            assert connector.identity().trait("root") == str(tmp_path / "real")

    def test_a_root_that_may_only_be_searched_can_be_read_and_not_listed(self, rig: LocalRig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with rig.deny_listing(folder), connect(rig.root / folder) as connector:
            assert content(connector, "object") == b"x"
            assert reason(attempt(lambda: keys(connector))) is Reason.ACCESS_DENIED
            assert connector.permissions().can_list is False

    def test_use_before_open_is_a_bug_and_says_so(self, tmp_path: Path) -> None:
        fact = attempt(connect(tmp_path).identity)
        assert isinstance(fact, Unobserved)
        assert fact.reason is Reason.INTERNAL


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are told apart by /proc/self/mountinfo")
class TestMounted:
    """`mounted` and `file_system`: an empty mount folder is never an empty backup."""

    def test_a_plain_folder_is_unreachable_where_a_mount_is_declared(self, tmp_path: Path) -> None:
        with pytest.raises(Unreachable, match="nothing is mounted at"):
            connect(tmp_path, mounted=True).open()
        (tmp_path / "link").symlink_to(tmp_path)
        with pytest.raises(Unreachable, match="nothing is mounted at"):
            connect(tmp_path / "link", mounted=True).open()

    def test_a_mount_point_is_taken_also_through_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/proc")
        for root in (Path("/proc"), tmp_path / "link"):
            with connect(root, mounted=True, file_system="proc") as connector:
                identity = connector.identity()
                assert identity.trait("mount_point") == "/proc"
                assert identity.trait("file_system") == "proc"

    def test_another_file_system_than_declared_is_unreachable(self, tmp_path: Path) -> None:
        with pytest.raises(Unreachable, match="should be nfs4, and is "):
            connect(tmp_path, file_system="nfs4").open()

    def test_identity_names_the_mount_that_the_folder_is_on(self, tmp_path: Path) -> None:
        with connect(tmp_path) as connector:
            identity = connector.identity()
        assert os.path.ismount(identity.trait("mount_point"))
        assert os.path.realpath(tmp_path).startswith(identity.trait("mount_point"))
        assert identity.trait("host") in identity.device

    def test_two_folders_on_one_file_system_are_one_device(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        with connect(tmp_path / "a") as one, connect(tmp_path / "b") as two, connect(Path("/proc")) as other:
            assert one.identity().device == two.identity().device != other.identity().device

    @pytest.mark.program("mount", "umount")
    @pytest.mark.skipif(not ROOT, reason="mounting needs root")
    def test_a_read_only_mount_is_seen_and_its_absence_too(self, tmp_path: Path) -> None:
        point = tmp_path / "a place"
        point.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "drcheck-test", str(point)], check=True)
        try:
            (point / "object").write_bytes(b"x")
            with connect(point, mounted=True, file_system="tmpfs") as connector:
                assert connector.permissions().can_write is True
                assert reason(attempt(connector.protection)) is Reason.UNSUPPORTED
                writable = connector.identity().device
            subprocess.run(["mount", "-o", "remount,ro", str(point)], check=True)
            with connect(point, mounted=True, file_system="tmpfs") as connector:
                assert connector.protection().mode == "read-only"
                assert connector.protection("object").mode == "read-only"
                assert connector.permissions().can_write is False
                assert connector.permissions().can_delete is False
                assert connector.clock_skew() == 0.0
                identity = connector.identity()
                assert identity.device == writable
                assert (identity.trait("mount_point"), identity.trait("mount_source")) == (str(point), "drcheck-test")
                assert "ro" in identity.trait("mount_options").split(",")
            # A file that lies on another mount below a read-only root is not read-only by it.
        finally:
            subprocess.run(["umount", "--lazy", str(point)], check=True)
        with pytest.raises(Unreachable, match="nothing is mounted at"):
            connect(point, mounted=True).open()

    @pytest.mark.program("mount", "umount")
    @pytest.mark.skipif(not ROOT, reason="mounting needs root")
    def test_a_file_on_a_mount_below_a_read_only_root_is_judged_by_its_own_mount(self, tmp_path: Path) -> None:
        outer = tmp_path / "outer"
        outer.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "drcheck-test", str(outer)], check=True)
        try:
            (outer / "inner").mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "drcheck-test", str(outer / "inner")], check=True)
            try:
                (outer / "inner" / "object").write_bytes(b"x")
                subprocess.run(["mount", "-o", "remount,ro", str(outer)], check=True)
                with connect(outer) as connector:
                    assert connector.protection().mode == "read-only"
                    fact = attempt(lambda: connector.protection("inner/object"))
                    assert isinstance(fact, Unobserved) or fact.value.mode == "none"
            finally:
                subprocess.run(["umount", "--lazy", str(outer / "inner")], check=True)
        finally:
            subprocess.run(["umount", "--lazy", str(outer)], check=True)

    @pytest.mark.skipif(not ROOT or not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="a mount that hangs needs root and /dev/fuse")
    def test_a_mount_that_hangs_costs_its_own_deadline(self, tmp_path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        point = tmp_path / "stuck"
        point.mkdir()
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        try:
            told = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
            assert libc.mount(b"stuck", os.fsencode(point), b"fuse", 0, told) == 0, os.strerror(ctypes.get_errno())
            started = time.monotonic()
            ended = threading.Event()

            def job(deadline: Deadline) -> list[str]:
                try:
                    with LocalConnector(LocalOptions(root=point), secrets=resolve, deadline=deadline, calls=CallLog("stuck")) as connector:
                        return keys(connector)
                finally:
                    ended.set()

            results = dict(run_all({"stuck": job}, workers=1, seconds=0.5, run=Deadline(10)))
            assert isinstance(results["stuck"], Late)
            assert time.monotonic() - started < 2.5
            assert not ended.is_set()
        finally:
            os.close(device)  # ends the connection: whoever waits for it is answered with an error
            libc.umount2(os.fsencode(point), 2)
        assert ended.wait(10)


class TestProtection:
    """The flags of an inode."""

    @pytest.mark.program("chattr")
    @pytest.mark.skipif(not ROOT, reason="chattr +i needs root")
    @pytest.mark.parametrize(("flag", "mode"), [("i", "governance"), ("a", "append-only")])
    def test_flags_of_a_file(self, tmp_path: Path, flag: str, mode: str) -> None:
        (tmp_path / "object").write_bytes(b"x")
        (tmp_path / "other").write_bytes(b"x")
        done = subprocess.run(["chattr", f"+{flag}", str(tmp_path / "object")], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"this file system has no such flag: {done.stderr.decode().strip()}")
        try:
            with connect(tmp_path) as connector:
                assert connector.protection("object").mode == mode
                assert not connector.protection("object").immutable
                assert connector.protection("other").mode == "none"
                assert reason(attempt(connector.protection)) is Reason.UNSUPPORTED
        finally:
            subprocess.run(["chattr", f"-{flag}", str(tmp_path / "object")], check=True)

    @pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
    def test_a_file_system_without_flags_says_nothing(self) -> None:
        with connect(Path("/proc/self")) as connector:
            assert reason(attempt(lambda: connector.protection("status"))) is Reason.UNSUPPORTED


class TestPermissions:
    """What may be written, learnt without writing."""

    def test_an_unprivileged_reader_may_not_write(self, rig: LocalRig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/system/object", b"x")
        with rig._as_nobody(f"{folder}/system/object", 0o444), connect(rig.root / folder) as connector:
            seen = connector.permissions()
        assert seen.can_list is True
        assert seen.can_write is (not ROOT)

    @pytest.mark.skipif(not ROOT, reason="needs to become another user")
    def test_one_folder_that_may_be_written_is_found(self, rig: LocalRig) -> None:
        folder = rig.folder()
        for name in "abc":
            rig.put(f"{folder}/{name}/object", b"x")
        with rig._as_nobody(f"{folder}/b", 0o777), connect(rig.root / folder) as connector:
            assert connector.permissions().can_write is True

    @pytest.mark.skipif(not ROOT, reason="needs to become another user")
    def test_the_principal_is_who_we_are_in_effect(self, rig: LocalRig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with connect(rig.root) as connector:
            mine = connector.identity().principal
        with rig._as_nobody(folder, 0o755), connect(rig.root) as connector:
            assert connector.identity().principal != mine


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


class TestCalls:
    """Only what is allowed, and all of it told."""

    def test_a_call_that_is_not_allowed_is_refused_before_it_is_made(self, tmp_path: Path) -> None:
        calls = CallLog("test")
        with pytest.raises(Unsupported, match="local:open is not among the calls"):
            Tree(str(tmp_path), kind="local", allowed=frozenset({"local:lstat"}), deadline=Deadline(None), calls=calls)
        assert calls.counts() == ()

    def test_each_object_and_folder_is_told(self, tmp_path: Path) -> None:
        for name in ("a/one", "a/two", "b/three"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x" * 3_000_000)
        told: list[tuple[str, str]] = []
        calls = CallLog("test", lambda at, target, call, subject: told.append((call, subject)))
        with connect(tmp_path, calls=calls) as connector:
            for key in keys(connector):
                content(connector, key)
        assert [subject for call, subject in told if call == "local:scandir"] == ["", "a", "b"]
        assert [subject for call, subject in told if call == "local:read"] == in_key_order(["a/one", "a/two", "b/three"])
