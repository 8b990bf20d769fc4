"""Mail, against real servers: what is encrypted, who is let in, and what a refusal says."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline
from drcheck.errors import NotDelivered
from drcheck.estate.notices import Smtp
from drcheck.notices.delivery import deliver
from drcheck.notices.message import Message
from drcheck.notices.smtp import Mailbox
from drcheck.secrets import Secret
from tests.connectors.s3_faults import certificate
from tests.notices.servers import dribbling, mail_server

CANARY = "cAnArY-smtp-!7"
MESSAGE = Message("drcheck Ärzte Hospital: 2 fail", "Bödy\n" + "x" * 2000 + "\n.\nend\n", "0123abcd")


def mailbox(port: int, recipient: str = "it@example.org", password: str = CANARY, **more: Any) -> Mailbox:
    """A recipient of mail by the server at this port."""
    login = {"username": "drcheck", "password": "env:PASSWORD"} if password else {}
    smtp = Smtp.model_validate({"host": "127.0.0.1", "port": port, "from": "drcheck@example.org", "to": [recipient], **login, **more})
    return Mailbox(smtp, recipient, lambda reference: Secret(password, reference))


def refusal(box: Mailbox) -> str:
    """What is said where the message is not accepted."""
    with pytest.raises(NotDelivered) as caught:
        box.send(MESSAGE, Deadline(20))
    said = str(caught.value)
    assert CANARY not in said
    return said


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_message_arrives_encrypted_and_after_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str) -> None:
    trust, context = certificate(tmp_path, "mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    with mail_server(**{security: context}, password=CANARY) as mails:
        box = mailbox(mails.port, security=security)
        assert box.send(MESSAGE, Deadline(20)) == "127.0.0.1 accepted it for it@example.org"
    ((sender, recipient, mail),) = mails.accepted
    assert (sender, recipient, mails.logins) == ("drcheck@example.org", "it@example.org", [True])
    assert (mail["Subject"], mail["To"], mail["From"]) == (MESSAGE.subject, "it@example.org", "drcheck <drcheck@example.org>")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<0123abcd@example.org>", "auto-generated")
    assert re.fullmatch(r"\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d \+0000", mail["Date"])
    assert mails.bodies() == [MESSAGE.body]


def test_a_certificate_of_somebody_else_ends_it_before_the_login(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "mail")
    with mail_server(starttls=context, password=CANARY) as mails:
        assert "its certificate was not accepted" in refusal(mailbox(mails.port))
    assert (mails.accepted, mails.logins) == ([], [])


def test_a_server_without_starttls_is_given_nothing() -> None:
    with mail_server() as mails:
        assert "does not offer STARTTLS" in refusal(mailbox(mails.port))
    assert (mails.accepted, mails.logins) == ([], [])


def test_a_wrong_password_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust, context = certificate(tmp_path, "mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    with mail_server(starttls=context, password="another") as mails:
        assert refusal(mailbox(mails.port)) == f"127.0.0.1:{mails.port} refused the login (535)"


def test_what_the_server_refuses_is_said_in_its_words() -> None:
    with mail_server() as mails:
        box = mailbox(mails.port, password="", security="none")
        mails.refused = {"it@example.org"}
        assert "refused the recipient (550 5.1.1 no such mailbox)" in refusal(box)
        mails.refused, mails.broken = set(), "554 5.7.1 \x1b[31mrelay access denied"
        assert "refused the message (554 5.7.1 \\x1b[31mrelay access denied)" in refusal(box)


def test_a_server_that_is_not_there_or_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.workers.GRACE", 0.1)
    with mail_server() as mails:
        pass
    assert "connection refused" in refusal(mailbox(mails.port, password="", security="none"))
    with dribbling() as port:
        box = mailbox(port, password="", security="none")
        answer = deliver([box], {box.name: MESSAGE}, seconds=1)[box.name]
        assert (answer.accepted, answer.said) == (False, "no answer within 1 s")


def test_a_server_that_hangs_did_not_close_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        box = mailbox(server.getsockname()[1], password="", security="none")
        with pytest.raises(NotDelivered, match="it did not answer in time"):
            box.send(MESSAGE, Deadline(1))


def test_nothing_in_a_message_makes_a_header() -> None:
    with mail_server() as mails:
        box = mailbox(mails.port, password="", security="none")
        hostile = Message("a\\x0d\\x0aBcc: x@example.org", "b\r\n.\r\nMAIL FROM:<x@example.org>\r\n", "id")
        box.send(hostile, Deadline(20))
    ((_, _, mail),) = mails.accepted
    assert mail["Bcc"] is None
    assert "MAIL FROM" in mail.get_content()
