"""
A month of nights, one run each, with what a month brings: backups that fail and are mended, bytes that rot, a place that goes away, a waiver that
ends, drcheck itself switched off for days, a chat that is down, a run that is stopped before it could tell anybody, a key that is replaced.

Everybody is told of each thing once, the nights tell the same beside each other, and the chain holds, in the store and in what an auditor has.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drcheck.model.notices import DeliveryState, NoticeKind
from drcheck.store import open_store
from tests.cli.inside import Ended, drcheck
from tests.e2e.estates import fill, target, write_estate
from tests.e2e.set_clock import Calendar
from tests.notices.servers import Mails, Web, mail_server, web_server

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
FIRST = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
"""A Monday."""
NIGHTS = 31
KEPT = 5
"""Recovery points at each place."""
COPIES = {"records": ("nas", "vault"), "images": ("nas",)}
PATIENT = "Smith_Jane.dcm"
WAIVED_UNTIL = 20
"""The night on which the waiver still holds, and no other after it."""
EXPORTS = (11, 30)
"""Nights after which an auditor gets a pack, and ..."""
ROTATED = 20
"""... the one after which the key that signs them is replaced."""


@dataclass
class Month:
    """The hospital, its backup jobs, and everybody who is told."""

    folder: Path
    estate: Path
    calendar: Calendar
    mails: Mails
    chat: Web
    monitor: Web
    subjects: dict[int, list[str]] = field(default_factory=dict)
    """What the mailbox got, by night."""
    codes: dict[int, int] = field(default_factory=dict)
    pings: dict[int, str] = field(default_factory=dict)
    """How the monitor heard that each night ended."""

    def at(self, night: int, hours: float = 0) -> datetime:
        """A moment: the night's own, or some hours later."""
        return FIRST + timedelta(days=night, hours=hours)

    def place(self, system: str, place: str) -> Path:
        """Where a copy lies."""
        return self.folder / place / system

    def back_up(self, night: int, system: str, place: str) -> None:
        """A backup job's work: a new recovery point with its checksums, and the oldest one gone."""
        moment = self.at(night, -1)
        point = self.place(system, place) / f"{moment:%Y-%m-%d}"
        fill(point, {PATIENT: f"{system} {night}".encode(), "database.dump": os.urandom(100)})
        self.age(point, moment)
        for old in sorted(point.parent.iterdir())[:-KEPT]:
            for file in old.iterdir():
                file.unlink()
            old.rmdir()

    def age(self, folder: Path, moment: datetime) -> None:
        """Let files be of a moment."""
        for path in (*folder.iterdir(), folder):
            os.utime(path, (moment.timestamp(), moment.timestamp()))

    def rot(self, night: int, system: str, place: str) -> None:
        """Change a byte of the newest recovery point, and leave its time as it was."""
        point = self.place(system, place) / f"{self.at(night, -1):%Y-%m-%d}"
        (point / "database.dump").write_bytes(b"rotten" + os.urandom(94))
        self.age(point, self.at(night, -1))

    def mend(self, night: int, later: int, system: str, place: str) -> None:
        """Write a night's recovery point anew, some nights later."""
        self.back_up(night, system, place)
        self.age(self.place(system, place) / f"{self.at(night, -1):%Y-%m-%d}", self.at(later, -1))

    def night(self, number: int) -> Ended:
        """The run of a night."""
        self.calendar.moment = self.at(number)
        mails, pings = len(self.mails.accepted), len(self.monitor.heard)
        done = drcheck("check", "--nightly", "--estate", self.estate, cwd=self.folder)
        self.subjects[number] = [subject.removeprefix("drcheck Hospital: ") for subject in self.mails.subjects()[mails:]]
        self.codes[number] = done.returncode
        self.pings[number] = " ".join(heard.path.rpartition("/")[2] for heard in self.monitor.heard[pings:])
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def pack(self, night: int) -> Path:
        """The pack that an auditor got after a night."""
        return self.folder / f"pack-{night}.tar.gz"

    def export(self, night: int) -> None:
        """An hour after the night, give the auditor a pack."""
        self.calendar.moment = self.at(night, 1)
        done = drcheck("evidence", "export", "--output", self.pack(night), "--sign", self.folder / "keys" / "evidence", cwd=self.folder)
        assert done.returncode == 0, done.stderr

    def say(self, *arguments: str) -> Any:
        """What a command prints, as JSON."""
        return json.loads(drcheck(*arguments, "--format", "json", cwd=self.folder).stdout)


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    """The hospital on the evening before the first night, with a week of backups behind it; that of the images has not run for long."""
    with mail_server() as mails, web_server() as chat, web_server() as monitor:
        monkeypatch.setenv("CHAT_URL", f"json://127.0.0.1:{chat.url.rpartition(':')[2]}/chat")
        monkeypatch.setenv("PING_URL", f"{monitor.url}/ping")
        smtp = {"host": "127.0.0.1", "port": mails.port, "security": "none", "from": "drcheck@example.org", "to": ["it@example.org"]}
        notices = {"to": ["env:CHAT_URL"], "smtp": smtp, "ping": {"url": "env:PING_URL"}}
        (tmp_path / "waivers.toml").write_text(
            'schema = "drcheck.waivers/1"\n[[waivers]]\npolicy = "end-to-end"\ncontrol = "recent"\nsubject = "images@nas"\n'
            f'owner = "CIO"\nreason = "A new scanner comes"\nuntil = {(FIRST + timedelta(days=WAIVED_UNTIL)).date()}\n'
        )
        copies = [
            {
                "system": system,
                "target": place,
                "path": system,
                "format": "dated",
                "options": {"pattern": "%Y-%m-%d"},
                "manifest": {"name": "SHA256SUMS"},
            }
            for system, places in COPIES.items()
            for place in places
        ]
        targets = [target(place, "local", {"root": place}) for place in ("nas", "vault")]
        estate = write_estate(tmp_path, targets, copies, notices=notices, waivers="waivers.toml")
        images = (
            '{ "id" = "images", "name" = "Images", "tier" = "important", "owner" = "Radiology", "production" = { "site" = "here" }, "rpo" = "24h" }'
        )
        estate.write_text(estate.read_text().replace("systems = [", f"systems = [{images}, "))
        month = Month(tmp_path, estate, Calendar(monkeypatch, FIRST), mails, chat, monitor)
        for night in range(-KEPT, 0):
            for place in COPIES["records"]:
                month.back_up(night, "records", place)
        month.back_up(-10, "images", "nas")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert drcheck("key", "new", "--out", tmp_path / "keys" / "evidence", "--comment", "it@example.org", cwd=tmp_path).returncode == 0
        yield month


