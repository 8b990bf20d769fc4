"""Notices by mail: one message for each recipient, through the estate's mail server (RFC 5321), with TLS verified."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from drcheck.clock import Deadline, now
from drcheck.errors import NotDelivered
from drcheck.estate.notices import Smtp
from drcheck.model import printable
from drcheck.notices.message import Message
from drcheck.notices.network import network_trouble
from drcheck.secrets import SecretResolver, resolve

LONGEST_ANSWER = 160


class Mailbox:
    """One recipient of mail: a channel, see `drcheck.notices.delivery`."""

    def __init__(self, smtp: Smtp, recipient: str, secrets: SecretResolver = resolve) -> None:
        self.name = f"smtp:{recipient}"
        self._smtp = smtp
        self._recipient = recipient
        self._secrets = secrets

    @property
    def shown(self) -> str:
        """Where notices go, for people."""
        host, port = self._smtp.where
        return f"mail to {self._recipient} by {host}:{port} ({self._smtp.security})"

    def send(self, message: Message, deadline: Deadline) -> str:
        """
        Give the message to the mail server; returns who accepted it.

        Raises:
            NotDelivered: it did not accept it.
            NoCredentials: the password cannot be had.
        """
        password = self._secrets(self._smtp.password).reveal() if self._smtp.password is not None else ""
        host, port = self._smtp.where
        try:
            self._hand_over(self._mail(message), password, deadline)
        except smtplib.SMTPAuthenticationError as error:
            # Its answer is not repeated: it can hold what it was told.
            raise NotDelivered(f"{host}:{port} refused the login ({error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError as error:
            wanted = "STARTTLS" if "STARTTLS" in str(error) else "what is needed to log in"
            raise NotDelivered(f'{host}:{port} does not offer {wanted}; look at `security` and `port`, where "tls" goes with 465') from None
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            raise NotDelivered(f"{host}:{port} refused the recipient ({code} {_shortened(answer)})") from None
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(f"{host}:{port} refused the message ({error.smtp_code} {_shortened(error.smtp_error)})") from None
        except smtplib.SMTPException as error:
            # The library says of a server that hangs that it closed the connection.
            if isinstance(error.__context__, TimeoutError):
                raise NotDelivered(f"{host}:{port}: {network_trouble(error.__context__)}") from None
            raise NotDelivered(f"{host}:{port} broke off ({type(error).__name__})") from None
        except OSError as error:
            raise NotDelivered(f"{host}:{port}: {network_trouble(error)}") from None
        return f"{host} accepted it for {self._recipient}"

    def _hand_over(self, mail: EmailMessage, password: str, deadline: Deadline) -> None:
        host, port = self._smtp.where
        seconds = max(1.0, deadline.remaining() or 1.0)
        context = ssl.create_default_context()
        # The library would look the machine's whole name up, which can take long where names are not served.
        myself = printable(socket.gethostname()) or "localhost"
        client = (
            smtplib.SMTP_SSL(host, port, local_hostname=myself, timeout=seconds, context=context)
            if self._smtp.security == "tls"
            else smtplib.SMTP(host, port, local_hostname=myself, timeout=seconds)
        )
        try:
            if self._smtp.security == "starttls":
                client.starttls(context=context)
            if self._smtp.username:
                client.login(self._smtp.username, password)
            client.send_message(mail, self._smtp.sender, [self._recipient])
        except BaseException:
            client.close()
            raise
        # It has accepted the message; how it says goodbye changes nothing.
        with suppress(OSError, smtplib.SMTPException):
            client.quit()

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = Address("drcheck", addr_spec=self._smtp.sender)
        mail["To"] = Address(addr_spec=self._recipient)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(now())
        mail["Message-ID"] = f"<{message.id}@{self._smtp.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is to be told of
        mail.set_content(message.body)
        return mail


def _shortened(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return printable(" ".join(text.split()))[:LONGEST_ANSWER]
