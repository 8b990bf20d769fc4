"""Real servers on loopback that take notices and pings: a mail server, and one that speaks HTTP."""

from __future__ import annotations

import email
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.connectors.s3_faults import serving
from tests.connectors.sshd import free_port


@dataclass
class Mails:
    """What a mail server accepted, and what it refuses."""

    port: int
    accepted: list[tuple[str, str, EmailMessage]] = field(default_factory=list)
    """Sender, recipient and message of each."""
    refused: set[str] = field(default_factory=set)
    """Recipients that are refused."""
    broken: str = ""
    """What each message is answered with instead; empty to accept it."""
    logins: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Accept a recipient, or not."""
        if address in self.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Accept a message, or not."""
        if self.broken:
            return self.broken
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.accepted += [(str(envelope.mail_from), recipient, message) for recipient in envelope.rcpt_tos]
        return "250 OK"

    def bodies(self) -> list[str]:
        """The text of each message."""
        return [message.get_content().replace("\r\n", "\n") for _, _, message in self.accepted]

    def subjects(self) -> list[str]:
        """The subject of each message."""
        return [str(message["Subject"]) for _, _, message in self.accepted]


@contextmanager
def mail_server(*, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, password: str = "") -> Iterator[Mails]:
    """A mail server: with TLS from the start, by STARTTLS, or without; with a password it insists on the login of `drcheck`."""
    mails = Mails(free_port())

    def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"drcheck", password.encode())
        mails.logins.append(good)
        return AuthResult(success=good, handled=False)

    login: dict[str, Any] = {"authenticator": authenticator, "auth_required": True, "auth_require_tls": bool(starttls)} if password else {}
    if tls is not None and password:
        # All of it is encrypted, which aiosmtpd does not see, and so asks for no login before a message.
        login |= {"auth_require_tls": False, "auth_required": False}
    controller = Controller(
        mails, hostname="127.0.0.1", port=mails.port, ssl_context=tls, tls_context=starttls, require_starttls=starttls is not None, **login
    )
    controller.start()
    try:
        yield mails
    finally:
        controller.stop()


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    query: dict[str, str]
    body: str

    @property
    def notice(self) -> dict[str, Any]:
        """What Apprise's `json://` sent."""
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass
class Web:
    """What a server was asked, and how it answers."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], tuple[int, str]] = lambda _: (200, "OK")
    limit: int | None = None
    """Announced as `Ping-Body-Limit`."""

    def paths(self) -> list[str]:
        """The path of each request."""
        return [each.path for each in self.heard]


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server that answers every request alike."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            heard = Heard(parts.path, {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}, body)
            web.heard.append(heard)
            status, text = web.answer(heard)
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", text)
            if web.limit is not None:
                self.send_header("Ping-Body-Limit", str(web.limit))
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = respond  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    with serving(Handler, tls) as web.url:
        yield web


@contextmanager
def dribbling() -> Iterator[int]:
    """A server that sends a byte now and then, and never comes to an end; gives its port."""
    ended = threading.Event()

    def dribble(connection: socket.socket) -> None:
        with connection:
            while not ended.wait(0.1):
                try:
                    connection.sendall(b"2")
                except OSError:
                    return

    def accept(server: socket.socket) -> None:
        while not ended.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=dribble, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        ended.set()