def test_a_month(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    from drcheck.notices import night as telling

    deliver = getattr(telling, "deliver")  # noqa: B009 - it is not that module's to give away

    def stopped(*_: object) -> Any:
        raise KeyboardInterrupt

    before: dict[int, Callable[[], object]] = {
        15: lambda: (month.folder / "nas").rename(month.folder / "unplugged"),
        17: lambda: (month.folder / "unplugged").rename(month.folder / "nas"),
        18: lambda: monkeypatch.setattr(telling, "deliver", stopped),
        19: lambda: monkeypatch.setattr(telling, "deliver", deliver),
    }
    after: dict[int, Callable[[], object]] = {
        8: lambda: month.rot(8, "records", "vault"),
        10: lambda: month.mend(8, 10, "records", "vault"),
    }
    off = {12, 13}
    for night in range(NIGHTS):
        before.get(night, lambda: None)()
        for system, place in (("records", "nas"), ("records", "vault"), ("images", "nas")):
            job_fails = (place == "vault" and night in (3, 4, 5)) or (system == "images" and night < 24) or (night in (15, 16) and place == "nas")
            if not job_fails and not (night == 18 and place == "nas" and system == "records"):
                month.back_up(night, system, place)
        after.get(night, lambda: None)()
        month.chat.answer = (lambda _: (503, "")) if night in (15, 16) else (lambda _: (200, "OK"))
        if night in off:
            continue
        month.night(night)
        if night in EXPORTS:
            month.export(night)
        if night == ROTATED:
            assert drcheck("key", "rotate", month.folder / "keys" / "evidence", cwd=month.folder).returncode == 0
        if night == 9:
            # Somebody looks by day, and nobody is told because of it.
            month.calendar.moment = month.at(night, 8)
            assert drcheck("check", "--estate", month.estate, "--full", cwd=month.folder).returncode == 10

    told = {night: subjects for night, subjects in month.subjects.items() if subjects}
    assert told == {
        3: ["1 fail"],
        6: ["1 waiver ends soon, 1 recovered"],
        7: ["digest: nothing fails, 1 waived"],
        8: ["1 fail"],
        10: ["1 recovered"],
        14: ["silence"],
        15: ["5 unknown"],
        17: ["5 recovered"],
        19: ["1 fail, 1 recovered"],
        21: ["1 no longer waived"],
        24: ["1 recovered"],
        28: ["digest: nothing fails"],
    }
    _each_thing_once(month)
    _the_monitor_heard(month)
    _the_chat_heard_all_in_the_end(month)
    _nights_beside_each_other(month)
    _the_chain_holds(month)
    _an_auditor_sees_it(month)
    everything = "".join(month.mails.bodies()) + "".join(heard.body for heard in (*month.chat.heard, *month.monitor.heard))
    assert PATIENT not in everything


def _each_thing_once(month: Month) -> None:
    """A failure is told once until it is mended, and a recovery once after it was told."""
    with open_store() as store:
        told = store.notices("hospital").told()
        assert {each.state for each in store.notices("hospital").deliveries()} == {DeliveryState.ACCEPTED}
    kinds = Counter(each.notice.kind for each in told)
    assert kinds[NoticeKind.SILENCE] == 1
    assert (kinds[NoticeKind.WAIVER_ENDING], kinds[NoticeKind.WAIVER_ENDED]) == (1, 1)
    assert kinds[NoticeKind.DIGEST] == 4
    by_key: dict[object, list[NoticeKind]] = {}
    for each in told:
        if each.notice.policy and each.notice.kind is not NoticeKind.WAIVER_ENDING:
            by_key.setdefault(each.notice.key, []).append(each.notice.kind)
    for said in by_key.values():
        assert [kind is NoticeKind.RECOVERED for kind in said] == [bool(place % 2) for place in range(len(said))], said
    lines = [line for body in month.mails.bodies() for line in body.splitlines() if line.startswith("- ") and "since" not in line]
    assert len([line for line in lines if line.startswith("- records@vault: recent")]) == 3, "fails, recovered, and mended in the digest"


def _the_monitor_heard(month: Month) -> None:
    """Red while a place was away or a run was stopped, green whatever was found, and nothing at all while drcheck was off."""
    red = {night for night, ends in month.pings.items() if ends == "start fail"}
    assert red == {15, 16, 18}
    assert {ends for night, ends in month.pings.items() if night not in red} == {"start ping"}
    assert sorted(set(range(NIGHTS)) - set(month.pings)) == [12, 13]
    assert {night: code for night, code in month.codes.items() if code} == {
        **dict.fromkeys((3, 4, 5), 10),
        **dict.fromkeys((8, 9), 10),
        **dict.fromkeys((15, 16), 11),
        18: 130,
        **dict.fromkeys((21, 22, 23), 10),
    }


def _the_chat_heard_all_in_the_end(month: Month) -> None:
    """What could not be delivered came with the next night, in one message."""
    titles = [heard.notice["title"].removeprefix("drcheck Hospital: ") for heard in month.chat.heard]
    assert titles.count("5 unknown") == 2, "tried on two nights, and refused"
    assert "5 unknown, 5 recovered" in titles
    mailed = {subject for subjects in month.subjects.values() for subject in subjects}
    assert mailed - set(titles) == {"5 recovered"}


def _nights_beside_each_other(month: Month) -> None:
    """What is told is what is different between the night and the one before."""
    with open_store() as store:
        recorded = [night for night in reversed(store.assessments("hospital")) if night.reference.hour == FIRST.hour]
    assert len(recorded) == NIGHTS - 2
    runs = {(night.reference - FIRST).days: night.run for night in recorded}

    def turned(before: int, after: int) -> dict[str, set[str]]:
        document = month.say("diff", runs[before], runs[after])
        found: dict[str, set[str]] = {}
        for each in document["findings"]:
            if not each["change"].startswith("still"):
                found.setdefault(each["change"], set()).add(f"{each['control']} {each['subject']['id']}")
        return found

    assert turned(2, 3) == {"new-failure": {"recent records@vault"}}
    assert turned(5, 6) == {"fixed": {"recent records@vault"}}
    assert turned(7, 8) == {"new-failure": {"intact records@vault"}}
    assert turned(11, 14) == {}
    assert set(turned(14, 15)) == {"became-unknown"}
    assert turned(20, 21) == {}, "only its waiver has ended"
    assert [each["change"] for each in month.say("diff", runs[20], runs[21])["waivers"]] == ["lapsed"]
    assert turned(23, 24) == {"fixed": {"recent images@nas"}}
    month.calendar.moment = month.at(NIGHTS - 1, 1)
    trend = month.say("trend")
    assert sum(gap["missed"] for gap in trend["gaps"]) == 2


def _the_chain_holds(month: Month) -> None:
    """Every run that judged anything is a link, that of the day and that which was stopped among them."""
    with open_store() as store:
        links = store.links("hospital")
        nights = list(reversed(store.assessments("hospital")))
    assert [link.number for link in links] == list(range(1, NIGHTS - 2 + 1 + 1))
    assert links[0].previous == ""
    assert all(later.previous == earlier.digest for earlier, later in pairwise(links))
    assert [link.run for link in links] == [night.run for night in nights]
    assert all(earlier.reference < later.reference for earlier, later in itertools.pairwise(links))


def _an_auditor_sees_it(month: Month) -> None:
    """Both packs are of one chain, each with the key of its time; a night that somebody takes out shows."""
    allowed = month.folder / "allowed_signers"
    allowed.write_text(drcheck("key", "allowed-signers", month.folder / "keys" / "evidence", cwd=month.folder).stdout)
    verify = ("evidence", "verify", "--allowed-signers", allowed, "--principal", "it@example.org")
    early, late = (drcheck(*verify, month.pack(night), cwd=month.folder) for night in EXPORTS)
    assert (early.returncode, late.returncode) == (11, 0), "whether a key that was replaced signed in time, only a time stamp could prove"
    assert "its key is not valid now; it was on 2026-03-13T03:30:00Z" in early.stdout
    together = drcheck(*verify, *map(month.pack, EXPORTS), "--chain", cwd=month.folder)
    assert together.returncode == 11
    assert f"chain: {NIGHTS - 2 + 1} links in 2 places: whole" in together.stdout
    nightly = drcheck(*verify, month.pack(EXPORTS[1]), "--chain", "--every", "1d", cwd=month.folder)
    assert nightly.returncode == 10
    assert nightly.stdout.count("late: ") == 1, "drcheck was off for two nights, and once only"
