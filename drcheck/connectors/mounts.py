"""
What a folder on this machine really stands on: the mount, and the disk below it.

Linux tells it in /proc/self/mountinfo (proc_pid_mountinfo(5)), /proc/self/fdinfo (the mount of an open file) and /sys/dev/block. Elsewhere nothing
is known here, and the functions answer None.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

_OCTAL = re.compile(rb"\\([0-7]{3})")
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "9p", "lustre", "gpfs", "beegfs", "virtiofs", "vboxsf", "prl_fs"})
_PROC = Path("/proc/self")
_BLOCK = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    id: int
    device: str
    """`major:minor` as `st_dev` has it for files there; the major is 0 where no block device is behind it."""
    point: str
    """Where it is mounted."""
    options: tuple[str, ...]
    """Options of this mount and of the file system together, such as `ro` or `vers=4.2`."""
    file_system: str
    """Its type, such as `ext4`, `nfs4` or `fuse.sshfs`."""
    source: str
    """What is mounted: `/dev/sda1`, `server:/export`, `//server/share`, the name of a pool."""
    read_only: bool
    """Whether this mount or the whole file system is read-only."""

    @property
    def remote(self) -> bool:
        """Whether another machine or a program keeps the files: its clock and its protection are not this machine's."""
        return self.file_system in _NETWORK or self.file_system == "fuse" or self.file_system.startswith("fuse.")

    @property
    def server(self) -> str:
        """The host name in the source of a network mount, in lower case; empty where there is none."""
        if self.file_system in ("cifs", "smb3", "smbfs"):
            return self.source.replace("\\", "/").lstrip("/").partition("/")[0].lower()
        host, colon, _ = self.source.partition(":/")
        return host.rpartition("@")[2].lower() if colon and self.remote else ""

    @property
    def place(self) -> str:
        """The source in a form that is equal for two mounts of one export or share; empty where the source does not name a place."""
        if self.file_system in ("nfs", "nfs4"):
            return f"nfs:{self.server}:{'/' + self.source.partition(':/')[2].strip('/')}" if self.server else ""
        if self.file_system in ("cifs", "smb3", "smbfs"):
            parts = self.source.replace("\\", "/").strip("/").lower().split("/")
            return f"smb://{'/'.join(parts[:2])}" if len(parts) > 1 else ""
        if self.remote:
            return f"{self.file_system}:{self.source}" if self.source not in ("", "none", self.file_system) else ""
        return ""

    @property
    def block_device(self) -> str:
        """`major:minor` of the block device that holds it; empty where there is none, or several, or it cannot be seen."""
        if not self.device.startswith("0:"):
            return self.device
        try:  # btrfs gives its files a device number of its own, and names the true device as the source
            found = os.stat(self.source) if self.source.startswith("/dev/") else None
        except OSError:
            return ""
        return f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}" if found is not None and stat.S_ISBLK(found.st_mode) else ""


def parse_mountinfo(content: bytes) -> tuple[Mount, ...]:
    """Every mount in the content of a mountinfo file; lines that are none are left out."""
    return tuple(mount for line in content.splitlines() if (mount := _mount(line)) is not None)


def mount_of(descriptor: int) -> Mount | None:
    """The mount that an open file or folder lies on, by the kernel's own answer and not by its path; None where it cannot be told."""
    try:
        told = re.search(rb"^mnt_id:\s*(\d+)", (_PROC / "fdinfo" / str(descriptor)).read_bytes(), re.MULTILINE)
        mounts = parse_mountinfo((_PROC / "mountinfo").read_bytes())
    except OSError:
        return None
    return next((mount for mount in mounts if told and mount.id == int(told[1])), None)


def path_of(descriptor: int) -> str | None:
    """The path of an open file or folder without symbolic links, as the kernel knows it; None where it cannot be told."""
    try:
        return os.readlink(_PROC / "fd" / str(descriptor))
    except OSError:
        return None


def disk(device: str, block: Path = _BLOCK) -> str:
    """
    The `major:minor` of the whole disk below a block device: the disk of a partition, the one device below a mapping.

    A device that rests on several, or of which nothing is known, is its own disk.
    """
    for _ in range(16):
        below = _below(device, block)
        if len(below) != 1:
            break
        device = below[0]
    return device


def encrypted(device: str, block: Path = _BLOCK) -> bool:
    """Whether everything below a block device passes through dm-crypt; False also where it cannot be told."""
    return _encrypted(device, block, 16)


def _encrypted(device: str, block: Path, depth: int) -> bool:
    try:
        if (block / device / "dm" / "uuid").read_bytes().startswith(b"CRYPT-"):
            return True
    except OSError:
        pass  # no mapping, or none that tells: what is below decides
    below = _below(device, block) if device else []
    return depth > 0 and bool(below) and all(_encrypted(lower, block, depth - 1) for lower in below)


def _below(device: str, block: Path) -> list[str]:
    """The devices that a block device directly rests on; empty where it is a disk or nothing is known."""
    place = block / device
    try:
        if (place / "partition").exists():
            return [(place.resolve().parent / "dev").read_text(encoding="ascii").strip()]
        return sorted((lower / "dev").read_text(encoding="ascii").strip() for lower in (place / "slaves").iterdir())
    except (OSError, ValueError):
        return []


def _mount(line: bytes) -> Mount | None:
    fields, dash, rest = line.partition(b" - ")
    before, after = fields.split(b" "), rest.split(b" ")
    if not dash or len(before) < 6 or len(after) < 2 or not before[0].isdigit() or len(before[0]) > 18:
        return None
    own, whole = _text(before[5]).split(","), _text(after[2]).split(",") if len(after) > 2 else []
    return Mount(
        id=int(before[0]),
        device=_text(before[2]),
        point=_text(before[4]),
        options=tuple(dict.fromkeys([*own, *(option for option in whole if option and option not in ("rw", "ro"))])),
        file_system=_text(after[0]),
        source=_text(after[1]),
        read_only="ro" in own or "ro" in whole,
    )


def _text(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field))
