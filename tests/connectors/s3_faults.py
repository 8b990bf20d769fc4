"""Servers on loopback that misbehave: a proxy that refuses, cuts off and lies about the time, a silent one, and one with fixed answers."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
LISTING = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount>'
    b"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>object</Key><LastModified>2026-03-01T00:00:00Z</LastModified>"
    b'<ETag>"9dd4e461268c8034f5c8564e155c67a6"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>'
)


@dataclass(frozen=True)
class Asked:
    """One request, as a fault decides on it."""

    method: str
    key: str
    """The path without its first part, the bucket."""
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def lists(self) -> bool:
        """Whether it is ListObjectsV2."""
        return "list-type" in self.query


@dataclass(frozen=True)
class Answer:
    """An answer to give instead of the server's."""

    status: int
    body: bytes = b""


def refusal(code: str, status: int, message: str = "no") -> Answer:
    """The answer that refuses with an S3 error code."""
    return Answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


def never(_: Asked) -> None:
    """No fault."""


def denied(when: Callable[[Asked], bool]) -> Callable[[Asked], Answer | None]:
    """The fault that refuses what `when` says."""
    return lambda asked: Answer(403, DENIED) if when(asked) else None


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass

    def asked(self) -> Asked:
        parts = urlsplit(self.path)
        key = unquote(parts.path.lstrip("/").partition("/")[2])
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return Asked(self.command, key, query, {name.lower(): value for name, value in self.headers.items()})

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve with `handler` on a free loopback port; gives the URL."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients hang up in these tests

    server = Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def proxy(
    upstream: str,
    fault: Callable[[Asked], Answer | None] = never,
    *,
    skew: float = 0.0,
    cut: str = "",
    tls: ssl.SSLContext | None = None,
    date: bool = True,
) -> Iterator[str]:
    """
    A proxy in front of `upstream`; gives its URL.

    `fault` may answer instead; `skew` seconds are added to every `Date`, which is left out without `date`; GETs of the key `cut` end half-way.
    """
    address = urlsplit(upstream)

    class Proxy(_Quiet):
        def forward(self) -> None:
            asked = self.asked()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            instead = fault(asked)
            if instead is not None:
                self.answer(instead.status, [("Content-Type", "application/xml"), self._date(datetime.now(UTC))], instead.body)
                return
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body or None)
                response = connection.getresponse()
                given = [(name, value) for name, value in response.getheaders() if name.lower() != "date"]
                told = response.getheader("Date")
                if told and date:
                    given.append(self._date(parsedate_to_datetime(told)))
                self._pass_on(asked, response, given)
            finally:
                connection.close()

        def _pass_on(self, asked: Asked, response: http.client.HTTPResponse, given: list[tuple[str, str]]) -> None:
            if self.command == "HEAD":
                self.answer(response.status, given, b"", int(response.getheader("Content-Length") or 0))
            elif cut and asked.key == cut:
                whole = response.read()
                self.answer(response.status, given, whole[: len(whole) // 2], len(whole))
            else:
                self.answer(response.status, given, response.read())

        def _date(self, moment: datetime) -> tuple[str, str]:
            return "Date", format_datetime(moment.astimezone(UTC) + timedelta(seconds=skew), usegmt=True)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - http.server's names

    with serving(Proxy, tls) as url:
        yield url


@contextmanager
def answering(answer: Callable[[Asked], Answer]) -> Iterator[str]:
    """A server that gives whatever `answer` says; gives its URL."""

    class Fixed(_Quiet):
        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = answer(self.asked())
            self.answer(given.status, [("Content-Type", "application/xml")], given.body)

        do_GET = do_HEAD = do_POST = respond  # noqa: N815 - http.server's names

    with serving(Fixed) as url:
        yield url


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts and never answers; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1: the file that trusts it, and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trust, secret = folder / f"{name}.pem", folder / f"{name}.key"
    trust.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust, secret)
    return trust, context
