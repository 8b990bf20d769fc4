"""The local connector: the contract on a real folder, mounts, protection and permissions."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Options, attempt
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.connectors.tree import Tree
from drcheck.errors import Unreachable, Unsupported
from drcheck.model import Reason, Unobserved
from drcheck.secrets import resolve
from drcheck.workers import Late, run_all
from tests.busy import BUSY
from tests.connectors.contract import ConnectorContract, content, in_key_order, keys, reason
from tests.connectors.local_rig import ROOT, LocalRig, connect, local_rig


@pytest.fixture(scope="module")
def rig() -> Iterator[LocalRig]:
    with local_rig() as rig:
        yield rig


class TestLocalContract(ConnectorContract):
    """A folder passes the contract."""

    cannot: ClassVar = {
        "test_a_key_that_is_an_object_and_a_folder_is_both": "a name in a folder is a file or a folder",
        "test_an_archived_object_is_listed_and_not_read": "a folder has no storage classes",
        "test_wrong_credentials_are_denied": "a folder takes no credentials; refusal is by its mode",
        "test_unresolvable_credentials_are_no_credentials": "a folder takes no credentials",
        "test_another_place_than_the_pinned_one_is_untrusted": "what is pinned is the mount: see TestMounted",
        "test_a_place_that_hangs_times_out": "a folder hangs in the kernel: see test_a_mount_that_hangs_costs_its_own_deadline",
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

    def test_the_address_is_the_folder(self) -> None:
        assert LocalConnector.address({"root": "/srv/backups", "mounted": True}) == "/srv/backups"
        assert LocalConnector.address({}) == "local"

    def test_other_options_than_its_own_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError, match="rooot"):
            LocalOptions.model_validate({"root": str(tmp_path), "rooot": "x"})
        with pytest.raises(TypeError, match="LocalOptions"):
            LocalConnector(Options(), secrets=resolve, deadline=Deadline(1), calls=CallLog("test"))

    def test_a_relative_root_is_relative_to_the_estate(self, tmp_path: Path) -> None:
        (tmp_path / "backups").mkdir()
        (tmp_path / "backups" / "object").write_bytes(b"x")
        options = LocalOptions.model_validate({"root": "backups"}, context={"base": tmp_path})
        with LocalConnector(options, secrets=resolve, deadline=Deadline(5), calls=CallLog("test")) as connector:
            assert keys(connector) == ["object"]

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
            assert time.monotonic() - started < 0.5 + BUSY
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
        with rig.as_nobody(f"{folder}/system/object", 0o444), connect(rig.root / folder) as connector:
            seen = connector.permissions()
        assert seen.can_list is True
        assert seen.can_write is (not ROOT)

    @pytest.mark.skipif(not ROOT, reason="needs to become another user")
    def test_one_folder_that_may_be_written_is_found(self, rig: LocalRig) -> None:
        folder = rig.folder()
        for name in "abc":
            rig.put(f"{folder}/{name}/object", b"x")
        with rig.as_nobody(f"{folder}/b", 0o777), connect(rig.root / folder) as connector:
            assert connector.permissions().can_write is True

    @pytest.mark.skipif(not ROOT, reason="needs to become another user")
    def test_the_principal_is_who_we_are_in_effect(self, rig: LocalRig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with connect(rig.root) as connector:
            mine = connector.identity().principal
        with rig.as_nobody(folder, 0o755), connect(rig.root) as connector:
            assert connector.identity().principal != mine


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
        calls = CallLog("test", lambda at, target, call, subject, times: told.extend([(call, subject)] * times))
        with connect(tmp_path, calls=calls) as connector:
            for key in keys(connector):
                content(connector, key)
        assert [subject for call, subject in told if call == "local:scandir"] == ["", "a", "b"]
        assert [subject for call, subject in told if call == "local:read"] == in_key_order(["a/one", "a/two", "b/three"])
