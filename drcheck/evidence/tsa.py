"""
Asking a time stamping authority over HTTP (RFC 3161, 3.4).

Most public authorities are reached by plain http, and lose nothing by it: a request shows one digest, and an answer is signed. It only needs somebody
to look at that signature. So plain http is taken where the certificates to hold the answer against are given, or where it never leaves this machine.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from drcheck.errors import EvidenceError
from drcheck.evidence.foreign import bounded
from drcheck.evidence.timestamp import LARGEST, read_stamp, request_for, stamped_time
from drcheck.model import printable

if TYPE_CHECKING:
    from cryptography import x509

SECONDS = 10.0
"""For the whole of one exchange."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def fetch_stamp(message: bytes, url: str, authorities: Sequence[x509.Certificate] = ()) -> bytes:
    """
    The authority's answer about `message`, which was held against `message`, and against `authorities` where there are any.

    The proxies that the environment names are used; no redirect is followed.

    Raises:
        EvidenceError: the URL is not one that is asked, the authority did not answer in time, or its answer does not hold.
    """
    _refuse_url(url, verified=bool(authorities))
    request = request_for(message)
    # A timeout of the socket's is for each of its answers, and a server can send them byte by byte.
    answer = bounded(f"{url}: did not answer", lambda: _ask(url, request), SECONDS)
    try:
        if authorities:
            stamped_time(answer, message, authorities)
        else:
            read_stamp(answer, message)
    except EvidenceError as error:
        raise EvidenceError(f"{url}: {error}") from error
    return answer


def _refuse_url(url: str, *, verified: bool) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise EvidenceError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise EvidenceError(f"{url!r} is not the URL of an authority; write it as https://tsa.example.org/tsr")
    if "@" in parts.netloc:
        raise EvidenceError("an authority's URL holds no user and password: others on this machine could read them")
    if parts.scheme == "http" and not verified and host not in _LOOPBACK:
        hint = "give the authority's certificates with --authorities, or use https"
        raise EvidenceError(f"{url}: over plain http anybody on the way could answer; {hint}")


def _ask(url: str, request: bytes) -> bytes:
    asked = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, data=request, method="POST", headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    )
    try:
        with _opener().open(asked, timeout=SECONDS) as response:
            answer: bytes = response.read(LARGEST + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise EvidenceError(f"{url}: the authority answered with HTTP status {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise EvidenceError(f"{url}: could not be asked: {printable(str(getattr(error, 'reason', error)))}") from error
    if len(answer) > LARGEST:
        raise EvidenceError(f"{url}: answered with more than {LARGEST} bytes, which are not read")
    return answer


def _opener() -> urllib.request.OpenerDirector:
    """What speaks http and https and nothing else, and follows no redirect: the authority is the one that was named."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
