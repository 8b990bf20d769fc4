"""
A folder on an SFTP server. See docs/connectors/sftp.md.

Host keys are pinned and never added; only the credentials that the estate names are used; requests that write are refused before they are sent
(`drcheck.connectors.sftp_session`).
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import ClassVar

import paramiko

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry, Options
from drcheck.connectors.sftp_answers import Attributes
from drcheck.connectors.sftp_hostkeys import HostKeyPins, fingerprint, pins_from_known_hosts, pins_from_text
from drcheck.connectors.sftp_login import Attempts, agent_attempts, connect, hang_up, key_attempt, log_in, password_attempt, start_session
from drcheck.connectors.sftp_options import SftpOptions
from drcheck.connectors.sftp_pipeline import Pipeline
from drcheck.connectors.sftp_remote_hash import CALL, RemoteHash
from drcheck.connectors.sftp_session import ALLOWED_CALLS, ReadOnlySession
from drcheck.connectors.sftp_tree import SftpTree
from drcheck.digests import Digests
from drcheck.errors import AccessDenied, ConnectorError, NotThere, Unreachable, Unsupported, Untrusted
from drcheck.model import Encryption, Identity, Permissions, Protection, printable
from drcheck.secrets import SecretResolver

# What OpenSSH's sftp-server offers (its PROTOCOL, section 4). Started with -R, it offers the first and none of the second.
_OFFERED_READING = frozenset({b"statvfs@openssh.com", b"fstatvfs@openssh.com", b"limits@openssh.com", b"expand-path@openssh.com"})
_OFFERED_WRITING = frozenset({b"posix-rename@openssh.com", b"hardlink@openssh.com", b"fsync@openssh.com", b"lsetstat@openssh.com", b"copy-data"})


class SftpConnector(Connector):
    """Read-only access to a folder on an SFTP server."""

    kind: ClassVar[str] = "sftp"
    options_class: ClassVar[type[Options]] = SftpOptions
    allowed_calls: ClassVar[frozenset[str]] = ALLOWED_CALLS | {"ssh:connect", "ssh:login", CALL}

    def __init__(self, options: Options, *, secrets: SecretResolver, deadline: Deadline, calls: CallLog) -> None:
        super().__init__(options, secrets=secrets, deadline=deadline, calls=calls)
        if not isinstance(options, SftpOptions):
            raise TypeError(f"an SFTP connector takes SftpOptions, not {type(options).__name__}")
        self._wanted = options
        self._transport: paramiko.Transport | None = None
        self._opened: tuple[ReadOnlySession, SftpTree] | None = None

    @classmethod
    def address(cls, options: Mapping[str, object]) -> str:
        return f"sftp://{options.get('host', '')}:{options.get('port', 22)}/{str(options.get('root', '')).lstrip('/')}"

    def open(self) -> None:
        self.close()
        self.deadline.check()
        wanted = self._wanted
        pins = _pins(wanted)
        with contextlib.ExitStack() as held:
            attempts = self._attempts(held)
            self.calls.record("ssh:connect", f"{wanted.host}:{wanted.port}")
            self._transport = connect(wanted.host, wanted.port, pins, self.deadline)
            self.calls.record("ssh:login", wanted.user)
            log_in(self._transport, wanted.user, attempts, self.deadline)
        session = start_session(self._transport, self.deadline, self.calls, self._is_alive)
        self._opened = session, SftpTree(session, wanted.root, self.deadline)

    def close(self) -> None:
        self._opened = None
        if self._transport is not None:
            hang_up(self._transport)
            self._transport = None

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self._tree.walk(prefix.removesuffix("/"))

    def stat(self, key: str) -> Entry:
        return self._tree.entry(key)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if start < 0 or (length is not None and length < 0):
            raise ValueError("a range begins at 0 or later and is not shorter than nothing")
        return self._tree.read(key, start, length, self.pace)

    def digests(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        if self._wanted.server_hash:
            remote = RemoteHash(self._connection, self._wanted.server_hash, self._tree, deadline=self.deadline, calls=self.calls, pace=self.pace)
            claimed = remote.claims(wanted)
        else:
            claimed = ((entry, algorithms, None) for entry, algorithms in wanted)
        return Pipeline(self._session, self._tree, self.deadline, self.pace).digests(claimed)

    def identity(self) -> Identity:
        key = fingerprint(self._connection.get_remote_server_key().asbytes())
        number = self._tree.file_system
        traits = [
            ("host", self._wanted.host),
            ("host_key", key),
            ("server", printable(self._connection.remote_version)),
            ("root", printable(self._tree.root.decode("utf-8", "surrogateescape"))),
            ("file_system_id", f"{number:x}" if number else ""),
        ]
        # One server counts as one device: two of its file systems can lie on the same disks, and counting them twice would be a false pass.
        return Identity(f"{self._wanted.user}@{self._wanted.host}", f"ssh:{key}", tuple((name, value) for name, value in traits if value))

    def protection(self, key: str | None = None) -> Protection:
        if key is not None:
            self._tree.file(key)
        if self._session.file_system(self._tree.path(key or "")).read_only:
            return Protection("read-only", detail="the file system is mounted read-only on the server; whoever administers the server can lift that")
        raise Unsupported("SFTP cannot say whether a place is immutable, and this file system is not mounted read-only")

    def encryption(self) -> Encryption:
        return Encryption(at_rest="", in_transit=self._connection.remote_cipher)  # type: ignore[attr-defined]  # missing in the stubs

    def permissions(self) -> Permissions:
        try:
            root = self._seen(self._tree.root)
        except AccessDenied:
            return Permissions(None, None, None, None, "the server denies us even the attributes of the root")
        try:
            next(self._session.names(self._tree.root), None)
            can_list = True
        except AccessDenied:
            can_list = False
        can_write, how = self._can_write(root)
        sticky = root.mode is None or bool(root.mode & stat.S_ISVTX)
        return Permissions(can_list, None, can_write, None if can_write and sticky else can_write, f"{how}; nothing was written")

    def clock_skew(self) -> float:
        raise Unsupported("an SFTP server does not tell its time unless something is written there, which drcheck never does")

    @property
    def _session(self) -> ReadOnlySession:
        return self._open_parts[0]

    @property
    def _tree(self) -> SftpTree:
        return self._open_parts[1]

    @property
    def _open_parts(self) -> tuple[ReadOnlySession, SftpTree]:
        if self._opened is None:
            raise RuntimeError("the connector is used before `open` or after `close`")
        return self._opened

    @property
    def _connection(self) -> paramiko.Transport:
        if self._transport is None:
            raise RuntimeError("the connector is used before `open` or after `close`")
        if not self._transport.is_active():
            raise Unreachable("the connection to the server was lost")
        return self._transport

    def _is_alive(self) -> None:
        self.pace.add()

    def _attempts(self, held: contextlib.ExitStack) -> Attempts:
        """The ways to log in that the estate names, in the order key, agent, password, each with its secret."""
        wanted = self._wanted
        attempts: Attempts = []
        if wanted.key_file is not None:
            passphrase = None if wanted.passphrase is None else self.secrets(wanted.passphrase)
            attempts.append(key_attempt(wanted.user, wanted.key_file, wanted.certificate, passphrase))
        if wanted.agent:
            attempts.extend(held.enter_context(agent_attempts(wanted.user, self.deadline)))
        if wanted.password is not None:
            attempts.append(password_attempt(wanted.user, self.secrets(wanted.password)))
        return attempts

    def _seen(self, path: bytes) -> Attributes:
        (found,) = self._session.look([path])
        if found is None:
            raise NotThere(f"{printable(path.decode('utf-8', 'surrogateescape'))}: is not there any more")
        return found

    def _can_write(self, root: Attributes) -> tuple[bool | None, str]:
        """Whether we may make and remove files in the root, and how that was learnt. A server does not say as whom we are logged in."""
        with contextlib.suppress(AccessDenied, Unsupported):
            if self._session.file_system(self._tree.root).read_only:
                return False, "the server says that the file system is mounted read-only (statvfs)"
        offered = frozenset(self._session.extensions)
        if offered >= _OFFERED_READING and not offered & _OFFERED_WRITING:
            return False, "the server offers every extension of OpenSSH that reads and none that writes, as internal-sftp -R does"
        if root.mode is not None and root.mode & 0o333 == 0o333:
            return True, "the root's mode lets everybody write"
        try:
            home = self._seen(self._session.real_path(b"."))
        except (AccessDenied, NotThere):
            return None, "the server does not say as whom we are logged in, so the root's mode tells nothing about us"
        if self._wanted.user == "root" and home.owner == 0:
            return True, "we are logged in as root"
        if root.mode is not None and root.mode & 0o300 == 0o300 and root.owner and root.owner == home.owner:
            return True, "the root belongs to the owner of the folder that our login begins in, who may write"
        return None, "the server does not say as whom we are logged in, and the root's mode does not let everybody write"


def _pins(wanted: SftpOptions) -> HostKeyPins:
    """The pinned host keys. Raises `Untrusted` where the file that holds them cannot be read."""
    if wanted.known_hosts is None:
        return pins_from_text(wanted.host_key or "")
    shown = printable(str(wanted.known_hosts))
    try:
        text = wanted.known_hosts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise Untrusted(f"known_hosts {shown}: {error.strerror or error}; without a pinned host key nobody is trusted") from error
    return pins_from_known_hosts(text, wanted.host, wanted.port, shown)
