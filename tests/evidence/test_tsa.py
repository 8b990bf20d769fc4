"""Asking an authority over HTTP: one that answers, and ones that do not."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from drcheck.errors import EvidenceError
from drcheck.evidence import tsa
from drcheck.evidence.timestamp import LARGEST, read_stamp
from drcheck.evidence.tsa import fetch_stamp
from tests.evidence.authority import OPENSSL, Authority, sends, serving

MESSAGE = b"signature"
Respond = Callable[[BaseHTTPRequestHandler, bytes], None]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@OPENSSL
def test_an_authority_answers(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "tsa"), Authority(tmp_path / "other")
    asked = []

    def respond(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append((handler.command, handler.path, handler.headers["Content-Type"]))
        sends(200, authority.answer(body), Content_Type="application/timestamp-reply")(handler, body)

    with serving(respond) as url:
        for trusted in ((), authority.trusted):
            answer = fetch_stamp(MESSAGE, url, trusted)
            assert authority.verifies(answer, MESSAGE)
            assert read_stamp(answer, MESSAGE)
        with pytest.raises(EvidenceError, match=r"127\.0\.0\.1.*the time stamp does not hold"):
            fetch_stamp(MESSAGE, url, other.trusted)
    assert set(asked) == {("POST", "/tsr", "application/timestamp-query")}


def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _line in range(600):
        handler.wfile.write(b"X-Slow: 1\r\n")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("respond", "because"),
    [
        (sends(500, b""), "HTTP status 500"),
        (sends(302, b"", Location="http://127.0.0.1:1/"), "HTTP status 302"),
        (sends(200, b"hello"), "is no answer to a request"),
        (sends(200, b"0" * (LARGEST + 1)), f"more than {LARGEST} bytes"),
        (sends(200, b"short", Content_Length="100"), "is no answer|could not be asked"),
        (lambda handler, _: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"), "could not be asked"),
        (drip, r"did not answer within 0\.5 s"),
    ],
)
def test_an_authority_that_does_not_answer_is_named(respond: Respond, because: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if respond is drip:
        monkeypatch.setattr(tsa, "SECONDS", 0.5)
    with serving(respond) as url, pytest.raises(EvidenceError, match=because) as caught:
        fetch_stamp(MESSAGE, url)
    assert url in str(caught.value)


def test_nobody_is_there() -> None:
    with pytest.raises(EvidenceError, match=r"could not be asked: .*refused"):
        fetch_stamp(MESSAGE, "http://127.0.0.1:1/tsr")


@OPENSSL
def test_plain_http_is_taken_where_the_answer_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsa, "_ask", lambda url, _: url.encode())
    with pytest.raises(EvidenceError, match="over plain http anybody on the way could answer; give the authority's certificates with --authorities"):
        fetch_stamp(MESSAGE, "http://tsa.example.org/tsr")
    for url, trusted in (("http://tsa.example.org/tsr", Authority(tmp_path / "tsa").trusted), ("https://tsa.example.org/tsr", ())):
        with pytest.raises(EvidenceError, match="is no answer to a request"):
            fetch_stamp(MESSAGE, url, trusted)


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("file:///etc/passwd", "is not the URL of an authority"),
        ("ftp://tsa.example.org/", "is not the URL of an authority"),
        ("tsa.example.org", "is not the URL of an authority"),
        ("https://", "is not the URL of an authority"),
        ("https://tsa.example.org/\r\nX: y", "is not the URL of an authority"),
        ("https://[::1", "is no URL"),
        ("https://user:canary@tsa.example.org/", "holds no user and password"),
    ],
)
def test_only_urls_of_authorities_are_asked(url: str, because: str) -> None:
    with pytest.raises(EvidenceError, match=because) as caught:
        fetch_stamp(MESSAGE, url)
    assert "canary" not in str(caught.value)
