"""The read-only SFTP session: nothing that writes is ever sent, and odd servers are found out."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko import sftp

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, attempt
from drcheck.connectors.sftp import SftpConnector
from drcheck.connectors.sftp_answers import Answer, Attributes, FileSystem, read_names
from drcheck.connectors.sftp_session import ReadOnlySession
from drcheck.errors import ConnectorError, Malformed, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import Reason
from tests.busy import BUSY
from tests.connectors import odd_sftp_server
from tests.connectors.contract import content, keys, reason
from tests.connectors.odd_sftp_server import CONTENT, SIZE, text
from tests.connectors.sftp_rig import connector_of, snapshot
from tests.connectors.sshd import SshServer

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A real sshd with one file that a client may write."""
    with SshServer(tmp_path_factory.mktemp("session")) as server:
        (server.root / "folder").mkdir()
        (server.root / "object").write_bytes(b"content")
        yield server


@contextmanager
def session_of(server: SshServer) -> Iterator[ReadOnlySession]:
    """A session of our own login, made as paramiko makes them."""
    transport = paramiko.Transport(("127.0.0.1", server.port))
    try:
        transport.connect(username=server.user, pkey=paramiko.Ed25519Key.from_private_key_file(str(server.client_key)))
        channel = transport.open_session()
        channel.invoke_subsystem("sftp")
        yield ReadOnlySession(channel, deadline=Deadline(20), calls=CallLog("test"), alive=lambda: None)
    finally:
        transport.close()


