"""
One connection to an S3 server on which GETs are asked one after the other, and bodies are read into buffers of the caller's.

It speaks as much of HTTP/1.1 (RFC 9112) as a plain answer with a known length needs. Anything else raises `Odd`: then boto3 is asked instead,
which understands the rest and finds the words for what is wrong. The connection is made by the classes below boto3, so that certificates, names and
proxies are judged alike.
"""

from __future__ import annotations

import contextlib
import io
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from drcheck.clock import Deadline
from drcheck.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE = 65536
"""Bytes of the longest line that is read of a head."""
_LINES = 200
_DIGITS = 18
_BUFFER = 2**16
_STEP = 2**18
"""Bytes that leave is asked for at a time."""
_TELL = 2**16
"""Bytes from which on they are told: a TLS record holds a quarter of it."""


class Odd(Exception):
    """An answer, or an end of the connection, that is not the plain one that was expected."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(f"status {status}" if status else "no plain answer")
        self.status = status
        """The HTTP status of a whole answer; 0 where there was none."""


@dataclass(frozen=True, slots=True)
class Head:
    """The part of an answer before its body."""

    status: int
    length: int
    """Bytes of the body."""
    etag: str
    span: str
    """`Content-Range`."""


class Dialler:
    """How connections to one server are made."""

    def __init__(self, url: str, verify: str | bool, connect_seconds: float) -> None:
        from botocore.httpsession import ProxyConfiguration, create_urllib3_context, get_cert_path
        from botocore.utils import get_environ_proxies

        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._secure else 80)
        self._seconds = connect_seconds
        self._context = create_urllib3_context() if self._secure else None
        # True means the certificates that come with botocore.
        self._certificates = verify if isinstance(verify, str) else get_cert_path(True)
        proxies = ProxyConfiguration(get_environ_proxies(url))
        self._proxy: str | None = proxies.proxy_url_for(url)
        self._proxy_headers: Mapping[str, str] = proxies.proxy_headers_for(self._proxy) if self._proxy else {}

    def possible(self) -> bool:
        """Whether connections can be made: directly, or through a proxy's tunnel. Other ways through proxies are left to boto3."""
        return self._proxy is None or (self._secure and self._proxy.startswith("http:"))

    def dial(self, seconds: float) -> Any:
        """An open connection of urllib3's, within `seconds`. Raises what boto3's transport raises."""
        from urllib3.connection import HTTPConnection, HTTPSConnection

        timeout = min(self._seconds, seconds)
        proxy = urlsplit(self._proxy) if self._proxy else None
        host, port = (proxy.hostname or "", proxy.port or 80) if proxy else (self._host, self._port)
        if not self._secure:
            connection: Any = HTTPConnection(host, port, timeout=timeout)
        else:
            connection = HTTPSConnection(
                host, port, timeout=timeout, ssl_context=self._context, cert_reqs="CERT_REQUIRED", ca_certs=self._certificates
            )
        if proxy:
            connection.set_tunnel(self._host, self._port, headers=self._proxy_headers)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection


class Wire:
    """A connection that is opened when first needed, and again after it ended. Serves one thread; only `abort` may come from another."""

    def __init__(self, dialler: Dialler, pace: Pace, deadline: Deadline) -> None:
        """
        Args:
            pace: told of what comes, and what it is read at.
            deadline: until when leave to read is waited for.
        """
        self._dialler = dialler
        self._pace = pace
        self._deadline = deadline
        self._held = pace.limit is not None
        self._step = pace.portion(_STEP)
        self._leave = 0
        self._untold = 0
        self._connection: Any = None
        self._socket: socket.socket | None = None
        self._file: io.BufferedReader | None = None
        self._left = 0
        self._keep = True
        self._aborted = False

    def fresh(self) -> bool:
        """Whether the next request goes over a new connection."""
        return self._file is None

    def ask(self, request: bytes, seconds: float) -> Head:
        """
        Send a request, and read the head of its answer; every step may take `seconds`.

        Raises Odd where it is none with a length, and what sockets, TLS and urllib3 raise.
        """
        if self._left or not self._keep:
            self.close()
        if self._file is None:
            self._open(seconds)
        assert self._socket is not None
        self._socket.settimeout(seconds)
        self._socket.sendall(request)
        return self._head()

    def read_into(self, buffer: memoryview) -> int:
        """
        Bytes of the body that came next and fitted in; 0 at its end. Waits for leave first.

        Raises Odd where it ends early, TimedOut where leave would come too late, and what sockets raise.
        """
        wanted = min(len(buffer), self._left)
        if not wanted:
            return 0
        if self._held:
            wanted = min(wanted, self._may_read())
        assert self._file is not None
        count = self._file.readinto1(buffer[:wanted])
        if not count:
            raise Odd
        self._left -= count
        self._leave -= count
        self._untold += count
        if self._untold >= _TELL or not self._left:
            self._tell()
        return count

    def _may_read(self) -> int:
        """How many bytes may be read now."""
        if self._leave <= 0:
            leave = min(self._step, self._left)
            self._pace.hold(leave, self._deadline)
            self._leave = leave
        return self._leave

    def _tell(self) -> None:
        self._pace.add(self._untold)
        self._untold = 0

    def close(self) -> None:
        """Hang up. Never raises."""
        file, connection = self._file, self._connection
        self._file = self._socket = self._connection = None
        self._left, self._keep, self._leave = 0, True, 0
        if self._untold:
            self._tell()
        with contextlib.suppress(OSError):
            if file is not None:
                file.close()
        with contextlib.suppress(OSError):
            if connection is not None:
                connection.close()

    def abort(self) -> None:
        """End whatever the wire is waiting for: it raises in its own thread."""
        self._aborted = True
        line = self._socket
        if line is not None:
            with contextlib.suppress(OSError):
                # Not TLS's own, which would leave a plain socket behind for whoever is reading.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def _open(self, seconds: float) -> None:
        if self._aborted:
            raise Odd
        self._connection = self._dialler.dial(seconds)
        self._socket = self._connection.sock
        self._file = self._connection.sock.makefile("rb", _BUFFER)

    def _head(self) -> Head:
        assert self._file is not None
        line = self._file.readline(_LINE)
        if not line.startswith(b"HTTP/1.1 ") or not line.endswith(b"\r\n") or not line[9:12].isdigit():
            raise Odd
        status, fields = int(line[9:12]), self._fields(self._file)
        length = fields.get(b"content-length", b"")
        if b"transfer-encoding" in fields or not length.isdigit() or len(length) > _DIGITS or status not in (200, 206):
            raise Odd(status)
        self._left, self._leave = int(length), 0
        if not self._left:
            self._tell()  # a sign of life all the same
        self._keep = fields.get(b"connection", b"").lower() != b"close"
        return Head(status, self._left, fields.get(b"etag", b"").decode("latin-1"), fields.get(b"content-range", b"").decode("latin-1"))

    @staticmethod
    def _fields(file: io.BufferedReader) -> dict[bytes, bytes]:
        fields: dict[bytes, bytes] = {}
        for _ in range(_LINES):
            line = file.readline(_LINE)
            if line == b"\r\n":
                return fields
            name, colon, value = line.partition(b":")
            name = name.lower()
            # A name twice, a continued line or a blank before the colon could mean one thing here and another elsewhere.
            if not colon or not line.endswith(b"\r\n") or (name in fields and name in (b"content-length", b"etag")) or name != name.strip():
                raise Odd
            fields[name] = value.strip()
        raise Odd
