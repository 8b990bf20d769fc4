"""Apprise, against a server that takes its JSON."""

from __future__ import annotations

import logging
import sys

import pytest

from drcheck.clock import Deadline
from drcheck.errors import NoCredentials, NotDelivered
from drcheck.notices.apprise import AppriseChannel
from drcheck.notices.delivery import deliver
from drcheck.notices.message import Message
from drcheck.secrets import Secret
from tests.notices.servers import web_server

# Apprise imports it where it is still there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
CANARY = "cAnArYtoken77"
MESSAGE = Message("drcheck: 2 fail", "body *not* <b>marked</b> up\n", "id")


def channel(url: str, reference: str = "env:URL") -> AppriseChannel:
    """The channel whose URL is this."""
    return AppriseChannel(reference, lambda asked: Secret(url, asked))


def test_a_message_arrives() -> None:
    with web_server() as web:
        port = web.url.rpartition(":")[2]
        assert channel(f"json://127.0.0.1:{port}/{CANARY}").send(MESSAGE, Deadline(20)) == "JSON accepted it"
    (heard,) = web.heard
    assert (heard.notice["title"], heard.notice["message"].strip()) == (MESSAGE.subject, MESSAGE.body.strip())


def test_what_is_refused_or_no_url_is_said_without_the_url(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with web_server() as web:
        web.answer = lambda _: (500, CANARY)
        port = web.url.rpartition(":")[2]
        for url in (f"json://user:{CANARY}@127.0.0.1:{port}", f"nonsense://{CANARY}", CANARY):
            with pytest.raises(NotDelivered) as caught:
                channel(url).send(MESSAGE, Deadline(20))
            assert CANARY not in str(caught.value)
    heard = "".join(capfd.readouterr()) + "".join(record.getMessage() for record in caplog.records if record.name.startswith(("apprise", "drcheck")))
    assert CANARY not in heard


def test_without_apprise_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotDelivered, match=r"pip install 'drcheck\[notices\]'"):
        channel("json://127.0.0.1").send(MESSAGE, Deadline(20))


def test_a_channel_is_known_by_its_reference_and_shows_no_argument() -> None:
    one, other = channel("", "command:pass show chat"), channel("", "command:pass show phone")
    assert channel("", "env:URL").name == "env:URL"
    assert one.name.startswith("command:pass #")
    assert one.name != other.name
    assert "chat" not in one.shown + one.name


def test_one_that_fails_costs_the_others_nothing() -> None:
    def missing(reference: str) -> Secret:
        raise NoCredentials(f"{reference}: is empty")

    def leaking(reference: str) -> Secret:
        raise RuntimeError(CANARY)

    with web_server() as web:
        good = channel(f"json://127.0.0.1:{web.url.rpartition(':')[2]}", "env:GOOD")
        channels = [AppriseChannel("env:MISSING", missing), AppriseChannel("env:LEAKING", leaking), good]
        answers = deliver(channels, {each.name: MESSAGE for each in channels})
    assert {name: answer.said for name, answer in answers.items()} == {
        "env:MISSING": "env:MISSING: is empty",
        "env:LEAKING": "failed, which is a bug: RuntimeError",
        "env:GOOD": "JSON accepted it",
    }
    assert len(web.heard) == 1