class Tap:
    """A channel that keeps what is sent through it."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self.sent = b""

    def send(self, data: bytes) -> int:
        count = self._channel.send(data)
        self.sent += data[:count]
        return count

    def kinds(self) -> set[int]:
        """The types of the packets that were sent."""
        found, rest = set(), self.sent
        while rest:
            size = int.from_bytes(rest[:4], "big")
            found.add(rest[4])
            rest = rest[4 + size :]
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


WRITES: dict[str, Callable[[paramiko.SFTPClient], object]] = {
    "open w": lambda client: client.open("object", "w"),
    "open r+": lambda client: client.open("object", "r+"),
    "open a": lambda client: client.open("object", "a"),
    "open x": lambda client: client.open("new", "x"),
    "open w+": lambda client: client.file("object", "w+"),
    "remove": lambda client: client.remove("object"),
    "unlink": lambda client: client.unlink("object"),
    "rename": lambda client: client.rename("object", "new"),
    "posix_rename": lambda client: client.posix_rename("object", "new"),
    "mkdir": lambda client: client.mkdir("new"),
    "rmdir": lambda client: client.rmdir("folder"),
    "symlink": lambda client: client.symlink("object", "new"),
    "chmod": lambda client: client.chmod("object", 0o777),
    "chown": lambda client: client.chown("object", 1, 1),
    "utime": lambda client: client.utime("object", (1, 1)),
    "truncate": lambda client: client.truncate("object", 0),
    "putfo": lambda client: client.putfo(io.BytesIO(b"x"), "object"),
    "put": lambda client: client.put(__file__, "object"),
    "write to an open file": lambda client: paramiko.SFTPFile(client, b"handle", "w", bufsize=0).write(b"x"),
    "truncate an open file": lambda client: client.open("object").truncate(0),
    "chmod an open file": lambda client: client.open("object").chmod(0o777),
    "chown an open file": lambda client: client.open("object").chown(1, 1),
    "utime an open file": lambda client: client.open("object").utime((1, 1)),
}
"""Every method of paramiko that would change something."""


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_refused_before_it_is_sent(server: SshServer, name: str) -> None:
    before = snapshot(server.root)
    with session_of(server) as session:
        tap = Tap(session.sock)
        session.sock = tap  # type: ignore[assignment]
        session._cwd = os.fsencode(server.root)  # type: ignore[attr-defined]  # `chdir` would ask with `stat`, which is not allowed either
        with pytest.raises(Unsupported, match="drcheck only reads"):
            WRITES[name](session)
        gc.collect()
        assert tap.kinds() <= {sftp.CMD_OPEN, sftp.CMD_CLOSE}
        assert session.lstat("object").st_size == 7
    assert snapshot(server.root) == before


def test_no_other_request_is_ever_sent(server: SshServer) -> None:
    allowed = {sftp.CMD_INIT, sftp.CMD_OPEN, sftp.CMD_CLOSE, sftp.CMD_READ, sftp.CMD_LSTAT, sftp.CMD_FSTAT, sftp.CMD_OPENDIR}
    allowed |= {sftp.CMD_READDIR, sftp.CMD_REALPATH}
    body = bytes(4) + len(b"object").to_bytes(4, "big") + b"object" + bytes(64)
    with session_of(server) as session:
        tap = Tap(session.sock)
        session.sock = tap  # type: ignore[assignment]
        for kind in set(range(256)) - allowed:
            with pytest.raises(Unsupported):
                session._send_packet(kind, paramiko.Message(body))
        for flags in range(1 << 6):
            if flags != sftp.SFTP_FLAG_READ:
                with pytest.raises(Unsupported):
                    session._send_packet(sftp.CMD_OPEN, paramiko.Message(body[:14] + flags.to_bytes(4, "big") + bytes(4)))
        for cut in range(18):
            with pytest.raises(ConnectorError):
                session._send_packet(sftp.CMD_OPEN, paramiko.Message(body[:cut]))
        assert tap.sent == b""


def test_a_session_is_one_of_paramikos_own(server: SshServer) -> None:
    """Its reading methods work too, so it is the same client with less allowed, not another one."""
    with session_of(server) as session:
        assert sorted(session.listdir(str(server.root))) == ["folder", "object"]
        with session.open(f"{server.root}/object") as file:
            assert file.read() == b"content"


# Odd servers


@contextmanager
def odd(tmp_path: Path, way: str, *, seconds: float = 20.0) -> Iterator[SftpConnector]:
    """A connector, not opened, to a real sshd whose SFTP server is odd in this way."""
    with SshServer(tmp_path, sftp=f"{sys.executable} {Path(odd_sftp_server.__file__)} {way}") as server:
        yield connector_of(server, root="/", seconds=seconds)


@pytest.mark.parametrize("way", ["plain", "short", "reversed", "bare"])
def test_a_server_within_the_protocol_is_read_right(tmp_path: Path, way: str) -> None:
    with odd(tmp_path, way) as connector, connector:
        (entry,) = connector.list()
        assert (entry.key, entry.size) == ("object", SIZE)
        assert entry.modified is not None
        assert content(connector, "object") == CONTENT
        assert content(connector, "object", 12_345, 100_000) == CONTENT[12_345:112_345]
        with pytest.raises(NotThere):
            connector.stat("absent")
        with pytest.raises(Unsupported):
            connector.protection()
        assert connector.identity().device == f"ssh:{connector.identity().trait('host_key')}"
        assert connector.permissions().can_write is None


def test_a_name_that_is_shown_twice_is_listed_once(tmp_path: Path) -> None:
    with odd(tmp_path, "twice") as connector, connector:
        assert keys(connector) == ["folder-like", "object"]


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("ends-early", Malformed),
        ("too-much", Malformed),
        ("refuses", ConnectorError),
        ("bad-sector", ConnectorError),
        ("falls-sick", Unreachable),
        ("says-nothing", Unsupported),
    ],
)
def test_a_read_that_goes_wrong_is_an_error(tmp_path: Path, way: str, error: type[ConnectorError]) -> None:
    with odd(tmp_path, way) as connector, connector, pytest.raises(error) as caught:
        content(connector, "object")
    assert caught.value.reason == error.reason
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("way", ["climbs", "nul", "nameless", "cut-short"])
def test_a_listing_that_no_server_may_give_is_malformed(tmp_path: Path, way: str) -> None:
    with odd(tmp_path, way) as connector, connector:
        assert reason(attempt(lambda: keys(connector))) is Reason.MALFORMED


def test_a_root_whose_file_system_goes_away_is_unreachable_not_empty(tmp_path: Path) -> None:
    with odd(tmp_path, "moves") as connector, connector:
        assert reason(attempt(lambda: keys(connector))) is Reason.UNREACHABLE
        assert reason(attempt(lambda: keys(connector, "absent"))) is Reason.UNREACHABLE
        with pytest.raises(Unreachable, match="unmounted"):
            connector.stat("absent")


def test_a_read_only_file_system_is_told_as_such(tmp_path: Path) -> None:
    with odd(tmp_path, "read-only") as connector, connector:
        assert connector.protection().mode == connector.protection("object").mode == "read-only"
        assert (connector.permissions().can_write, connector.permissions().can_delete) == (False, False)
        assert connector.identity().device == f"ssh:{connector.identity().trait('host_key')}"
        assert connector.identity().trait("file_system_id") == "7"
        with pytest.raises(NotThere):
            connector.protection("absent")


def test_something_else_than_sftp_is_malformed(tmp_path: Path) -> None:
    with odd(tmp_path, "garbage") as connector, pytest.raises(Malformed):
        connector.open()


def test_an_sftp_server_that_says_nothing_times_out(tmp_path: Path) -> None:
    with odd(tmp_path, "silent", seconds=1.5) as connector:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            connector.open()
        connector.close()
        assert time.monotonic() - started < 1.5 + BUSY


def test_a_read_that_hangs_times_out_and_closing_does_not_wait(tmp_path: Path) -> None:
    with odd(tmp_path, "hangs", seconds=4) as connector:
        with connector, pytest.raises(TimedOut):
            content(connector, "object")
        started = time.monotonic()
        connector.close()
        assert time.monotonic() - started < 3


# Answers


@given(st.binary())
def test_any_answer_is_understood_or_malformed(body: bytes) -> None:
    for parse in (Attributes.taken_from, FileSystem.taken_from, lambda answer: list(read_names(answer)), lambda answer: answer.expect(1, "x")):
        with contextlib.suppress(ConnectorError):
            parse(Answer(sftp.CMD_STATUS, body))


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 2**63 - 1), st.integers(0, 2**32 - 1))
def test_attributes_are_read_as_they_were_written(name: bytes, long: bytes, size: int, when: int) -> None:
    flags = 1 | 2 | 4 | 8 | 0x80000000
    extra = (1).to_bytes(4, "big") + text(b"key@example") + text(b"value")
    fields = flags.to_bytes(4, "big") + size.to_bytes(8, "big") + bytes(3) + b"\x07" + bytes(4) + (0o100600).to_bytes(4, "big")
    body = (1).to_bytes(4, "big") + text(name) + text(long) + fields + bytes(4) + when.to_bytes(4, "big") + extra
    answer = Answer(sftp.CMD_NAME, body)
    ((read, attributes),) = read_names(answer)
    assert (read, attributes.size, attributes.modified, attributes.owner, attributes.regular) == (name, size, when, 7, True)
    assert not answer.more()
