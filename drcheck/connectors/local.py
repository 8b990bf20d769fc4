"""A folder on this machine: a disk, an NFS or SMB mount. See docs/connectors/local.md."""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import ClassVar

from pydantic import StrictBool

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry, Options
from drcheck.connectors.local_pool import LITTLE, Pool, few
from drcheck.connectors.mounts import Mount, disk, encrypted, mount_of, path_of
from drcheck.connectors.page_cache import PageCache
from drcheck.connectors.tree import SUPPORTED, Tree
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, InProgress, NotThere, Unreachable, Unsupported
from drcheck.estate.fields import EstatePath
from drcheck.model import Encryption, Identity, Permissions, Protection, printable
from drcheck.secrets import SecretResolver

_CHUNK = 1 << 20
_SAMPLE = 1_000
_IMMUTABLE, _APPEND = 0x10, 0x20  # FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h


class LocalOptions(Options):
    """How to reach a folder on this machine."""

    root: EstatePath
    """The folder; a relative path is relative to the estate file."""
    mounted: StrictBool = False
    """Whether something must be mounted exactly at `root`: then an empty mount folder is unreachable, never an empty backup."""
    file_system: str = ""
    """The type that it must have, such as `nfs4`; empty means any."""


class LocalConnector(Connector):
    """Read-only access to a folder on this machine."""

    kind: ClassVar[str] = "local"
    options_class: ClassVar[type[Options]] = LocalOptions
    allowed_calls: ClassVar[frozenset[str]] = frozenset(
        f"local:{call}" for call in ("open", "scandir", "stat", "lstat", "read", "ioctl", "access", "statvfs", "mountinfo")
    )

    def __init__(self, options: Options, *, secrets: SecretResolver, deadline: Deadline, calls: CallLog) -> None:
        super().__init__(options, secrets=secrets, deadline=deadline, calls=calls)
        if not isinstance(options, LocalOptions):
            raise TypeError(f"a local connector takes LocalOptions, not {type(options).__name__}")
        self._wanted = options
        self._opened: Tree | None = None
        self._mount: Mount | None = None
        self._pools: list[Pool] = []

    @classmethod
    def address(cls, options: Mapping[str, object]) -> str:
        return str(options.get("root", cls.kind))

    def open(self) -> None:
        self.close()
        self.deadline.check()
        if not SUPPORTED:
            raise Unsupported("this system cannot open files below a folder without following links; reach the place by sftp or s3 instead")
        root = str(self._wanted.root)
        try:
            self._opened = Tree(root, kind=self.kind, allowed=self.allowed_calls, deadline=self.deadline, calls=self.calls)
        except NotThere as error:
            raise Unreachable(f"{printable(root)}: is not there, or is not a folder") from error
        self._mount = self._mount_of(self._tree.root, "")
        self._insist_on_the_mount(root)

    def close(self) -> None:
        for pool in self._pools:
            pool.close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self._tree.walk(prefix.removesuffix("/"))

    def stat(self, key: str) -> Entry:
        return self._tree.entry(key)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if start < 0 or (length is not None and length < 0):
            raise ValueError("a range begins at 0 or later and is not shorter than nothing")
        descriptor, before = self._tree.open_file(key)
        try:
            cache = PageCache(descriptor, before.st_size if start == 0 and length is None else 0)
            end = before.st_size if length is None else min(before.st_size, start + length)
            reading = self._tree.call("read", key)  # recorded once for the object, entered for each chunk
            pace, held, portion = self.pace, self.pace.limit is not None, self.pace.portion(_CHUNK)
            while start < end:
                self.deadline.check()
                wanted = min(portion, end - start)
                if held:
                    pace.hold(wanted, self.deadline)
                with reading:
                    chunk = os.pread(descriptor, wanted, start)
                pace.add(len(chunk))
                if not chunk:
                    raise InProgress(f"{printable(key)}: ended after {start} of {before.st_size} bytes: it was cut short while it was being read")
                start += len(chunk)
                cache.passed(start)
                yield chunk
            with reading:
                after = os.fstat(descriptor)
            # Not the change time: a new hard link or mode changes it, and the content stays.
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise InProgress(f"{printable(key)}: changed while it was being read")
        finally:
            os.close(descriptor)

    def digests(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        if type(self).read is not LocalConnector.read:
            yield from super().digests(wanted)  # whoever reads in a way of their own keeps it
            return
        following = iter(wanted)
        # What is drawn is read, even if the run is interrupted meanwhile: where a rate is set, so much that it soon is.
        drawn, everything = few(following, self.pace.portion(LITTLE, 1.0))
        if everything:
            yield from super().digests(drawn)
            return
        for call in ("open", "lstat", "read"):
            self._tree.insist_on_allowed(call)
        with Pool(self._tree.root, deadline=self.deadline, calls=self.calls, kind=self.kind, pace=self.pace) as pool:
            self._pools.append(pool)
            try:
                for (entry, algorithms), answer in pool.answers(chain(drawn, following)):
                    if answer is None:
                        yield from super().digests([(entry, algorithms)])
                    else:
                        yield entry, answer
            finally:
                self._pools.remove(pool)

    def identity(self) -> Identity:
        host = platform.node()
        root = path_of(self._tree.root) or str(self._wanted.root)
        traits = [("host", host), ("root", root)]
        if self._mount is not None:
            traits += [
                ("mount_point", self._mount.point),
                ("mount_source", self._mount.source),
                ("mount_options", ",".join(self._mount.options)),
                ("file_system", self._mount.file_system),
                ("server", self._mount.server),
            ]
        return Identity(_principal(), self._device(host), tuple((name, value) for name, value in traits if value))

    def protection(self, key: str | None = None) -> Protection:
        flags = None
        if key is None:
            read_only = self._read_only(self._mount, self._tree.root)
        else:
            descriptor, _ = self._tree.open_file(key)
            try:
                # Not the root's mount: something else can be mounted below it.
                read_only = self._read_only(self._mount_of(descriptor, key), descriptor)
                flags = self._flags(descriptor, key)
            finally:
                os.close(descriptor)
        if flags is not None and flags & _IMMUTABLE:
            return Protection("governance", detail="the inode's immutable flag (chattr +i), which root can lift")
        if flags is not None and flags & _APPEND:
            return Protection("append-only", detail="the inode's append-only flag (chattr +a), which root can lift")
        if read_only:
            return Protection("read-only", detail="mounted read-only on this machine; whoever else reaches the storage may write")
        if flags is not None:
            return Protection("none", detail="the inode has neither the immutable nor the append-only flag")
        raise Unsupported("a folder cannot say whether its storage keeps it from being changed")

    def encryption(self) -> Encryption:
        if self._mount is not None and not self._mount.remote and encrypted(self._mount.block_device):
            return Encryption(at_rest="dm-crypt", in_transit="")
        raise Unsupported("a folder can be seen to be encrypted only where all of it lies on dm-crypt; here it does not, or it cannot be seen")

    def permissions(self) -> Permissions:
        can_list = self._may(".", os.R_OK | os.X_OK, self._tree.root, "")
        if self._read_only(self._mount, self._tree.root):
            return Permissions(can_list, None, False, False, "the folder is mounted read-only here")
        writable, asked = self._may(".", os.W_OK | os.X_OK, self._tree.root, ""), 0
        if not writable and can_list:
            descriptor = self._tree.open_folder("")
            try:
                with self._tree.call("scandir", ""), os.scandir(descriptor) as entries:
                    names = [entry.name for entry, _ in zip(entries, range(_SAMPLE), strict=False) if not entry.is_symlink()]
                asked = len(names)
                writable = any(self._may(name, os.W_OK, descriptor, name) for name in names)
            finally:
                os.close(descriptor)
        how = f"asked the system about the root and {asked} entries directly below it (access(2)); nothing was written"
        return Permissions(can_list, None, writable, writable, how)

    def clock_skew(self) -> float:
        if self._mount is None or self._mount.remote:
            raise Unsupported("the folder may be kept by another machine, whose time it does not tell")
        return 0.0  # its times are this machine's own

    @property
    def _tree(self) -> Tree:
        if self._opened is None:
            raise RuntimeError("the connector is used before `open` or after `close`")
        return self._opened

    def _insist_on_the_mount(self, root: str) -> None:
        mount = self._mount
        if self._wanted.mounted:
            at_point = os.path.ismount(root) if mount is None else path_of(self._tree.root) == mount.point and mount.file_system != "autofs"
            if not at_point:
                raise Unreachable(f"nothing is mounted at {printable(root)}; mount the storage there, and look again")
        expected = self._wanted.file_system
        if expected and mount is None:
            raise Unreachable(f"{printable(root)}: should be {expected}, and this system does not tell what it is; take `file_system` out")
        if expected and mount is not None and mount.file_system != expected:
            raise Unreachable(f"{printable(root)}: should be {expected}, and is {mount.file_system}; is the storage mounted?")

    def _mount_of(self, descriptor: int, key: str) -> Mount | None:
        with self._tree.call("mountinfo", key):
            return mount_of(descriptor)

    def _read_only(self, mount: Mount | None, descriptor: int) -> bool:
        if mount is not None:
            return mount.read_only
        with self._tree.call("statvfs", ""):
            return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)

    def _flags(self, descriptor: int, key: str) -> int | None:
        """The inode's flags (ioctl_iflags(2)); None where the system or the file system has none."""
        try:
            import fcntl
        except ImportError:
            return None
        try:
            with self._tree.call("ioctl", key):
                # The request's number says `long`, yet the kernel writes an `int`.
                return int(struct.unpack_from("=I", fcntl.ioctl(descriptor, _get_flags_request(), bytes(8)))[0])
        except Unreachable:
            return None  # ENOTTY or EOPNOTSUPP: this file system knows no such flags

    def _may(self, name: str, mode: int, folder: int, key: str) -> bool:
        with self._tree.call("access", key):
            return os.access(name, mode, dir_fd=folder, effective_ids=os.access in os.supports_effective_ids)

    def _device(self, host: str) -> str:
        mount = self._mount
        if mount is None:
            return f"{host}:dev-{os.fstat(self._tree.root).st_dev}"
        if mount.remote:
            return mount.place
        if mount.file_system == "zfs":
            return f"{host}:zfs-{mount.source.partition('/')[0]}"
        return f"{host}:disk-{disk(mount.block_device)}" if mount.block_device else f"{host}:dev-{mount.device}"


def _principal() -> str:
    import pwd

    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _get_flags_request() -> int:
    """FS_IOC_GETFLAGS, which is _IOR('f', 1, long): the direction's bits differ on a few processors (asm/ioctl.h)."""
    reading = 0x40000000 if platform.machine().lower().startswith(("ppc", "powerpc", "mips", "sparc", "alpha", "parisc")) else 0x80000000
    return reading | struct.calcsize("l") << 16 | ord("f") << 8 | 1
