"""
Reading many files of an SFTP server at once: their requests are interleaved on one channel, so that no round trip is waited for.

Every promise of reading one file is kept. A file is looked at before it is opened, and again when its last byte has come. The folders above it are
looked at before, and once more when it is finished; only then its answer is given. One such look serves many files of a folder.
"""

from __future__ import annotations

import logging
import struct
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from paramiko import sftp

from drcheck.clock import Deadline, monotonic, wait
from drcheck.connectors.base import Entry, guarded
from drcheck.connectors.sftp_above import Above, Look
from drcheck.connectors.sftp_answers import Answer, Attributes, ServerFailure, as_number, as_text
from drcheck.connectors.sftp_session import Box, ReadOnlySession
from drcheck.connectors.sftp_tree import SftpTree, a_file, rest, seconds_to_rest
from drcheck.digests import Digests, hasher
from drcheck.errors import ConnectorError, InProgress, Malformed, NotThere, TimedOut
from drcheck.model import printable
from drcheck.pace import Leave, Pace

log = logging.getLogger(__name__)

FILES = 64
"""Files under way at once."""
BYTES = 4 * 2**20
"""Bytes asked for and not yet hashed, of all files together."""

_UNTOLD = 8 * FILES  # files begun whose answer was not given yet
_SPARE_HANDLES = 4  # for a listing and a file that are read meanwhile
_FOR_READING = as_number(sftp.SFTP_FLAG_READ) + as_number(0)

Answered = tuple[Entry, Digests | ConnectorError]
Claimed = tuple[Entry, Collection[str], Digests | ConnectorError | None]
"""An object, the algorithms wanted of it, and what is said of its digests without reading it; None where it must be read."""


class _File:
    """One file under way."""

    __slots__ = ("alone", "asked", "claim", "data", "entry", "expected", "folder", "handle", "hashed", "hashers", "outcome", "path")

    def __init__(self, entry: Entry, algorithms: Collection[str], claim: Digests | ConnectorError | None, folder: Above[_File], path: bytes) -> None:
        self.entry = entry
        self.claim = claim
        self.hashers = {} if isinstance(claim, Digests) else {algorithm: hasher(algorithm) for algorithm in algorithms}
        self.folder = folder
        self.path = path
        self.handle = b""
        self.expected = Attributes(0, None, None, None)
        self.asked = self.hashed = 0
        self.data: dict[int, bytes] = {}  # by offset: what came before something that belongs in front of it
        self.alone = False  # whether it is to be opened when no other file is
        self.outcome: Digests | ConnectorError | None = None

    def shown(self) -> str:
        return printable(self.entry.key)

    def take(self, data: bytes) -> None:
        for each in self.hashers.values():
            each.update(data)
        self.hashed += len(data)

    def insist(self, found: Attributes) -> None:
        """Raises `InProgress` where it is not as it was seen before it was opened."""
        if not found.regular or (found.size, found.modified) != (self.expected.size, self.expected.modified):
            raise InProgress(f"{self.shown()}: changed while it was read; look again when the backup that writes it has ended")


