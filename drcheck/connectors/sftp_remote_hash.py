"""
Hashing by the server itself, where the estate allows it: one fixed command for many files, their names on its standard input.

What comes back is what the server says; not a byte is read here. The command holds nothing of the estate's or of anybody's file names, so
nothing can become a word of a shell. A name goes in whole, ended by a NUL, and an answer counts only if it is one well-formed line about a name
that was asked for and not yet answered. The server opens what lies at a name at that moment: that it is still the file that was listed is not
looked at again, so whoever finds such a digest wrong must read the file before blaming it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import paramiko

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Entry
from drcheck.connectors.sftp_login import start_command
from drcheck.connectors.sftp_pipeline import Claimed
from drcheck.connectors.sftp_session import SILENCE, WINDOW
from drcheck.connectors.sftp_tree import SftpTree
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed, TimedOut, Unreachable, Unsupported
from drcheck.model import printable
from drcheck.pace import Pace

CALL = "ssh:exec"
"""The call that runs the command."""

_NAMES = 2**15  # in one command
_NAMES_BYTES = 3 * 2**19  # theirs together: with the answers and complaints about them less than `WINDOW`, so that neither side waits for the other
_LONGEST = 3_900  # a line that fits a pipe's atomic write (4 KiB), so that two processes do not mix theirs
_AMBIGUOUS = re.compile(rb"[\n\r\\]")  # tools write these in more than one way; such files are read instead


class Tool(NamedTuple):
    """A program on the server."""

    command: str
    algorithm: str
    digits: int


TOOLS = {
    "sha256sum": Tool("exec xargs -0 -n256 -P2 sha256sum --", "sha256", 64),
    "sha512sum": Tool("exec xargs -0 -n256 -P2 sha512sum --", "sha512", 128),
    # One process: openssl's lines are cut where its buffer is full, and would mix.
    "openssl": Tool("exec xargs -0 -n256 openssl dgst -sha256 -r", "sha256", 64),
}
"""What `server_hash` can name. xargs is of findutils or a BSD; the programs' lines are `DIGEST`, space, space or `*`, name."""


class RemoteHash:
    """The digests that one server says that files below a tree have."""

    def __init__(self, transport: paramiko.Transport, tool: str, tree: SftpTree, *, deadline: Deadline, calls: CallLog, pace: Pace) -> None:
        """Raises `Unsupported` for a `tool` that is none of `TOOLS`: without one named by the estate no command is ever run."""
        if tool not in TOOLS:
            raise Unsupported(f"drcheck runs no command on this server: server_hash is {tool!r}")
        self._transport = transport
        self._tool = TOOLS[tool]
        self._tree = tree
        self._deadline = deadline
        self._calls = calls
        self._pace = pace
        digits = self._tool.digits
        self._line = re.compile(rb"([0-9a-f]{%d}) [ *](.+)" % digits, re.DOTALL)

    def claims(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[Claimed]:
        """
        Each entry with what the server says of it, in any order: its digest, or why there is none; None where it was not asked, as for
        other algorithms and for names that tools write in more than one way.
        """
        source = iter(wanted)
        while True:
            asked: dict[bytes, tuple[Entry, Collection[str]]] = {}
            size = 0
            for entry, algorithms in source:
                path = self._path(entry, algorithms)
                if not path or path in asked:
                    yield entry, algorithms, None
                    continue
                asked[path] = entry, algorithms
                size += len(path)
                if len(asked) >= _NAMES or size >= _NAMES_BYTES:
                    break
            if not asked:
                return
            yield from self._answers(asked)

    def _path(self, entry: Entry, algorithms: Collection[str]) -> bytes:
        """The path of a file that the server is to be asked about; empty for any other."""
        if set(algorithms) != {self._tool.algorithm}:
            return b""
        try:
            path = self._tree.path(entry.key)
        except ConnectorError:
            return b""
        return b"" if _AMBIGUOUS.search(path) or len(path) > _LONGEST or not path.startswith(b"/") else path

    def _answers(self, asked: dict[bytes, tuple[Entry, Collection[str]]]) -> Iterator[Claimed]:
        """Run the command once. Takes each name from `asked` as it is answered; those that are left have the error."""
        answered = 0
        complaints = bytearray()
        try:
            for path, digest in self._run(list(asked), complaints):
                if path not in asked:
                    raise Malformed(f"the server answered about a file that it was not asked about: {_show(path)}")
                entry, algorithms = asked.pop(path)
                answered += 1
                yield entry, algorithms, Digests({self._tool.algorithm: digest}, entry.size, there=True)
        except ConnectorError as error:
            why: ConnectorError = error
        else:
            said = _show(bytes(complaints[:300])) or "nothing"
            if answered:
                why = Malformed(f"the server gave no digest for it; the first that it complained of: {said}")
            else:
                why = Unsupported(f"the server did not hash it (it said: {said}); correct server_hash, or leave it out so that drcheck reads")
        for entry, algorithms in asked.values():
            yield entry, algorithms, why

    def _run(self, paths: list[bytes], complaints: bytearray) -> Iterator[tuple[bytes, str]]:
        """Each path that the command answers about, with its digest; what it complains of is added to `complaints`."""
        self._calls.record(CALL, self._tool.command)
        with closing(start_command(self._transport, self._tool.command, self._deadline)) as channel:
            try:
                self._patience(channel)
                channel.sendall(b"".join(itertools.chain.from_iterable((path, b"\0") for path in paths)))
                channel.shutdown_write()
                rest = b""
                while True:
                    received = self._next(channel)
                    while channel.recv_stderr_ready():
                        complaints += channel.recv_stderr(WINDOW)
                    if not received:
                        break
                    *lines, rest = (rest + received).split(b"\n")
                    for line in lines:
                        yield self._understood(line)
                self._patience(channel)
                channel.status_event.wait(channel.gettimeout())
            except TimeoutError as error:
                self._deadline.check()
                raise TimedOut(f"the server's command took no names for {SILENCE:g} s") from error
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise Unreachable(f"the connection was lost: {error or type(error).__name__}") from error
            if channel.exit_status < 0:
                raise Unreachable("the connection was lost, or the server's command was killed")
            if rest:
                raise Malformed("the server's command ended in the middle of a line")

    def _next(self, channel: paramiko.Channel) -> bytes:
        """What the command says next; empty at its end. A large file makes it silent for long, so the server is asked for a sign of life."""
        while True:
            self._patience(channel)
            try:
                received = channel.recv(WINDOW)
                self._pace.add()  # a sign of life; the bytes were read there
                return received
            except TimeoutError:
                self._tree.insist_on_the_root()

    def _understood(self, line: bytes) -> tuple[bytes, str]:
        found = self._line.fullmatch(line)
        if found is None:
            raise Malformed(f"the server's command said something that is no digest and name: {_show(line[:200])}")
        return found[2], found[1].decode("ascii")

    def _patience(self, channel: paramiko.Channel) -> None:
        self._deadline.check()
        left = self._deadline.remaining()
        channel.settimeout(SILENCE if left is None else max(0.001, min(left, SILENCE)))


def _show(text: bytes) -> str:
    return printable(text.decode("utf-8", "surrogateescape"))
