"""
Reaching an SSH server and proving who both sides are: dial, pinned host key, then only the credentials that the estate names.

Nothing is looked for in ~/.ssh, no agent is asked unless the estate says so, nothing is ever prompted for, and no host key is ever added.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shlex
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.agent import AgentSSH, get_agent_connection
from paramiko.ssh_exception import IncompatiblePeer

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog
from drcheck.connectors.sftp_hostkeys import HostKeyPins, kind_of
from drcheck.connectors.sftp_session import WINDOW, ReadOnlySession
from drcheck.errors import AccessDenied, Malformed, NoCredentials, TimedOut, Unreachable, Unsupported
from drcheck.model import printable
from drcheck.secrets import Secret

PATIENCE = 30.0
"""Seconds that reaching the server and each step of the login may take, where the deadline is later."""

_LOG = "drcheck.connectors.ssh"
_KEEPALIVE = 30  # seconds of silence after which a sign of life is sent, below what firewalls forget
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_ALGORITHMS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")

Attempt = tuple[str, Callable[[paramiko.Transport], Sequence[str]]]
"""What is tried, in words, and how; the result names the methods that the server wants as well."""
Attempts = list[Attempt]
"""What is tried, in its order."""


class _Quiet(logging.Filter):
    """What paramiko's threads log is raised as well; it is shown where debugging is on, not as tracebacks in a cron mail."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(_LOG).isEnabledFor(logging.DEBUG)


logging.getLogger(_LOG).addFilter(_Quiet("paramiko"))


def connect(host: str, port: int, pins: HostKeyPins, deadline: Deadline) -> paramiko.Transport:
    """
    An encrypted connection to the server that holds a pinned key; nobody has logged in yet.

    Where only fingerprints are pinned and the first key shown is another one, the server is asked for its keys of other types too.

    Raises:
        ConnectorError: Unreachable, TimedOut, Untrusted, or Malformed where there is no common protocol.
    """
    server = f"{printable(host)}:{port}"
    shown: list[bytes] = []
    wanted = _wanted(pins)
    while wanted:
        transport = _dial(host, port, server, deadline)
        try:
            _negotiate(transport, wanted, server, deadline)
            key = transport.get_remote_server_key().asbytes()
        except IncompatiblePeer as error:
            hang_up(transport)
            if shown:
                break
            raise Malformed(f"{server}: no common way of speaking SSH: {printable(str(error))}") from error
        except BaseException:
            hang_up(transport)
            raise
        if pins.trusts(key):
            transport.set_keepalive(_KEEPALIVE)
            return transport
        hang_up(transport)
        shown.append(key)
        wanted = [name for name in wanted if name not in _algorithms_of(kind_of(key))] if pins.fingerprints else []
    raise pins.refusal(server, shown)


def hang_up(transport: paramiko.Transport) -> None:
    """End a connection at once: nothing is sent, so nothing can block. Safe to call twice."""
    with contextlib.suppress(OSError):
        if isinstance(transport.sock, socket.socket):
            transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()
    transport.sock.close()
    if transport.is_alive():
        transport.join(1.0)
    transport.packetizer.complete_handshake()  # ends a timer, which would keep a finished process alive


def log_in(transport: paramiko.Transport, user: str, attempts: Attempts, deadline: Deadline) -> None:
    """
    Prove who we are, by each attempt in turn until the server is content.

    Raises:
        ConnectorError: AccessDenied where the server refuses them all, TimedOut, or Unreachable where it hangs up.
    """
    refused: list[str] = []
    for name, attempt in attempts:
        limit = _limit(deadline)
        transport.auth_timeout = limit.seconds or PATIENCE
        try:
            wanted = attempt(transport)
        except paramiko.BadAuthenticationType as error:
            refused.append(f"{name} is not allowed there (only {printable(', '.join(error.allowed_types))})")
        except paramiko.SSHException as error:
            if _over(limit):
                raise TimedOut(f"no answer to the login within {limit.seconds:g} s") from error
            if not isinstance(error, paramiko.AuthenticationException) or not (transport.is_active() or refused):
                raise Unreachable(f"the connection was lost during the login: {printable(str(error))}") from error
            refused.append(f"{name} was refused")
        except (OSError, EOFError) as error:
            raise Unreachable(f"the connection was lost during the login: {error or type(error).__name__}") from error
        else:
            if not wanted and transport.is_authenticated():
                return
            refused.append(f"{name} is not enough, {printable(', '.join(wanted)) or 'something more'} is wanted as well")
        if not transport.is_active():
            break
    raise AccessDenied(f"the server does not let {printable(user)} in: {'; '.join(refused)}")