class Pipeline:
    """One reading of many files. Used once; whoever takes its answers may use the session between them."""

    def __init__(self, session: ReadOnlySession, tree: SftpTree, deadline: Deadline, pace: Pace) -> None:
        self._session, self._tree, self._deadline, self._pace = session, tree, deadline, pace
        self._leave = Leave(pace)
        self._step, self._most_bytes = pace.portion(BYTES), pace.portion(BYTES, 0.5)
        self._came_in = 0  # bytes that the pace was not told of yet
        self._box: Box = {}
        self._handlers: dict[int, tuple[Callable[[Answer], None], _File | None, int]] = {}
        self._folders: dict[str, Above[_File]] = {}
        self._due: dict[Above[_File], None] = {}
        self._untold: dict[_File, None] = {}
        self._ready: list[_File] = []
        self._resting: list[tuple[float, _File]] = []
        self._to_open: deque[_File] = deque()
        self._hungry: deque[_File] = deque()
        self._under_way = self._bytes = self._handles = 0
        self._most_handles = max(1, min(FILES, session.open_files - _SPARE_HANDLES)) if session.open_files else FILES

    def digests(self, wanted: Iterable[Claimed]) -> Iterator[Answered]:
        """
        As `Connector.digests`. Where the connection is lost, every object under way and every later one is answered with that error.

        What is said of an object's digests is passed on where the folders above it are, and still were afterwards, folders.
        """
        source = iter(wanted)
        more = True
        try:
            while more or self._untold:
                while more and self._under_way < FILES and len(self._untold) < _UNTOLD and not self._hungry:
                    begun = next(source, None)
                    more = begun is not None
                    if begun is not None:
                        refused = self._begin(*begun)
                        if refused is not None:
                            yield begun[0], refused
                try:
                    self._go_on()
                except ConnectorError as lost:
                    for file in list(self._untold):
                        yield file.entry, lost
                    for entry, _, _ in source:
                        yield entry, lost
                    return
                ready, self._ready = self._ready, []
                for file in ready:
                    del self._untold[file]
                    if file.outcome is not None:
                        yield file.entry, file.outcome
        finally:
            self._session.give_up(self._handlers, [file.handle for file in self._untold if file.handle])

    def _begin(self, entry: Entry, algorithms: Collection[str], claim: Digests | ConnectorError | None) -> ConnectorError | None:
        """Take one more file in hand; the error where that cannot be."""
        name = entry.key.rpartition("/")[0]
        try:
            folder = self._folders.get(name) or Above(name, self._tree.paths(entry.key)[0])
            path = b"" if isinstance(claim, Digests) else self._tree.path(entry.key)
            file = _File(entry, algorithms, claim, folder, path)
        except ConnectorError as error:
            return error
        except ValueError as error:
            log.exception("an algorithm was asked for that there is none of")
            return ConnectorError(str(error))
        self._folders[name] = folder
        self._untold[file] = None
        self._under_way += 1
        folder.busy += 1
        if folder.sound:
            self._look(file)
        else:
            folder.waiting.append(file)
            if not folder.asked:
                folder.asked = True
                self._look_above(folder, self._looked_above)
        return None

    def _go_on(self) -> None:
        """Send what can be sent, and take in what has come. Raises where the connection is lost."""
        self._wake()
        for folder in self._due:
            if folder.due:
                self._look_above(folder, partial(self._looked_again, finished=folder.take()))
        self._due.clear()
        while self._to_open and self._handles < (1 if self._to_open[0].alone else self._most_handles):
            file = self._to_open.popleft()
            self._handles += 1
            self._ask(partial(self._opened, file), file, sftp.CMD_OPEN, as_text(file.path), _FOR_READING)
        while self._hungry and self._bytes < self._most_bytes:
            file = self._hungry[0]
            if file.outcome is None:
                count = min(self._step, self._session.read_size, file.expected.size - file.asked)
                if not self._leave.given(count):
                    break
                self._ask_for(file, file.asked, count)
            if file.outcome is not None or file.asked == file.expected.size:
                self._hungry.popleft()
        self._wait()
        self._take_answers()

    def _wait(self) -> None:
        """Wait for an answer, and no longer than until the next request may leave. Raises where the connection is lost, or no time is left."""
        if self._box:
            return  # somebody else's question, asked between two of ours, brought answers: perhaps all, and then none is left to wait for
        pause = self._leave.seconds() if self._hungry and self._bytes < self._most_bytes else None
        if self._handlers:
            if pause is None or self._session.comes(pause):
                self._session.receive()
        elif pause is not None and not self._ready:
            left = self._deadline.remaining()
            wait(pause if left is None else min(pause, left))
            self._deadline.check()

    def _wake(self) -> None:
        """Go on with the files that rested long enough; sleep where there is nothing else to do."""
        if self._resting and not (self._handlers or self._ready or self._to_open or self._hungry):
            self._session.flush()
            soonest = min(when for when, _ in self._resting) - monotonic()
            try:
                rest(max(0.0, soonest), self._deadline)
            except TimedOut as late:
                for _, file in self._resting:
                    self._end(file, late)
                self._resting.clear()
        if self._resting:
            moment = monotonic()
            self._to_open.extend(file for when, file in self._resting if when <= moment)
            self._resting = [(when, file) for when, file in self._resting if when > moment]

    def _ask(self, handler: Callable[[Answer], None], file: _File | None, kind: int, *parts: bytes, count: int = 0) -> int:
        """Ask, for the `handler` to be given the answer unless the file has its outcome by then; `count` bytes are on their way until then."""
        number = self._session.post(self._box, kind, *parts)
        self._handlers[number] = handler, file, count
        self._bytes += count
        return number

    def _take_answers(self) -> None:
        box = self._box
        failures: list[tuple[_File, ServerFailure]] = []
        for number in list(box):
            answer = box.pop(number)
            handler, file, count = self._handlers.pop(number)
            self._bytes -= count
            if file is None:
                handler(answer)
            elif file.outcome is None:
                failure = guarded(partial(handler, answer))
                if isinstance(failure, ServerFailure):
                    failures.append((file, failure))
                elif failure is not None:
                    self._end(file, failure)
        if self._came_in:
            self._pace.add(self._came_in)
            self._came_in = 0
        for file, failure in failures:
            if file.outcome is None:
                self._end(file, self._tree.blamed(failure))

    # Folders

    def _look_above(self, folder: Above[_File], then: Callable[[Above[_File], Look], None]) -> None:
        look = Look(len(folder.paths))
        for index, path in enumerate(folder.paths):
            self._ask(partial(self._looked_at_one, folder, look, index, then), None, sftp.CMD_LSTAT, as_text(path))
        if not folder.paths:
            then(folder, look)

    def _looked_at_one(self, folder: Above[_File], look: Look, index: int, then: Callable[[Above[_File], Look], None], answer: Answer) -> None:
        found: Attributes | ConnectorError
        try:
            answer.expect(sftp.CMD_ATTRS, printable(folder.paths[index].decode("utf-8", "surrogateescape")))
            found = Attributes.taken_from(answer)
        except ConnectorError as error:
            found = error
        if look.note(index, found):
            then(folder, look)

    def _looked_above(self, folder: Above[_File], look: Look) -> None:
        """The first look: begin with the files that waited for it, or end them."""
        folder.sound = look.fault("") is None
        folder.asked = False
        waiting, folder.waiting = folder.waiting, []
        for file in waiting:
            fault = look.fault(file.entry.key)
            if fault is None:
                self._look(file)
            else:
                self._end(file, fault)

    def _looked_again(self, folder: Above[_File], look: Look, *, finished: list[_File]) -> None:
        """The look for finished files: what they came to holds where every folder above them still is one."""
        gone: ConnectorError | None = None
        if any(isinstance(file.outcome, NotThere) for file in finished):
            try:
                self._tree.insist_on_the_root()
            except ConnectorError as error:
                gone = error
        for file in finished:
            if isinstance(file.outcome, NotThere):
                file.outcome = gone or file.outcome
            elif look.fault(file.entry.key) is not None:
                file.outcome = InProgress(f"{file.shown()}: a folder above it was replaced while it was read; look again")
        self._ready.extend(finished)
        if look.fault("") is not None or not (folder.busy or folder.finished):
            self._forget(folder)

    def _forget(self, folder: Above[_File]) -> None:
        """The next file there begins with a look; those under way keep the folder that they have."""
        if self._folders.get(folder.name) is folder:
            del self._folders[folder.name]

    # One file, step by step

    def _look(self, file: _File) -> None:
        if isinstance(file.claim, Digests):
            self._end(file, file.claim)
        else:
            self._ask(partial(self._looked, file), file, sftp.CMD_LSTAT, as_text(file.path))

    def _looked(self, file: _File, answer: Answer) -> None:
        file.expected = a_file(self._attributes(file, answer), file.entry.key)
        if isinstance(file.claim, ConnectorError):
            raise file.claim
        left = 0.0
        if file.expected.modified is not None and file.expected.size > self._session.read_size:
            left = seconds_to_rest(file.expected.modified)
        if left:
            self._resting.append((monotonic() + left, file))
        else:
            self._to_open.append(file)

    def _opened(self, file: _File, answer: Answer) -> None:
        if answer.kind != sftp.CMD_HANDLE:
            self._handles -= 1
            if answer.is_failure() and self._handles and not file.alone:
                # Perhaps too many files are open: this one is tried again when no other is, and fewer from now on.
                self._most_handles = self._handles
                file.alone = True
                self._to_open.appendleft(file)
                return
            answer.expect(sftp.CMD_HANDLE, file.shown())
        file.handle = answer.text()
        if file.expected.size > self._session.read_size:
            self._ask(partial(self._looked_once_open, file), file, sftp.CMD_FSTAT, as_text(file.handle))
        if file.expected.size:
            self._hungry.append(file)
        else:
            self._look_last(file)

    def _looked_once_open(self, file: _File, answer: Answer) -> None:
        file.insist(self._attributes(file, answer))

    def _ask_for(self, file: _File, offset: int, count: int) -> None:
        request = as_text(file.handle) + struct.pack(">QI", offset, count)
        self._ask(partial(self._came, file, offset, count), file, sftp.CMD_READ, request, count=count)
        file.asked = max(file.asked, offset + count)

    def _came(self, file: _File, offset: int, count: int, answer: Answer) -> None:
        data = b""
        if not answer.is_end():
            if answer.kind != sftp.CMD_DATA:
                answer.expect(sftp.CMD_DATA, file.shown())
            data = answer.text()
        self._came_in += len(data)
        if len(data) > count:
            raise Malformed(f"{file.shown()}: the server sent more bytes than were asked for")
        if not data:
            self._ask(partial(self._ended_early, file, offset), file, sftp.CMD_FSTAT, as_text(file.handle))
            return
        if len(data) < count:
            self._session.read_size = max(len(data), 4096)
            self._ask_for(file, offset + len(data), count - len(data))
        if offset != file.hashed:
            file.data[offset] = data
            self._bytes += len(data)
            return
        file.take(data)
        while file.hashed in file.data:
            data = file.data.pop(file.hashed)
            self._bytes -= len(data)
            file.take(data)
        if file.hashed == file.expected.size:
            self._look_last(file)

    def _ended_early(self, file: _File, offset: int, answer: Answer) -> None:
        file.insist(self._attributes(file, answer))
        raise Malformed(f"{file.shown()}: ends after {offset} bytes, though its size is {file.expected.size}")

    def _look_last(self, file: _File) -> None:
        # Not asked for before the last byte is here: some servers answer reads out of their order.
        self._ask(partial(self._looked_last, file), file, sftp.CMD_FSTAT, as_text(file.handle))

    def _looked_last(self, file: _File, answer: Answer) -> None:
        file.insist(self._attributes(file, answer))
        self._end(file, Digests({algorithm: each.hexdigest() for algorithm, each in file.hashers.items()}, file.hashed))

    def _end(self, file: _File, outcome: Digests | ConnectorError) -> None:
        """Close a file that came to something, and give the answer, or wait for the look that it needs first."""
        file.outcome = outcome
        self._bytes -= sum(map(len, file.data.values()))
        file.data.clear()
        if file.handle:
            self._ask(self._closed, None, sftp.CMD_CLOSE, as_text(file.handle))
            file.handle = b""
        self._under_way -= 1
        file.folder.busy -= 1
        if isinstance(outcome, Digests | NotThere):
            file.folder.finish(file, outcome.size if isinstance(outcome, Digests) else 0)
        else:
            self._ready.append(file)
        if file.folder.due:
            self._due[file.folder] = None
        elif not file.folder.busy and not file.folder.finished:
            self._forget(file.folder)

    def _closed(self, _: Answer) -> None:
        self._handles -= 1

    def _attributes(self, file: _File, answer: Answer) -> Attributes:
        if answer.kind != sftp.CMD_ATTRS:
            answer.expect(sftp.CMD_ATTRS, file.shown())
        return Attributes.taken_from(answer)
