"""
Pings: a monitor is told when a night begins and how it ended, so that it turns red when none comes.

The protocol is that of healthchecks.io (https://healthchecks.io/docs/http_api/), which others speak too: `/start`, nothing, `/fail` and `/log` behind
the check's own address, `?rid=` to pair a start with its end, a text as the body, cut to what `Ping-Body-Limit` allows.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import urllib.error
import urllib.request
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from drcheck.clock import Deadline, wait
from drcheck.errors import DrcheckError, NotDelivered
from drcheck.notices.network import network_trouble
from drcheck.secrets import SecretResolver, resolve
from drcheck.workers import Done, Failed, run_all

SECONDS = 5.0
"""For one try."""
TRIES = 2
LONGEST_BODY = 10_000
"""Bytes; the monitor may want less."""
_PAUSE = 0.5
_ANSWER = 200


class Monitor:
    """The monitor of one night. Nothing that goes wrong with it changes what the night found: each ping returns its trouble in words, or nothing."""

    def __init__(self, reference: str, run: str, secrets: SecretResolver = resolve, seconds: float = SECONDS) -> None:
        """
        Args:
            reference: where the address is kept.
            run: a UUID that pairs the start with the end.
        """
        self._reference = reference
        self._run = run
        self._secrets = secrets
        self._seconds = seconds
        self._longest = LONGEST_BODY

    def start(self) -> str:
        """Say that the night has begun."""
        return self._ping("start", "")

    def success(self, body: str) -> str:
        """Say that it went as it should."""
        return self._ping("", body)

    def fail(self, body: str) -> str:
        """Say that it did not."""
        return self._ping("fail", body)

    def log(self, body: str) -> str:
        """Say something that changes nothing, as a test."""
        return self._ping("log", body)

    def _ping(self, end: str, body: str) -> str:
        limit = TRIES * (self._seconds + _PAUSE)
        for _, result in run_all({"ping": lambda deadline: self._try(end, body, deadline)}, workers=1, seconds=limit, run=Deadline(None)):
            match result:
                case Done():
                    return ""
                case Failed(error=error):
                    return str(error) if isinstance(error, DrcheckError) else type(error).__name__
        return f"no answer within {limit:g} s"

    def _try(self, end: str, body: str, deadline: Deadline) -> None:
        url = _address(self._secrets(self._reference).reveal(), end, self._run)
        for left in reversed(range(TRIES)):
            try:
                self._send(url, body)
            except _Refused as error:
                raise NotDelivered(f"the monitor answered {error}") from None
            except (_Failing, OSError, http.client.HTTPException) as error:
                if not left or deadline.passed():
                    if isinstance(error, _Failing):
                        raise NotDelivered(f"the monitor answered {error}") from None
                    reason = error.reason if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError) else error
                    said = network_trouble(reason) if isinstance(reason, OSError) else type(reason).__name__
                    raise NotDelivered(f"the monitor could not be reached: {said}") from None
                wait(_PAUSE)
            else:
                return

    def _send(self, url: str, body: str) -> None:
        content = body.encode("utf-8", "backslashreplace")[: self._longest].decode("utf-8", "ignore").encode()
        headers = {"User-Agent": "drcheck", "Content-Type": "text/plain; charset=utf-8"}
        request = urllib.request.Request(url, data=content, headers=headers, method="POST")  # noqa: S310 - http and https only, see _address
        with _opener().open(request, timeout=self._seconds) as response:
            limit = response.headers.get("Ping-Body-Limit", "")
            if limit.isascii() and limit.isdigit():
                self._longest = min(LONGEST_BODY, int(limit[:9]))
            answer = response.read(_ANSWER)
            if response.status >= 500:
                raise _Failing(f"{response.status}")
            if response.status >= 300:
                raise _Refused(f"{response.status}; is its address right?")
            # Some monitors say so with 200 only.
            for wrong in ("not found", "rate limited"):
                if wrong.encode() in answer.lower():
                    raise _Refused(f'"{wrong}"')


class _Failing(Exception):
    """The monitor answered that it has trouble of its own: it is tried again."""


class _Refused(Exception):
    """The monitor answered, and trying again would change nothing."""


def _opener() -> urllib.request.OpenerDirector:
    # Not `build_opener`: that also opens files, and follows a redirect to wherever it leads with the secret address in hand. Proxies are taken from
    # the environment.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(context=ssl.create_default_context())):
        opener.add_handler(handler)
    return opener


def _address(address: str, end: str, run: str) -> str:
    """The address to ping. Raises NotDelivered where the secret is none; the message does not repeat it."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise NotDelivered("the address of the monitor is none; it begins with https://") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))):
        raise NotDelivered("the address of the monitor must begin with https://: whoever reads it on the way could ping in our place")
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("rid", run)]
    path = parts.path.rstrip("/") + (f"/{end}" if end else "")
    return urlunsplit((parts.scheme, parts.netloc, path or "/", urlencode(query), ""))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
