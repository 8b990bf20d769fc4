"""An estate whose nights are told: to a mailbox, to a chat and to a monitor, all of them real servers on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drcheck.store import default_file
from tests.cli.inside import Ended, drcheck
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.notices.servers import Mails, Web, mail_server, web_server

PING, CHAT = "cAnArY-ping-4711", "cAnArYchat0815"
OBJECTS = numbered(3)
MAILBOX = "smtp:it@example.org"


@dataclass
class Watched:
    """The estate, and who is told."""

    folder: Path
    estate: Path
    mails: Mails
    chat: Web
    monitor: Web

    def check(self, *arguments: str | Path) -> Ended:
        """What `drcheck check` comes to; its exit code never depends on who could be told, and nothing that it says or keeps is a secret."""
        return self.run("check", "--estate", self.estate, *arguments)

    def nightly(self, *arguments: str | Path) -> Ended:
        """The same for a timer."""
        return self.check("--nightly", *arguments)

    def run(self, *arguments: str | Path) -> Ended:
        """What a command comes to."""
        done = drcheck(*arguments, cwd=self.folder)
        said = done.stdout + done.stderr + "".join(self.mails.bodies() + self.mails.subjects() + [each.body for each in self.chat.heard])
        assert PING not in said
        assert CHAT not in said
        for file in default_file().parent.glob("*"):
            assert PING.encode() not in file.read_bytes()
            assert CHAT.encode() not in file.read_bytes()
        return done

    def pings(self) -> list[str]:
        """How each ping ended: `start`, `fail`, or the address itself for a success."""
        return [path.removeprefix(f"/{PING}").removeprefix("/") or "success" for path in self.monitor.paths()]

    def damage(self) -> None:
        """Make what is there another thing than what was promised."""
        (self.folder / "nas" / "data" / min(OBJECTS)).write_bytes(b"another thing")

    def repair(self) -> None:
        """Make it right again."""
        fill(self.folder / "nas" / "data", OBJECTS)

    def hide(self) -> None:
        """Take the whole target away."""
        (self.folder / "nas").rename(self.folder / "away")


@contextmanager
def watched(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Iterator[Watched]:
    """A mirror with its manifest, and everybody who is told of its nights; `more` goes into `[notices]`."""
    fill(folder / "nas" / "data", OBJECTS)
    for file in (folder / "nas").rglob("*"):
        os.utime(file)
    with mail_server() as mails, web_server() as chat, web_server() as monitor:
        monkeypatch.setenv("CHAT_URL", f"json://127.0.0.1:{chat.url.rpartition(':')[2]}/{CHAT}")
        monkeypatch.setenv("PING_URL", f"{monitor.url}/{PING}")
        smtp = {"host": "127.0.0.1", "port": mails.port, "security": "none", "from": "drcheck@example.org", "to": ["it@example.org"]}
        notices = {"to": ["env:CHAT_URL"], "smtp": smtp, "ping": {"url": "env:PING_URL"}, "digest": "none", **more}
        notices = {name: value for name, value in notices.items() if value is not None}
        estate = write_estate(folder, [target("nas", "local", {"root": "nas"})], notices=notices)
        yield Watched(folder, estate, mails, chat, monitor)
