"""Pings, against a server that speaks as healthchecks.io does."""

from __future__ import annotations

from pathlib import Path

import pytest

from drcheck.notices.ping import LONGEST_BODY, TRIES, Monitor
from drcheck.secrets import Secret
from tests.connectors.s3_faults import certificate, silent
from tests.notices.servers import Heard, dribbling, web_server

CANARY = "cAnArY-0f3a-4b"


def monitor(address: str, **more: float) -> Monitor:
    """The monitor at an address, of the run `rid-1`."""
    return Monitor("env:PING", "rid-1", lambda reference: Secret(address, reference), **more)


def test_a_night_is_told_from_its_beginning_to_its_end() -> None:
    with web_server() as web:
        night = monitor(f"{web.url}/ping/{CANARY}")
        assert [night.start(), night.log("a test\n"), night.success("exit code 0\n"), night.fail("no\n")] == [""] * 4
    rid = {"rid": "rid-1"}
    address = f"/ping/{CANARY}"
    assert web.heard == [
        Heard(f"{address}/start", rid, ""),
        Heard(f"{address}/log", rid, "a test\n"),
        Heard(address, rid, "exit code 0\n"),
        Heard(f"{address}/fail", rid, "no\n"),
    ]


def test_an_address_keeps_its_query_and_loses_a_slash_too_many() -> None:
    with web_server() as web:
        assert monitor(f"{web.url}/key/backup-check/?create=1").start() == ""
    assert web.heard == [Heard("/key/backup-check/start", {"create": "1", "rid": "rid-1"}, "")]


@pytest.mark.parametrize(("limit", "kept"), [(None, LONGEST_BODY), (11, 10), (0, 0), (10**6, LONGEST_BODY)])
def test_a_body_is_as_long_as_the_monitor_wants_it(limit: int | None, kept: int) -> None:
    with web_server() as web:
        web.limit = limit
        night = monitor(web.url)
        night.start()
        night.success("é" * LONGEST_BODY)
    assert len(web.heard[-1].body.encode()) == kept, "no letter is cut in half"


def test_what_may_pass_is_tried_again_and_what_will_not_is_not() -> None:
    answers = iter([(503, ""), (200, "OK"), (503, ""), (502, ""), (404, CANARY), (302, "http://127.0.0.1:9/elsewhere"), (200, "OK (not found)")])
    with web_server() as web:
        web.answer = lambda _: next(answers)
        night = monitor(f"{web.url}/{CANARY}")
        said = [night.success("") for _ in range(5)]
    assert said[:2] == ["", "the monitor answered 502"]
    assert said[2:4] == [f"the monitor answered {status}; is its address right?" for status in (404, 302)]
    assert said[4] == 'the monitor answered "not found"'
    assert CANARY not in "".join(said)


def test_a_monitor_that_hangs_is_given_up_and_nothing_is_raised() -> None:
    with silent() as url:
        assert monitor(f"{url}/{CANARY}", seconds=0.3).start() == "the monitor could not be reached: it did not answer in time"
    with dribbling() as port:
        said = monitor(f"http://127.0.0.1:{port}/{CANARY}", seconds=0.3).start()
        assert said.startswith(("no answer within", "the monitor could not be reached")), said
        assert CANARY not in said
    with web_server() as web:
        gone = web.url
    assert monitor(f"{gone}/{CANARY}").fail("x") == "the monitor could not be reached: connection refused"


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust, context = certificate(tmp_path, "monitor")
    with web_server(context) as web:
        assert web.url.startswith("https://")
        assert "its certificate was not accepted" in monitor(web.url).start()
        monkeypatch.setenv("SSL_CERT_FILE", str(trust))
        assert monitor(web.url).start() == ""
    assert len(web.heard) == 1


@pytest.mark.parametrize("address", [f"http://ping.example/{CANARY}", f"file:///etc/{CANARY}", CANARY, f"https://[{CANARY}", f"https:///{CANARY}"])
def test_an_address_that_is_none_or_would_be_read_on_the_way_is_refused(address: str) -> None:
    said = monitor(address).start()
    assert "https://" in said
    assert CANARY not in said


def test_a_secret_that_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PING", raising=False)
    assert "env:PING: the environment variable PING is not set" in Monitor("env:PING", "rid").start()
    assert TRIES == 2


def test_a_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with web_server() as web:
        monkeypatch.setenv("http_proxy", web.url)
        assert monitor("http://localhost:9/elsewhere").start() == ""
    assert web.heard == [Heard("/elsewhere/start", {"rid": "rid-1"}, "")]
