"""
One SFTP session that can only read (protocol version 3, draft-ietf-secsh-filexfer-02, with OpenSSH's extensions).

Every packet that leaves passes `ReadOnlySession._admit`: the request is on the allow-list and logged, or it is not sent. Answers are
taken apart here rather than by paramiko: it decodes names as UTF-8, fills short answers up with zeros, and its buffer makes large windows slow.
"""

from __future__ import annotations

import contextlib
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import paramiko
from paramiko import sftp

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog
from drcheck.connectors.sftp_answers import Answer, Attributes, FileSystem, as_number, as_text, read_names
from drcheck.errors import ConnectorError, InProgress, Malformed, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import printable
from drcheck.pace import Pace

WINDOW = 8 * 2**20
"""Bytes that the server may send before we take them: more than one read keeps in flight."""
SILENCE = 60.0
"""Seconds without any answer after which a server counts as hung, where the deadline is later."""

_READ_SIZE = 32 * 1024  # what every server must be able to answer (section 3 of the draft), where it does not tell more
_LARGEST_READ_SIZE = 2**18
_IN_FLIGHT = 4 * 2**20
_LISTS_IN_FLIGHT = 16
_LARGEST_PACKET = 2**24

_REQUESTS = {
    sftp.CMD_INIT: "init",
    sftp.CMD_OPEN: "open",
    sftp.CMD_CLOSE: "close",
    sftp.CMD_READ: "read",
    sftp.CMD_LSTAT: "lstat",
    sftp.CMD_FSTAT: "fstat",
    sftp.CMD_OPENDIR: "opendir",
    sftp.CMD_READDIR: "readdir",
    sftp.CMD_REALPATH: "realpath",
}
_WITH_PATH = frozenset({sftp.CMD_OPEN, sftp.CMD_LSTAT, sftp.CMD_OPENDIR, sftp.CMD_REALPATH})
_STATVFS = b"statvfs@openssh.com"
_LIMITS = b"limits@openssh.com"
_EXTENSIONS = frozenset({_STATVFS, _LIMITS})

ALLOWED_CALLS = frozenset({f"sftp:{name}" for name in _REQUESTS.values()} | {f"sftp:{name.decode('ascii')}" for name in _EXTENSIONS})
"""Every request that can leave; `open` for reading only."""

Box = dict[int, Answer]
"""Where the answers to some requests are put, by the number of the request, in the order in which they came."""


class _Packet(Protocol):
    def asbytes(self) -> bytes: ...


