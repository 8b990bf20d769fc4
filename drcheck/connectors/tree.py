"""
Files below one folder of this machine, and nothing else.

Every key is walked from the root's descriptor part by part, and no part may be a symbolic link: whatever happens in the folder meanwhile, nothing
outside it is opened. A file is looked at before it is opened, so that pipes and devices never are, and neither they nor a lease can make us wait.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Entry
from drcheck.connectors.local_names import in_order
from drcheck.connectors.open_flags import BELOW, FOLDER, NOATIME, PASS
from drcheck.errors import AccessDenied, ConnectorError, InProgress, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import printable

log = logging.getLogger(__name__)

SUPPORTED = os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this system can open files below a folder without following links."""

_AT_ONCE = 64
"""Names that are looked at between two looks at the clock."""

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_BUSY = frozenset({errno.EAGAIN, errno.ETXTBSY})


class Tree:
    """
    The open root of a folder, and read-only questions about what lies below it. Each call is recorded as `<kind>:<call>`.

    Attributes:
        root: the descriptor of the root.
    """

    def __init__(self, root: str, *, kind: str, allowed: frozenset[str], deadline: Deadline, calls: CallLog) -> None:
        """Opens `root`, which may be a symbolic link itself. Raises `NotThere` where it is no folder, `AccessDenied` where we may not."""
        self._kind = kind
        self._allowed = allowed
        self._deadline = deadline
        self._calls = calls
        self._path = root
        with self.call("open", root):
            self.root = os.open(root, PASS)

    def close(self) -> None:
        """Let go of the root; safe to call twice."""
        if self.root >= 0:
            os.close(self.root)
            self.root = -1

    def call(self, name: str, subject: str) -> _Call:
        """Within it, the one system call `name` is made about `subject`: refused unless allowed, recorded, its `OSError` made a `ConnectorError`."""
        self._deadline.check()
        self.insist_on_allowed(name)
        self._calls.record(f"{self._kind}:{name}", subject)
        return _Call(subject)

    def insist_on_allowed(self, name: str) -> None:
        """Raises `Unsupported` for a call that this connector may not make."""
        if f"{self._kind}:{name}" not in self._allowed:
            raise Unsupported(f"{self._kind}:{name} is not among the calls that this connector may make")

    def look(self, key: str) -> os.stat_result:
        """What lies at `key` (a link itself, not where it leads). Raises `NotThere`."""
        *above, name = _parts(key)
        with self._passing(above, key) as folder, self.call("lstat", key):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def entry(self, key: str) -> Entry:
        """The entry of the file at `key`. Raises `NotThere` for nothing and for a folder, `Unsupported` for a link or special file."""
        with self._answering():
            return _entry(key, _file(self.look(key), key))

    def open_file(self, key: str) -> tuple[int, os.stat_result]:
        """A descriptor, to be closed by the caller, of the file at `key`, and its attributes as it was opened. Raises as `entry` does."""
        *above, name = _parts(key)
        with self._answering(), self._passing(above, key) as folder:
            with self.call("lstat", key):
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
            _file(seen, key)
            descriptor = self._open(name, folder, key, 0)
        try:
            with _Call(key):
                found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise InProgress(f"{printable(key)}: was replaced by something that is no file while it was being opened")
        except ConnectorError:
            os.close(descriptor)
            raise
        return descriptor, found

    def open_folder(self, key: str) -> int:
        """A descriptor, to be closed by the caller, of the folder at `key` (empty: the root), good for listing. Raises `NotThere`."""
        if not key:
            return self._open(b".", self.root, key, FOLDER)
        *above, name = _parts(key)
        with self._passing(above, key) as folder:
            return self._open(name, folder, key, FOLDER)

    def walk(self, prefix: str) -> Iterator[Entry]:
        """
        Every file at or below `prefix` in key order; nothing where nothing is there. Raises `Unsupported` for a prefix that is a link or leads
        through one: what lies there was not looked at, so nothing may be concluded; and `Unreachable`, at the end, for a root that went away.
        """
        yield from self._found(prefix)
        self._insist_on_the_root()

    def _found(self, prefix: str) -> Iterator[Entry]:
        try:
            found = self.look(prefix) if prefix else None
            if found is not None and not stat.S_ISDIR(found.st_mode):
                yield _entry(prefix, _file(found, prefix))
                return
            descriptor = self.open_folder(prefix)
        except NotThere:
            return
        left_out = _LeftOut()
        yield from self._below(descriptor, prefix, left_out)
        if left_out.count:
            log.info("%s: %d links and special files were left out of the listing of %r", self._calls.target, left_out.count, prefix)

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Within it, `NotThere` is said only by a root that is still in its place."""
        try:
            yield
        except NotThere:
            self._insist_on_the_root()
            raise

    def _insist_on_the_root(self) -> None:
        """Raises `Unreachable` where the root was removed, unmounted or replaced: what is open then looks empty, and means nothing."""
        try:
            with self.call("stat", ""):
                same = os.path.samestat(os.stat(self._path), os.fstat(self.root))
        except NotThere:
            same = False
        if not same:
            raise Unreachable(f"{printable(self._path)}: was removed, unmounted or replaced while it was being looked at")

    def _below(self, descriptor: int, prefix: str, left_out: _LeftOut) -> Iterator[Entry]:
        # Open folders are kept on a stack of our own: trees can be deeper than Python recurses.
        stack: list[tuple[int, str, Iterator[bytes]]] = [(descriptor, "", iter(()))]
        self.insist_on_allowed("lstat")
        try:
            stack[0] = (descriptor, prefix and f"{prefix}/", self._names(descriptor, prefix, left_out))
            while stack:
                folder, above, names = stack[-1]
                self._deadline.check()
                files, below = _next(names)
                if files:
                    yield from self._files(files, folder, above, left_out)
                if below:
                    key = above + _text(below)
                    try:
                        if (opened := self._folder(below, folder, key, left_out)) is not None:
                            stack.append((opened, f"{key}/", iter(())))
                            stack[-1] = (opened, f"{key}/", self._names(opened, key, left_out))
                    except NotThere:
                        continue  # it went away after the folder above was listed: it is not there
                elif not files:
                    stack.pop()
                    os.close(folder)
        finally:
            for folder, _, _ in stack:
                os.close(folder)

    def _names(self, folder: int, key: str, left_out: _LeftOut) -> Iterator[bytes]:
        """The names in an open folder, in order. A folder's ends with `/`, which puts whole keys in order: `a-b`, `a.txt`, `a/b`, `a0`."""
        with self.call("scandir", key), os.scandir(folder) as entries:
            return in_order(self._listed(entries, left_out))

    def _listed(self, entries: Iterator[os.DirEntry[str]], left_out: _LeftOut) -> Iterator[bytes]:
        while some := list(islice(entries, _AT_ONCE)):
            self._deadline.check()
            for entry in some:
                if entry.is_file(follow_symlinks=False):
                    yield os.fsencode(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    yield os.fsencode(entry.name) + b"/"
                else:
                    left_out.count += 1

    def _files(self, names: list[bytes], folder: int, above: str, left_out: _LeftOut) -> list[Entry]:
        """The entries of some files in an open folder, without those that went away meanwhile. Done for every object that there is."""
        found = []
        looked = 0
        try:
            for name in names:
                looked += 1
                try:
                    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except OSError as error:
                    if error.errno in _NOT_THERE:
                        continue
                    raise translated(error, above + _text(name)) from error
                if stat.S_ISREG(seen.st_mode):
                    found.append(_entry(above + name.decode("utf-8", "surrogateescape"), seen))
                elif stat.S_ISDIR(seen.st_mode):
                    raise _changed_places(above + _text(name))
                else:
                    left_out.count += 1
        finally:
            first = above + _text(names[0])
            self._calls.record(f"{self._kind}:lstat", first if looked == 1 else f"{first} and {looked - 1} more", looked)
        return found

    def _folder(self, name: bytes, folder: int, key: str, left_out: _LeftOut) -> int | None:
        """The descriptor of a folder that was listed; None where something that is left out has taken its place."""
        with self.call("lstat", key):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            raise _changed_places(key)
        if not stat.S_ISDIR(found.st_mode):
            left_out.count += 1
            return None
        return self._open(name, folder, key, FOLDER)

    @contextlib.contextmanager
    def _passing(self, above: list[bytes], key: str) -> Iterator[int]:
        """The descriptor of the folder that the parts lead to, for looking and opening below it."""
        folder = self.root
        try:
            for part in above:
                below = self._open(part, folder, key, PASS)
                if folder != self.root:
                    os.close(folder)
                folder = below
            yield folder
        finally:
            if folder != self.root:
                os.close(folder)

    def _open(self, name: bytes, folder: int, key: str, flags: int) -> int:
        flags |= BELOW
        try:
            with self.call("open", key):
                try:
                    return os.open(name, flags | (0 if flags & PASS == PASS else NOATIME), dir_fd=folder)
                except OSError as error:
                    if error.errno != errno.EPERM:
                        raise
                    # ONOATIME is for the owner only (open(2)); a second refusal is the true one.
                    return os.open(name, flags, dir_fd=folder)
        except (NotThere, Unsupported):
            with self.call("lstat", key):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                raise Unsupported(f"{printable(key)}: is or leads through a symbolic link, which is never followed") from None
            raise


class _Call:
    """The context of one system call."""

    __slots__ = ("_subject",)

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise translated(error, self._subject) from error


class _LeftOut:
    """How many links and special files a listing left out."""

    count = 0


def translated(error: OSError, subject: str) -> ConnectorError:
    """The connector's error for what the operating system answered about `subject`."""
    text = f"{printable(subject) or 'the root'}: {error.strerror or error}"
    if error.errno in _NOT_THERE:
        return NotThere(text)
    if error.errno in _DENIED:
        return AccessDenied(text)
    if error.errno == errno.ELOOP:
        return Unsupported(f"{text}: symbolic links are never followed")
    if error.errno in _BUSY:
        return InProgress(f"{text}: another program holds it")
    if error.errno == errno.ETIMEDOUT:
        return TimedOut(text)
    return Unreachable(text)


def _parts(key: str) -> list[bytes]:
    """The names that a key consists of. Raises `Unsupported` for a key that no file below a folder can have."""
    try:
        parts = key.encode("utf-8", "surrogateescape").split(b"/")
    except UnicodeEncodeError:
        raise Unsupported(f"{printable(key)}: is not a name that a file can have") from None
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise Unsupported(f"{key!r}: is not a path below the root: no part of it may be empty, '.' or '..'")
    return parts


def _file(found: os.stat_result, key: str) -> os.stat_result:
    if stat.S_ISREG(found.st_mode):
        return found
    if stat.S_ISDIR(found.st_mode):
        raise NotThere(f"{printable(key)}: is a folder, not a file")
    if stat.S_ISLNK(found.st_mode):
        raise Unsupported(f"{printable(key)}: is a symbolic link, which is never followed")
    raise Unsupported(f"{printable(key)}: is a pipe, socket or device, which is never opened")


def _next(names: Iterator[bytes]) -> tuple[list[bytes], bytes]:
    """The next files of a folder, not too many, and the folder that follows them; empty where none does."""
    files: list[bytes] = []
    for name in names:
        if name.endswith(b"/"):
            return files, name[:-1]
        files.append(name)
        if len(files) == _AT_ONCE:
            break
    return files, b""


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _changed_places(key: str) -> InProgress:
    return InProgress(f"{printable(key)}: a file and a folder changed places while they were being listed")


def _entry(key: str, found: os.stat_result) -> Entry:
    changed, size = found.st_mtime_ns, found.st_size
    try:
        # A float tells microseconds apart until the year 2242, and takes half as long as adding to an epoch.
        modified = datetime.fromtimestamp(changed // 1000 / 1e6, UTC)
    except (OverflowError, ValueError, OSError):
        modified = None  # a time that no calendar has; formats say that it is unknown
    # A further name changes the time of change of all: where snapshots share files by hard links, every file would change every night.
    touched = found.st_ctime_ns if found.st_nlink == 1 else 0
    version = "%x-%x-%x-%x" % (found.st_ino, size, changed, touched)  # noqa: UP031 - half the time of the others
    return Entry(key, size, modified, version)