def start_session(transport: paramiko.Transport, deadline: Deadline, calls: CallLog, alive: Callable[[], object]) -> ReadOnlySession:
    """
    The read-only SFTP session of a login, which calls `alive` when answers came.

    Raises:
        ConnectorError: Unsupported where the server has no SFTP for us, Malformed where something else answers, TimedOut or Unreachable.
    """
    with _starting(transport, deadline, "SFTP") as channel:
        channel.invoke_subsystem("sftp")
        return ReadOnlySession(channel, deadline=deadline, calls=calls, alive=alive)


def start_command(transport: paramiko.Transport, command: str, deadline: Deadline) -> paramiko.Channel:
    """The channel of a command that the server's shell was told to run. Raises as `start_session` does."""
    with _starting(transport, deadline, "command") as channel:
        channel.exec_command(command)
        return channel


@contextlib.contextmanager
def _starting(transport: paramiko.Transport, deadline: Deadline, what: str) -> Iterator[paramiko.Channel]:
    """A new channel, within which something is started on it."""
    limit = _limit(deadline)
    # paramiko waits for ever for the answer to what it asks on a channel; hanging up ends that.
    watchdog = threading.Timer(limit.seconds or PATIENCE, hang_up, [transport])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield transport.open_session(window_size=WINDOW, timeout=limit.seconds)
    except (OSError, EOFError, paramiko.SSHException) as error:
        if _over(limit):
            raise TimedOut(f"the server did not start {what} within {limit.seconds:g} s") from error
        if transport.is_active():
            raise Unsupported(f"the server has no {what} for us: {printable(str(error))}") from error
        raise Unreachable(f"the connection was lost before {what} started: {printable(str(error)) or type(error).__name__}") from error
    finally:
        watchdog.cancel()


def key_attempt(user: str, file: Path, certificate: Path | None, passphrase: Secret | None) -> Attempt:
    """
    Log in with a private key file, and with the certificate that a certificate authority made for it.

    Raises:
        NoCredentials: a file cannot be used; the message says what to do.
    """
    key = _load_key(file, passphrase)
    name = f"the key {printable(str(file))}"
    if certificate is not None:
        name += f" with the certificate {printable(str(certificate))} (ssh-keygen -L -f shows its dates and names)"
        try:
            key.load_certificate(certificate.read_text(encoding="utf-8"))
        except OSError as error:
            raise NoCredentials(f"certificate {printable(str(certificate))}: {error.strerror or error}") from error
        except (ValueError, paramiko.SSHException) as error:
            raise NoCredentials(f"certificate {printable(str(certificate))}: is not a certificate for this key: {printable(str(error))}") from error
    return name, lambda transport: transport.auth_publickey(user, key)


def password_attempt(user: str, password: Secret) -> Attempt:
    """Log in with a password, and not by asking and answering (keyboard-interactive) where the server refuses passwords."""
    return "the password", lambda transport: transport.auth_password(user, password.reveal(), fallback=False)


@contextlib.contextmanager
def agent_attempts(user: str, deadline: Deadline) -> Iterator[Attempts]:
    """
    Log in with each key of the SSH agent that SSH_AUTH_SOCK names; the agent is let go at the end.

    Raises:
        NoCredentials: there is no agent, it does not answer, or it holds no key.
    """
    agent = _Agent(deadline)
    try:
        found = [(f"the agent's key {printable(key.comment) or key.get_name()}", key) for key in agent.get_keys()]
        if not found:
            raise NoCredentials("the SSH agent holds no key; add one with ssh-add, or give key_file")
        yield [(name, lambda transport, key=key: transport.auth_publickey(user, key)) for name, key in found]  # type: ignore[misc]
    finally:
        agent.close()


class _Agent(AgentSSH):
    """The SSH agent, which must answer in time as everybody else: paramiko's own waits for ever."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        connection = _agent_connection(_limit(deadline))
        if connection is None:
            raise NoCredentials("agent = true, but no SSH agent answers; start one and set SSH_AUTH_SOCK, or give key_file")
        try:
            self._connect(connection)  # type: ignore[attr-defined]  # the stubs leave inner methods out
        except (OSError, paramiko.SSHException) as error:
            connection.close()
            raise NoCredentials(f"the SSH agent does not answer: {error or type(error).__name__}") from error

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


def _agent_connection(limit: Deadline) -> socket.socket | None:
    """A connection to the agent, None where there is none. Pageant and Windows' own agent are reached as paramiko does it."""
    if sys.platform == "win32":
        return get_agent_connection()
    place = os.environ.get("SSH_AUTH_SOCK")
    if not place:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(limit.seconds)
        connection.connect(place)
    except OSError:
        connection.close()
        return None
    return connection


