"""What a folder stands on: mounts, and the disks below them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.connectors.mounts import Mount, disk, encrypted, mount_of, parse_mountinfo, path_of


def mount(file_system: str, source: str, options: str = "rw", whole: str = "rw") -> Mount:
    line = f"36 35 98:0 /mnt1 /mnt2 {options} master:1 - {file_system} {source} {whole}"
    (found,) = parse_mountinfo(line.encode())
    return found


def test_the_line_in_the_manual_page_of_mountinfo() -> None:
    (found,) = parse_mountinfo(b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")
    assert found == Mount(36, "98:0", "/mnt2", ("rw", "noatime", "errors=continue"), "ext3", "/dev/root", False)


def test_lines_without_and_with_several_optional_fields() -> None:
    found = parse_mountinfo(
        b"1 0 0:1 / / rw - tmpfs none rw\n2 1 0:2 / /a ro shared:1 master:2 - tmpfs none rw\n3 1 0:3 / /b rw - ext4 /dev/sda1 ro\n"
    )
    assert [(each.point, each.read_only) for each in found] == [("/", False), ("/a", True), ("/b", True)]


def test_escaped_names() -> None:
    (found,) = parse_mountinfo(b"1 0 0:1 / /a\\040place\\134\\011\\012\\377 rw - cifs //server/a\\040share rw\n")
    assert found.point == os.fsdecode(b"/a place\\\t\n\xff")
    assert found.source == "//server/a share"


@given(st.binary() | st.lists(st.sampled_from([b"1", b"0:1", b"/", b"rw", b"-", b"\\777", b"tmpfs", b"ro"])).map(b" ".join))
def test_no_content_makes_it_fail(content: bytes) -> None:
    for found in parse_mountinfo(content):
        assert isinstance(found.place + found.server + found.source, str)


@pytest.mark.parametrize(
    ("file_system", "source", "remote", "server", "place"),
    [
        ("ext4", "/dev/sda1", False, "", ""),
        ("nfs4", "NAS.example:/export/a/", True, "nas.example", "nfs:nas.example:/export/a"),
        ("nfs", "nas.example:/", True, "nas.example", "nfs:nas.example:/"),
        ("nfs4", "[fe80::1]:/export", True, "[fe80::1]", "nfs:[fe80::1]:/export"),
        ("cifs", "//Server/Share/below", True, "server", "smb://server/share"),
        ("cifs", "\\134\\134server\\134share", True, "server", "smb://server/share"),
        ("fuse.sshfs", "user@host:/srv", True, "host", "fuse.sshfs:user@host:/srv"),
        ("fuse.sshfs", "sshfs", True, "", "fuse.sshfs:sshfs"),
        ("fuse", "none", True, "", ""),
        ("fuse.rclone", "fuse.rclone", True, "", ""),
        ("fuseblk", "/dev/sdb1", False, "", ""),
        ("9p", "share", True, "", "9p:share"),
        ("nfs4", "nas:/export:/odd", True, "nas", "nfs:nas:/export:/odd"),
        ("nfs4", "odd", True, "", ""),
        ("cifs", "odd", True, "odd", ""),
    ],
)
def test_network_mounts(file_system: str, source: str, remote: bool, server: str, place: str) -> None:
    found = mount(file_system, source)
    assert (found.remote, found.server, found.place) == (remote, server, place)


class Disks:
    """A folder laid out as /sys/dev/block is: links into a tree of devices."""

    def __init__(self, root: Path) -> None:
        self.block, self.devices = root / "block", root / "devices"
        self.block.mkdir()

    def add(self, number: str, *, below: tuple[str, ...] = (), uuid: str = "", partition_of: str = "") -> None:
        folder = ((self.block / partition_of).resolve() if partition_of else self.devices) / number.replace(":", "-")
        (folder / "slaves").mkdir(parents=True)
        (folder / "dev").write_text(f"{number}\n")
        if partition_of:
            (folder / "partition").write_text("1\n")
            (folder / "slaves").rmdir()
        if uuid:
            (folder / "dm").mkdir()
            (folder / "dm" / "uuid").write_text(f"{uuid}\n")
        for lower in below:
            (folder / "slaves" / lower.replace(":", "-")).symlink_to((self.block / lower).resolve())
        (self.block / number).symlink_to(folder)


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    """Two disks; two partitions of the first; LUKS on one of them; volumes on top."""
    disks = Disks(tmp_path)
    disks.add("8:0")
    disks.add("8:16")
    disks.add("8:1", partition_of="8:0")
    disks.add("8:2", partition_of="8:0")
    disks.add("253:0", below=("8:1",), uuid="CRYPT-LUKS2-0123-name")
    disks.add("253:1", below=("253:0",), uuid="LVM-abc")
    disks.add("253:2", below=("8:2", "8:16"), uuid="LVM-def")
    disks.add("253:3", below=("253:0", "8:16"), uuid="LVM-ghi")
    disks.add("253:4", below=("8:16",), uuid="CRYPT-PLAIN-name")
    disks.add("9:0", below=("253:0", "253:4"))
    return disks


@pytest.mark.parametrize(
    ("device", "whole", "crypt"),
    [
        ("8:0", "8:0", False),
        ("8:1", "8:0", False),
        ("8:2", "8:0", False),
        ("253:0", "8:0", True),
        ("253:1", "8:0", True),
        ("253:2", "253:2", False),
        ("253:3", "253:3", False),
        ("9:0", "9:0", True),
        ("7:7", "7:7", False),
        ("", "", False),
    ],
)
def test_disks_and_encryption_below_a_device(disks: Disks, device: str, whole: str, crypt: bool) -> None:
    assert disk(device, disks.block) == whole
    assert encrypted(device, disks.block) is crypt


def test_a_device_that_rests_on_itself_ends(tmp_path: Path) -> None:
    disks = Disks(tmp_path)
    disks.add("1:1")
    (disks.block / "1:1" / "slaves" / "self").symlink_to((disks.block / "1:1").resolve())
    assert disk("1:1", disks.block) == "1:1"
    assert encrypted("1:1", disks.block) is False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_mount_of_an_open_folder_is_the_kernels_answer(tmp_path: Path) -> None:
    for folder in (tmp_path, Path("/proc"), Path("/dev/shm")):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            found = mount_of(descriptor)
            assert found is not None
            assert os.path.ismount(found.point)
            assert path_of(descriptor) == os.path.realpath(folder)
            assert os.path.realpath(folder).startswith(found.point)
            device = os.fstat(descriptor).st_dev
            assert found.file_system == "btrfs" or found.device == f"{os.major(device)}:{os.minor(device)}"
        finally:
            os.close(descriptor)


def test_what_is_not_open_has_no_mount_and_no_path() -> None:
    assert mount_of(999_999) is None
    assert path_of(999_999) is None