class ReadOnlySession(paramiko.SFTPClient):
    """
    The read-only client of one channel with the subsystem `sftp`. Paths are bytes, as the server knows them.

    Methods raise `ConnectorError`s. paramiko's own methods are there too: those that would change something raise `Unsupported` before
    anything is sent.

    Attributes:
        extensions: what the server offers beyond the protocol, each with its version.
        read_size: bytes that one request asks for.
        open_files: how many files the server lets us hold open at once; 0 where it does not say.
    """

    def __init__(self, channel: paramiko.Channel, *, deadline: Deadline, calls: CallLog, alive: Callable[[], object]) -> None:
        """Agrees on the protocol. `alive` is called whenever answers came."""
        self.extensions: Mapping[bytes, bytes] = {}
        self._deadline = deadline
        self._calls = calls
        self._alive = alive
        self._pending = bytearray()
        self._leaving = bytearray()
        self._awaited: dict[int, Box] = {}
        self._answers: Box = {}
        self._given_up: set[int] = set()
        self.read_size = _READ_SIZE
        self.open_files = 0
        super().__init__(channel)
        if _LIMITS in self.extensions:
            limits = self._answer(self._ask(sftp.CMD_EXTENDED, as_text(_LIMITS)), sftp.CMD_EXTENDED_REPLY, "limits")
            limits.number64()  # the largest packet
            self.read_size = min(limits.number64() or _READ_SIZE, _LARGEST_READ_SIZE)
            limits.number64()  # the largest write
            self.open_files = limits.number64()

    def real_path(self, path: bytes) -> bytes:
        """The path with every symbolic link resolved, as the server sees it."""
        answer = self._answer(self._ask(sftp.CMD_REALPATH, as_text(path)), sftp.CMD_NAME, _show(path))
        if answer.number32() != 1:
            raise Malformed(f"{_show(path)}: the server gave no single real path")
        return answer.text()

    def look(self, paths: Iterable[bytes]) -> Iterator[Attributes | None]:
        """The attributes of each path, symbolic links not followed, None where there is none; asked for all at once."""
        asked = [(path, self._ask(sftp.CMD_LSTAT, as_text(path))) for path in paths]
        try:
            for path, number in asked:
                try:
                    yield Attributes.taken_from(self._answer(number, sftp.CMD_ATTRS, _show(path)))
                except NotThere:
                    yield None
        finally:
            self._forget(number for _, number in asked)

    def file_system(self, path: bytes) -> FileSystem:
        """What `statvfs` says of the file system that holds `path`. Raises `Unsupported` where the server has no such request."""
        if _STATVFS not in self.extensions:
            raise Unsupported("the server does not tell about its file systems (it has no statvfs@openssh.com)")
        return FileSystem.taken_from(
            self._answer(self._ask(sftp.CMD_EXTENDED, as_text(_STATVFS), as_text(path)), sftp.CMD_EXTENDED_REPLY, _show(path))
        )

    def names(self, folder: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Every name in a folder but `.` and `..`, in the server's order, with its attributes; several pages asked for at a time."""
        handle = self._answer(self._ask(sftp.CMD_OPENDIR, as_text(folder)), sftp.CMD_HANDLE, _show(folder)).text()
        asked: deque[int] = deque()
        width = 2
        try:
            # After the end every page that was asked for is still looked at: a server may take our requests out of their order.
            while width or asked:
                while len(asked) < width:
                    asked.append(self._ask(sftp.CMD_READDIR, as_text(handle)))
                answer = self._answer_or_end(asked.popleft(), sftp.CMD_NAME, _show(folder))
                if answer is None:
                    width = 0
                    continue
                for name, attributes in read_names(answer):
                    if name in (b".", b".."):
                        continue
                    if not name or b"/" in name or b"\0" in name:
                        raise Malformed(f"{_show(folder)}: the server listed a name that no file can have: {_show(name)}")
                    yield name, attributes
                width = min(width * 2, _LISTS_IN_FLIGHT)
        finally:
            self._let_go(handle, asked)

    def read_range(self, path: bytes, expected: Attributes, start: int, length: int | None, pace: Pace) -> Iterator[bytes]:
        """
        The bytes of a regular file from `start`, at most `length`, in order and at this pace; several requests are always on their way.

        `expected` is what `look` said just before. Raises `InProgress` where size or time are others when the file is open, or after the last
        byte; `Malformed` where it ends early.
        """
        shown = _show(path)
        handle = self._answer(self._ask(sftp.CMD_OPEN, as_text(path), as_number(sftp.SFTP_FLAG_READ), as_number(0)), sftp.CMD_HANDLE, shown).text()
        asked: deque[tuple[int, int, int]] = deque()
        end = expected.size if length is None else min(start + length, expected.size)
        position = start
        checked = False
        step, ahead = pace.portion(self.read_size), pace.portion(_IN_FLIGHT, 0.5)
        try:
            first = self._ask(sftp.CMD_FSTAT, as_text(handle))
            while asked or position < end:
                while position < end and len(asked) < max(1, ahead // min(step, self.read_size)):
                    count = min(step, self.read_size, end - position)
                    pace.hold(count, self._deadline)
                    asked.append((self._ask_read(handle, position, count), position, count))
                    position += count
                if not checked:
                    checked = self._unchanged(first, expected, shown)
                number, offset, count = asked.popleft()
                answer = self._answer_or_end(number, sftp.CMD_DATA, shown)
                data = answer.text() if answer is not None else b""
                if len(data) > count:
                    raise Malformed(f"{shown}: the server sent more bytes than were asked for")
                if not data:
                    self._unchanged(self._ask(sftp.CMD_FSTAT, as_text(handle)), expected, shown)
                    raise Malformed(f"{shown}: ends after {offset} bytes, though its size is {expected.size}")
                if len(data) < count:
                    rest = offset + len(data)
                    asked.appendleft((self._ask_read(handle, rest, count - len(data)), rest, count - len(data)))
                    self.read_size = max(len(data), 4096)
                pace.add(len(data))
                yield data
            if not checked:
                self._unchanged(first, expected, shown)
            self._unchanged(self._ask(sftp.CMD_FSTAT, as_text(handle)), expected, shown)
        finally:
            self._let_go(handle, (number for number, _, _ in asked))

    def _ask_read(self, handle: bytes, offset: int, count: int) -> int:
        return self._ask(sftp.CMD_READ, as_text(handle), struct.pack(">QI", offset, count))

    def _unchanged(self, number: int, expected: Attributes, shown: str) -> bool:
        answer = Attributes.taken_from(self._answer(number, sftp.CMD_ATTRS, shown))
        if not answer.regular or (answer.size, answer.modified) != (expected.size, expected.modified):
            raise InProgress(f"{shown}: changed while it was read; look again when the backup that writes it has ended")
        return True

    def _let_go(self, handle: bytes, numbers: Iterable[int]) -> None:
        """Close a handle without waiting for the answer; a session that is gone has closed it already."""
        self._forget(numbers)
        with contextlib.suppress(ConnectorError):
            self._forget([self._ask(sftp.CMD_CLOSE, as_text(handle))])

    def post(self, box: Box, kind: int, *parts: bytes) -> int:
        """Make one request ready to leave with the next `flush`; its answer will be put into `box` under the number given."""
        number = self.request_number = (self.request_number + 1) % 2**32
        self._admit(kind, as_number(number) + b"".join(parts))
        self._awaited[number] = box
        return number

    def flush(self) -> None:
        """Send what is ready to leave."""
        self._patience()
        try:
            self._leave()
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Unreachable(f"the connection was lost: {error or type(error).__name__}") from error

    def receive(self) -> None:
        """Send what is ready, wait for an answer, and put it and all others that are there into their boxes."""
        self.flush()
        self._put(*self._read_packet())
        self._alive()
        while len(self._pending) >= 4 and len(self._pending) >= 4 + int.from_bytes(self._pending[:4], "big"):
            self._put(*self._read_packet())

    def comes(self, seconds: float) -> bool:
        """Send what is ready, and wait for so long at most; whether something of an answer is there then, and `receive` waits no more for it."""
        self.flush()
        if not self._pending:
            self.sock.settimeout(max(0.001, min(seconds, self.sock.gettimeout() or SILENCE)))
            try:
                self._take_in()
            except TimeoutError:
                return False
        return True

    def give_up(self, numbers: Iterable[int], handles: Iterable[bytes]) -> None:
        """Want no answer to these requests any more, and close handles; files that are still being opened are closed when they are open."""
        for number in numbers:
            if self._awaited.pop(number, None) is not None:
                self._given_up.add(number)
        with contextlib.suppress(ConnectorError):
            for handle in handles:
                self._forget([self.post({}, sftp.CMD_CLOSE, as_text(handle))])
            self.flush()

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._awaited.pop(number, None)
            self._answers.pop(number, None)

    def _ask(self, kind: int, *parts: bytes) -> int:
        """Send one request; return its number."""
        self._deadline.check()
        number = self.post(self._answers, kind, *parts)
        self.flush()
        return number

    def _answer(self, number: int, kind: int, shown: str) -> Answer:
        """The answer to request `number`, which is of this kind; every other raises."""
        answer = self._await(number)
        answer.expect(kind, shown)
        return answer

    def _answer_or_end(self, number: int, kind: int, shown: str) -> Answer | None:
        """As `_answer`; None for an end of file."""
        answer = self._await(number)
        if answer.is_end():
            return None
        answer.expect(kind, shown)
        return answer

    def _await(self, number: int) -> Answer:
        self._deadline.check()
        while number not in self._answers:
            self.receive()
        return self._answers.pop(number)

    def _put(self, kind: int, body: bytes) -> None:
        answer = Answer(kind, body)
        number = answer.number32()
        box = self._awaited.pop(number, None)
        if box is not None:
            box[number] = answer
        elif number in self._given_up:
            self._given_up.remove(number)
            if kind == sftp.CMD_HANDLE:
                self._forget([self.post({}, sftp.CMD_CLOSE, as_text(answer.text()))])

    def _send_version(self) -> int:
        """Agree on version 3 and note the server's extensions. Called by paramiko when the client is made."""
        self._patience()
        self._send_packet(sftp.CMD_INIT, paramiko.Message(as_number(3)))
        kind, packet = self._read_packet()
        answer = Answer(kind, packet)
        if kind != sftp.CMD_VERSION:
            raise Malformed("the server does not speak SFTP")
        version = answer.number32()
        extensions = {}
        while answer.more():
            name = answer.text()
            extensions[name] = answer.text()
        self.extensions = extensions
        return version

    def _send_packet(self, kind: int, packet: _Packet) -> None:
        """How paramiko's own methods send."""
        self._admit(kind, packet.asbytes())
        self._leave()

    def _admit(self, kind: int, body: bytes) -> None:
        """The only way out: refuses what is not on the allow-list, logs the rest and makes it ready to leave."""
        name = _REQUESTS.get(kind, "")
        subject = b""
        if kind in _WITH_PATH or kind == sftp.CMD_EXTENDED:
            request = Answer(kind, body)
            request.number32()
            subject = request.text()
            if kind == sftp.CMD_OPEN and request.number32() != sftp.SFTP_FLAG_READ:
                name = ""
            elif kind == sftp.CMD_EXTENDED and subject in _EXTENSIONS:
                name, subject = subject.decode("ascii"), b""
        if not name:
            raise Unsupported(f"drcheck only reads: the SFTP request {sftp.CMD_NAMES.get(kind, kind)!r} was not sent")
        self._calls.record(f"sftp:{name}", subject.decode("utf-8", "surrogateescape"))
        self._leaving += as_number(len(body) + 1) + bytes([kind]) + body

    def _leave(self) -> None:
        while self._leaving:
            sent = self.sock.send(bytes(self._leaving))
            if not sent:
                raise EOFError("the server closed the connection")
            del self._leaving[:sent]

    def _read_packet(self) -> tuple[int, bytes]:
        """The next packet's type and body."""
        self._fill(4)
        size = int.from_bytes(self._pending[:4], "big")
        if not 1 <= size <= _LARGEST_PACKET:
            raise Malformed("the server's answer is no SFTP packet")
        self._fill(4 + size)
        with memoryview(self._pending) as seen:
            kind, body = seen[4], bytes(seen[5 : 4 + size])
        del self._pending[: 4 + size]
        return kind, body

    def _fill(self, count: int) -> None:
        """Wait until this many bytes are there."""
        while len(self._pending) < count:
            self._patience()
            try:
                self._take_in()
            except TimeoutError as error:
                raise self._late() from error

    def _take_in(self) -> None:
        """Keep what comes next. Raises TimeoutError where nothing does in the time that the channel has."""
        try:
            # All that is there at once: paramiko's buffer moves whatever is left behind, which is quadratic for a large window.
            received = self.sock.recv(WINDOW)
        except TimeoutError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Unreachable(f"the connection was lost: {error or type(error).__name__}") from error
        if not received:
            raise Unreachable("the server closed the connection before it had answered")
        self._pending += received

    def _patience(self) -> None:
        """Let the channel wait as long as the deadline allows."""
        self._deadline.check()
        left = self._deadline.remaining()
        self.sock.settimeout(SILENCE if left is None else max(0.001, min(left, SILENCE)))

    def _late(self) -> TimedOut:
        try:
            self._deadline.check()
        except TimedOut as late:
            return late
        return TimedOut(f"the server did not answer for {SILENCE:g} s")


def _show(path: bytes) -> str:
    return printable(path.decode("utf-8", "surrogateescape"))