def _wanted(pins: HostKeyPins) -> list[str]:
    """The host key algorithms to ask for, those of the pinned keys first: the server shows one key, of the first type that it has."""
    pinned = [name for kind in pins.kinds for name in _algorithms_of(kind) if name in _ALGORITHMS]
    return [*pinned, *(name for name in _ALGORITHMS if name not in pinned)]


def _algorithms_of(kind: str) -> tuple[str, ...]:
    """The signature algorithms of one type of key (RFC 8332 for RSA)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _limit(deadline: Deadline) -> Deadline:
    """The deadline of one step."""
    deadline.check()
    left = deadline.remaining()
    return Deadline(PATIENCE if left is None else min(left, PATIENCE))


def _over(limit: Deadline) -> bool:
    """Whether a step took its whole time: paramiko looks at its own clocks ten times a second."""
    return (limit.remaining() or 0.0) < 0.15


def _dial(host: str, port: int, server: str, deadline: Deadline) -> paramiko.Transport:
    limit = _limit(deadline)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{server}: the name is not known here: {error}") from error
    last: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        limit.check()
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(limit.remaining())
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return paramiko.Transport(connection, default_window_size=WINDOW)
        except OSError as error:
            connection.close()
            last = error
    if isinstance(last, TimeoutError):
        raise TimedOut(f"{server}: no connection within {limit.seconds:g} s") from last
    raise Unreachable(f"{server}: {last.strerror or last if last else 'has no address'}") from last


def _negotiate(transport: paramiko.Transport, algorithms: Sequence[str], server: str, deadline: Deadline) -> None:
    limit = _limit(deadline)
    seconds = limit.seconds or PATIENCE
    transport.set_log_channel(_LOG)
    transport.banner_timeout = transport.handshake_timeout = transport.channel_timeout = seconds
    options = transport.get_security_options()
    options.ciphers = [name for name in _CIPHERS if name in options.ciphers]
    options.digests = [name for name in _MACS if name in options.digests]
    options.key_types = [name for name in algorithms if name in options.key_types]
    try:
        transport.start_client(timeout=seconds)
    except IncompatiblePeer:
        raise
    except (OSError, EOFError, paramiko.SSHException) as error:
        _lost(error, limit, server)
    if not transport.initial_kex_done:
        raise TimedOut(f"{server}: accepts connections, but did not agree on keys within {seconds:g} s")


def _lost(error: Exception, limit: Deadline, server: str) -> NoReturn:
    if _over(limit):
        raise TimedOut(f"{server}: accepts connections, but did not speak SSH within {limit.seconds:g} s") from error
    raise Unreachable(f"{server}: the connection was lost before keys were agreed on: {printable(str(error)) or type(error).__name__}") from error


def _load_key(file: Path, passphrase: Secret | None) -> paramiko.PKey:
    shown = printable(str(file))
    try:
        mode = file.stat().st_mode
        content = file.read_bytes()
    except OSError as error:
        raise NoCredentials(f"key_file {shown}: {error.strerror or error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NoCredentials(f"key_file {shown}: can be read by others; run: chmod 600 {shlex.quote(shown)}")
    key = _parse_key(content, shown, passphrase)
    # Written out again in memory: paramiko reads the OpenSSH form only, and the slow passphrase function then runs once.
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode("ascii")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return paramiko.Ed25519Key.from_private_key(io.StringIO(plain))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return paramiko.ECDSAKey.from_private_key(io.StringIO(plain))
    return paramiko.RSAKey.from_private_key(io.StringIO(plain))


def _parse_key(content: bytes, shown: str, passphrase: Secret | None) -> ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    password = None if passphrase is None else passphrase.reveal().encode("utf-8")
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in content
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = load(content, password)
    except TypeError as error:
        if passphrase is None:
            raise NoCredentials(f'key_file {shown}: is encrypted; give passphrase = "env:NAME" or another reference') from error
        raise NoCredentials(f"key_file {shown}: is not encrypted; leave passphrase out") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        what = f"the passphrase of {passphrase.reference} does not open it" if passphrase is not None else "is no private key that can be used"
        raise NoCredentials(f"key_file {shown}: {what}") from error
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise NoCredentials(f"key_file {shown}: keys of this type are not used any more; make one with ssh-keygen -t ed25519")
