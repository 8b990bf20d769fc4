"""`drcheck notify`: a test that says fine only where a real notice would arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notices.watched import PING, Watched, watched

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A mirror that is well, and everybody who is told of its nights."""
    with watched(tmp_path, monkeypatch) as place:
        yield place


def test_every_channel_is_tried_and_none_is_turned_green_or_red(place: Watched) -> None:
    done = place.run("notify", "test", "--estate", place.estate)
    assert done.returncode == 0, done.stdout
    port = place.mails.port
    assert done.stdout.splitlines()[:3] == [
        f"accepted  mail to it@example.org by 127.0.0.1:{port} (none): 127.0.0.1 accepted it for it@example.org",
        "accepted  Apprise URL in env:CHAT_URL: JSON accepted it",
        "accepted  monitor: it heard the test; a success is a night in which every copy could be looked at, whatever was found",
    ]
    assert place.mails.subjects() == [place.chat.heard[0].notice["title"]] == ["drcheck Hospital: this is a test"]
    assert place.pings() == ["log"]


@pytest.mark.parametrize("broken", ["mail", "chat", "monitor", "secret"])
def test_one_that_would_not_deliver_is_enough_for_12(place: Watched, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    if broken == "mail":
        place.mails.refused = {"it@example.org"}
    elif broken == "secret":
        monkeypatch.delenv("CHAT_URL")
    else:
        (place.chat if broken == "chat" else place.monitor).answer = lambda _: (404, PING)
    done = place.run("notify", "test", "--estate", place.estate)
    assert done.returncode == 12
    (refused,) = [line for line in done.stdout.splitlines() if line.startswith("REFUSED")]
    assert {"mail": "no such mailbox", "chat": "JSON did not", "monitor": "404", "secret": "CHAT_URL is not set"}[broken] in refused
    assert done.stdout.count("accepted  ") == 2


def test_a_test_says_what_the_last_night_told_and_what_is_untold(place: Watched) -> None:
    first = place.run("notify", "test", "--estate", place.estate).stdout
    assert "no such store" in first
    place.damage()
    place.check()
    untold = place.run("notify", "test", "--estate", place.estate).stdout
    assert "the next night with one of them would tell of it:\n\n  Subject: drcheck Hospital: 1 fail\n" in untold
    assert len(place.mails.accepted) == 2, "tests only"
    place.chat.answer = lambda _: (500, "")
    place.nightly()
    told = place.run("notify", "test", "--estate", place.estate).stdout
    assert (
        "It told 1 thing.\n  smtp:it@example.org: accepted\n  env:CHAT_URL: waiting, JSON did not accept it\nNothing of it is left untold.\n" in told
    )


@pytest.mark.parametrize("nobody", [None, {"to": [], "smtp": None}])
def test_where_nobody_would_be_told_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: dict[str, object] | None) -> None:
    with watched(tmp_path, monkeypatch, **(nobody or {"to": [], "smtp": None, "ping": None})) as place:
        done = place.run("notify", "test", "--estate", place.estate)
        if nobody is None:
            assert (done.returncode, done.stdout) == (2, "")
            assert "nobody is told of anything" in done.stderr
        else:
            assert done.returncode == 0
            assert "nobody   no channel is named" in done.stdout
            assert place.pings() == ["log"]


def test_status_shows_what_each_channel_has_accepted(place: Watched) -> None:
    assert place.run("notify", "status", "--estate", place.estate).returncode == 12, "there is no store"
    place.chat.answer = lambda _: (500, "")
    place.damage()
    place.nightly()
    done = place.run("notify", "status", "--estate", place.estate)
    assert done.returncode == 0
    mail, chat = done.stdout.splitlines()[2:]
    assert re.search(r"\(none\) +1 +20\S+Z +0$", mail.rstrip())
    assert chat.endswith("JSON did not accept it")
    text = place.estate.read_text()
    place.estate.write_text(text.replace('to = ["env:CHAT_URL"]', "to = []"))
    place.nightly()
    gone = place.run("notify", "status", "--estate", place.estate).stdout
    assert "env:CHAT_URL (no longer in the estate)" in gone


def test_a_run_that_was_killed_is_told_for_it(place: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SERVICE_RESULT": "oom-kill", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}.items():
        monkeypatch.setenv(f"MONITOR_{name}", value)
    assert place.run("notify", "failure", "--estate", place.estate).returncode == 0
    assert "The scheduled run did not end by itself: oom-kill (KILL)." in place.mails.bodies()[0]
    assert (place.pings(), len(place.chat.heard)) == (["fail"], 1)
    place.mails.refused = {"it@example.org"}
    refused = place.run("notify", "failure", "--estate", place.estate)
    assert (refused.returncode, "no such mailbox" in refused.stderr) == (12, True)


def test_a_run_that_told_people_itself_is_not_told_again(place: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_EXIT_CODE", "exited")
    monkeypatch.setenv("MONITOR_EXIT_STATUS", "12")
    assert place.run("notify", "failure", "--estate", place.estate).returncode == 0
    assert (place.mails.accepted, place.pings()) == ([], [])
