"""
Files below one folder of an SFTP server, and nothing else: keys become paths, no symbolic link is followed, folders are listed in key order.

A server follows links by itself when it opens a path, so every part of a path is looked at before it is used. Whoever can swap a folder for a
link on the server between the two could as well swap its content.
"""

from __future__ import annotations

import logging
import stat
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from drcheck.clock import Deadline, now
from drcheck.connectors.base import Entry
from drcheck.connectors.sftp_answers import Attributes, ServerFailure
from drcheck.connectors.sftp_session import ReadOnlySession
from drcheck.errors import AccessDenied, ConnectorError, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import printable
from drcheck.pace import Pace

log = logging.getLogger(__name__)

_PACKED = struct.Struct(">qq")
_NO_TIME = -1


class SftpTree:
    """
    A folder of a server and read-only questions about what lies below it.

    Attributes:
        root: its real path there.
        file_system: the number of its file system; 0 where the server does not tell.
    """

    def __init__(self, session: ReadOnlySession, root: str, deadline: Deadline) -> None:
        """Raises `Unreachable` where there is no such folder; `root` itself may be a symbolic link."""
        self._session = session
        self._deadline = deadline
        try:
            self.root = session.real_path(root.encode("utf-8"))
            (found,) = session.look([self.root])
        except NotThere as error:
            raise Unreachable(f"{printable(root)}: is not there on the server") from error
        if found is None or not found.folder:
            raise Unreachable(f"{printable(root)}: is not there on the server, or is not a folder")
        self.file_system = self._file_system_id()

    def path(self, key: str) -> bytes:
        """The server's path for a key; empty is the root. Raises `Unsupported` for a key that no file below a folder can have."""
        return self._below(_parts(key)) if key else self.root

    def look(self, key: str) -> Attributes:
        """
        What lies at a key: a folder, or a regular file of a known size.

        Raises:
            NotThere: nothing does.
            Unsupported: a link or a special file does, or a link leads there.
        """
        above, path = self.paths(key)
        # Every folder is looked at each time: one that was seen before may have become a link since.
        for each, found in zip([*above, path], self._session.look([*above, path]), strict=True):
            if found is None:
                break
            if each == path:
                return _usable(found, key)
            if found.mode is not None and stat.S_ISLNK(found.mode):
                raise Unsupported(f"{printable(key)}: a symbolic link leads there, which is never followed")
            if not found.folder:
                break
        self.insist_on_the_root()
        raise NotThere(f"{printable(key)}: is not there")

    def file(self, key: str) -> Attributes:
        """The attributes of the regular file at a key. Raises as `look` does, and `NotThere` for a folder."""
        return a_file(self.look(key), key)

    def entry(self, key: str) -> Entry:
        """The entry of the file at a key. Raises as `file` does."""
        found = self.file(key)
        return _entry(key, found.size, found.modified)

    def read(self, key: str, start: int, length: int | None, pace: Pace) -> Iterator[bytes]:
        """The bytes of the file at a key, at this pace. Raises as `file` and `ReadOnlySession.read_range` do."""
        try:
            found = self.file(key)
            if found.modified is not None and found.size > self._session.read_size:
                self._let_pass(found.modified)
            yield from self._session.read_range(self.path(key), found, start, length, pace)
        except ServerFailure as failure:
            raise self.blamed(failure) from failure

    def blamed(self, failure: ServerFailure) -> ConnectorError:
        """What a failure at one file is to be taken for: a fault of that file, such as a bad sector below it, where the root can still be seen."""
        try:
            self.insist_on_the_root()
        except ConnectorError as gone:
            return gone
        return ConnectorError(f"{failure}; the server's own log says why, such as a disk that cannot read it")

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every regular file at or below a prefix, in key order; nothing where nothing is there. Raises `Unsupported` as `look` does."""
        try:
            if prefix and (found := self.look(prefix)).regular:
                yield _entry(prefix, found.size, found.modified)
                return
            stack = [(_parts(prefix) if prefix else [], self._names(_parts(prefix) if prefix else []))]
        except NotThere:
            self.insist_on_the_root()
            return
        # Folders in hand are kept on a stack of our own: trees can be deeper than Python recurses.
        while stack:
            above, names = stack[-1]
            if not names:
                stack.pop()
                continue
            name, _, packed = names.pop().partition(b"\0")
            if names and names[-1].startswith(name + b"\0"):
                continue  # a folder that changes while it is listed can show a name twice
            if name.endswith(b"/"):
                below = [*above, name[:-1]]
                try:
                    stack.append((below, self._names(below)))
                except NotThere:
                    continue  # it went away after its folder was listed: it is not there
            else:
                size, modified = _PACKED.unpack(packed)
                yield _entry(b"/".join([*above, name]).decode("utf-8", "surrogateescape"), size, None if modified == _NO_TIME else modified)
        self.insist_on_the_root()

    def paths(self, key: str) -> tuple[list[bytes], bytes]:
        """The paths of the folders above a key, from the top, without the root, and its own. Raises `Unsupported` as `path` does."""
        parts = _parts(key)
        return [self._below(parts[:count]) for count in range(1, len(parts))], self._below(parts)

    def insist_on_the_root(self) -> None:
        """What is missing below a root that went away is not missing: it cannot be seen. Raises `Unreachable` where it did."""
        (found,) = self._session.look([self.root])
        if found is None or not found.folder or self._file_system_id() != self.file_system:
            raise Unreachable("the root was removed, unmounted or replaced on the server while it was looked at")

    def _file_system_id(self) -> int:
        try:
            return self._session.file_system(self.root).id
        except (AccessDenied, Unsupported):
            return 0

    def _names(self, parts: list[bytes]) -> list[bytes]:
        """
        What lies in a folder, last first: each name, a NUL (which no name holds) and the packed size and time of a file.

        One string an entry keeps large folders small. A folder's name ends with `/`, which puts whole keys in order: `a-b`, `a.txt`, `a/b`, `a0`.
        """
        folder = self._below(parts)
        names, left_out = [], 0
        for name, listed in self._session.names(folder):
            found: Attributes | None = listed
            if listed.mode is None or (listed.size < 0 and not listed.folder):
                (found,) = self._session.look([self._below([*parts, name])])
            if found is None:
                continue
            if found.folder:
                names.append(name + b"/\0")
            elif found.regular:
                names.append(name + b"\0" + _PACKED.pack(found.size, _NO_TIME if found.modified is None else found.modified))
            else:
                left_out += 1
        names.sort(reverse=True)
        if left_out:
            log.info("%d links and special files were left out of the listing of %r", left_out, folder)
        return names

    def _below(self, parts: list[bytes]) -> bytes:
        return b"/".join([self.root.rstrip(b"/"), *parts]) or b"/"

    def _let_pass(self, modified: int) -> None:
        """
        Wait until the second in which a file was last changed is over, a second at most.

        SFTP tells times in whole seconds: a second change within the same one would not show after reading. This needs a server clock that
        is about right, and only a file that was written just now waits.
        """
        rest(seconds_to_rest(modified), self._deadline)


def seconds_to_rest(modified: int) -> float:
    """How long the second in which a file was last changed still lasts, a second at most; 0 where it is over, or to come."""
    left = modified + 1 - now().timestamp()
    return left if 0 < left <= 1 else 0.0


def rest(seconds: float, deadline: Deadline) -> None:
    """Sleep. Raises `TimedOut`, at once, where the deadline is sooner."""
    remaining = deadline.remaining()
    if remaining is not None and remaining < seconds:
        raise TimedOut("no time left to wait until a file that was just written stays as it is")
    time.sleep(seconds)


def a_file(found: Attributes, key: str) -> Attributes:
    """The attributes of what lies at a key, where it is a regular file. Raises `NotThere` for a folder, `Unsupported` for anything else."""
    if not _usable(found, key).regular:
        raise NotThere(f"{printable(key)}: is a folder, not a file")
    return found


def _parts(key: str) -> list[bytes]:
    """The names that a key consists of. Raises `Unsupported` for a key that no file below a folder can have."""
    try:
        parts = key.encode("utf-8", "surrogateescape").split(b"/")
    except UnicodeEncodeError:
        raise Unsupported(f"{printable(key)}: is not a name that a file can have") from None
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise Unsupported(f"{printable(key)}: is not a path below the root: no part of it may be empty, '.' or '..'")
    return parts


def _usable(found: Attributes, key: str) -> Attributes:
    if found.regular or found.folder:
        return found
    if found.mode is None or found.size < 0:
        raise Unsupported(f"{printable(key)}: the server does not say what it is, or how long")
    if stat.S_ISLNK(found.mode):
        raise Unsupported(f"{printable(key)}: is a symbolic link, which is never followed")
    raise Unsupported(f"{printable(key)}: is a pipe, socket or device, which is never opened")


def _entry(key: str, size: int, modified: int | None) -> Entry:
    moment = None if modified is None else datetime.fromtimestamp(modified, UTC)
    return Entry(key=key, size=size, modified=moment, version=f"{size:x}-{modified:x}" if modified is not None else "")
