"""Night after night through the command line: one run at a time, what each reads, and what a plan or a run that was cut short leaves as it was."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import now
from tests.e2e.estates import CONTROL, PACK, fill, manifest, numbered, target, write_estate
from tests.e2e.opened import Opened
from tests.e2e.runs import Done, begin, check, drcheck, finish

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is read by inotify, which only Linux has")
COUNT, SIZE = 100, 10_000
SUMS = "SHA256SUMS"


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


class Place:
    """A mirror of a hundred files, the estate that declares it, and what is read there."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        fill(folder / "nas" / "data", numbered(COUNT, SIZE))
        self.estate = write_estate(folder, [target("nas", "local", {"root": "nas"})])
        self.opened = held.enter_context(Opened(folder / "nas" / "data"))

    def verify(self, *arguments: str | Path) -> tuple[Done, dict[str, Any], list[str]]:
        """What `drcheck verify` said and made of the copy, and the objects that it read."""
        self.opened.begin()
        done = drcheck("verify", "--estate", self.estate, "--format", "json", *arguments)
        (copy,) = json.loads(done.stdout)["copies"]
        return done, copy, self.read()

    def read(self) -> list[str]:
        """The objects that were read since the last run began."""
        self.opened.look()
        return [name for name in self.opened.files if name != SUMS]


@pytest.fixture
def place(tmp_path: Path, held: ExitStack) -> Place:
    """A mirror of a hundred files."""
    return Place(tmp_path, held)


def state() -> Path:
    """Where the store is that nobody names."""
    return Path(os.environ["XDG_STATE_HOME"]) / "drcheck" / "drcheck.db"


def kept() -> list[str]:
    """Everything that the store holds, as text."""
    with closing(sqlite3.connect(state())) as database:
        return list(database.iterdump())


def test_a_second_run_at_the_same_time_is_refused_and_told_who_runs(place: Place, held: ExitStack) -> None:
    process = held.enter_context(begin("verify", "--estate", place.estate, "--max-rate", "100kB/s"))
    held.callback(process.kill)
    place.opened.until(lambda seen: len(seen.files) > 3, process=process)
    for command in ("check", "verify"):
        refused = drcheck(command, "--estate", place.estate)
        assert (refused.code, refused.stdout) == (12, "")
        assert "another run on hospital has not ended" in refused.stderr
        assert f"drcheck verify, process {process.pid} on {socket.gethostname()}, begun at {now():%Y-%m-%d}T" in refused.stderr
        assert "looking at" not in refused.stderr
    # Whoever changes nothing need not wait.
    planned = drcheck("verify", "--plan", "--estate", place.estate)
    assert planned.code == 0, planned.stderr
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130
    assert drcheck("verify", "--estate", place.estate).code == 0


def test_without_a_store_everything_is_read_and_nothing_kept(place: Place) -> None:
    for _ in range(2):
        done, copy, read = place.verify("--no-store")
        assert (done.code, sorted(read), copy["verified"]) == (0, sorted(numbered(COUNT)), None)
    assert not state().parent.exists()
    contradicting = drcheck("verify", "--estate", place.estate, "--no-store", "--plan")
    assert contradicting.code == 2
    assert "leave --no-store out" in contradicting.stderr


def test_what_was_read_stands_and_is_read_in_turn_or_in_full(place: Place) -> None:
    assert place.verify()[0].code == 0
    done, copy, read = place.verify()
    assert (done.code, copy["verified"], copy["counts"]) == (0, COUNT, {"match": COUNT})
    assert len(read) < COUNT / 4
    done, copy, read = place.verify("--full")
    assert (done.code, sorted(read), copy["verified"]) == (0, sorted(numbered(COUNT)), COUNT)


def test_a_budget_is_kept_each_time_until_everything_was_read(place: Place) -> None:
    seen: set[str] = set()
    for night in range(4):
        done, copy, read = place.verify("--budget-bytes", "300kB")
        assert len(set(read) - seen) == (30 if night < 3 else 10)
        assert len(read) * SIZE <= 300_000
        seen |= set(read)
        assert (copy["verified"], copy["objects_read"], copy["bytes_read"]) == (len(seen), len(read), len(read) * SIZE)
        assert done.code == (11 if night < 3 else 0), done.stderr
    assert len(seen) == COUNT


def test_a_plan_says_what_is_read_then_and_changes_nothing(place: Place, tmp_path: Path) -> None:
    budget = ("--budget-bytes", "300kB")
    place.verify(*budget)
    new = {f"folder-000/new-{number}": bytes([number]) * SIZE for number in range(20)}
    for name, content in new.items():
        (tmp_path / "nas" / "data" / name).write_bytes(content)
    (tmp_path / "nas" / "data" / SUMS).write_text(manifest(numbered(COUNT, SIZE) | new))
    before = kept()
    place.opened.begin()
    planned = drcheck("verify", "--plan", "--estate", place.estate, "--format", "json", *budget)
    assert planned.code == 0, planned.stderr
    assert place.read() == [], "a plan has read a backup"
    assert kept() == before
    (copy,) = json.loads(planned.stdout)["copies"]
    night = copy["night"]
    assert (night["objects"], night["standing"], night["fresh"], night["chosen"], night["bytes"]) == (120, 30, 90, 30, 30 * SIZE)
    done, told, read = place.verify(*budget)
    assert (done.code, len(read), told["objects_read"], told["verified"]) == (11, 30, 30, 60)


def test_a_plan_on_an_empty_store_leaves_a_first_night(place: Place) -> None:
    planned = drcheck("verify", "--plan", "--estate", place.estate)
    assert planned.code == 0, planned.stderr
    assert f"{COUNT} new" in planned.stdout
    assert "No backup was read." in planned.stdout
    assert place.read() == []
    assert place.verify()[1]["objects_read"] == COUNT


UNCHANGED = PACK.replace('"end-to-end"', '"unchanged"') + CONTROL.format(name="unchanged", check="integrity.unchanged", more="")
NIGHT = now() - timedelta(days=1)
PARTS = {f"part-{number}.img": bytes([number]) * 1000 for number in range(40)}


def point(folder: Path) -> Path:
    """Where the recovery point lies."""
    return folder / "vault" / "ehr" / f"{NIGHT:%Y-%m-%d}"


def vault(folder: Path) -> Path:
    """The estate of an immutable copy with one recovery point, judged by whether it stays as it was."""
    fill(point(folder), PARTS)
    for path in point(folder).iterdir():
        os.utime(path, (NIGHT.timestamp(), NIGHT.timestamp()))
    (folder / "unchanged.toml").write_text(UNCHANGED)
    copy = {"system": "records", "target": "vault", "path": "ehr", "format": "dated", "options": {"pattern": "%Y-%m-%d"}, "manifest": {"name": SUMS}}
    estate = write_estate(folder, [target("vault", "local", {"root": "vault"}, immutable=True)], [copy])
    text = estate.read_text().replace('policies = ["./pack.toml"]', 'policies = ["./unchanged.toml"]')
    estate.write_text(text)
    return estate


@pytest.mark.parametrize("between", ["nothing", "plan", "verify", "killed"])
def test_what_changed_is_told_whatever_comes_between(tmp_path: Path, held: ExitStack, between: str) -> None:
    estate = vault(tmp_path)
    assert check(estate).code == 11, "a first listing shows nothing"
    assert check(estate).code == 0
    (point(tmp_path) / "part-7.img").write_bytes(b"something else")
    if between == "killed":
        opened = held.enter_context(Opened(point(tmp_path)))
        process = held.enter_context(begin("check", "--estate", estate, "--full", "--max-rate", "5kB/s"))
        held.callback(process.kill)
        opened.until(lambda seen: any("part" in name for name in seen.files), process=process)
        process.kill()
        process.wait()
    elif between != "nothing":
        drcheck("verify", "--estate", estate, *(["--plan"] if between == "plan" else []))
    for _ in range(2):
        done = check(estate)
        assert done.code == 10, done.stderr
        found = done.only("integrity.unchanged", "records@vault")
        assert found["outcome"] == "fail"
        assert f"ehr/{NIGHT:%Y-%m-%d}/part-7.img" in found["message"]


def test_each_night_reveals_the_seed_that_the_one_before_committed_to(place: Place) -> None:
    samplings = []
    for night in range(3):
        done = check(place.estate)
        assert done.code == 0, done.stderr
        samplings.append(done.document["sampling"])
        # Neither a reading by day nor a plan uses the seed up, and none of them tells the next one.
        by_day = drcheck("verify", "--estate", place.estate, "--format", "json", *(["--plan"] if night else []))
        assert all(each["seed"] not in by_day.stdout for each in samplings)
    assert len({each["seed"] for each in samplings}) == 3
    for earlier, later in pairwise(samplings):
        assert hashlib.sha256(bytes.fromhex(later["seed"])).hexdigest() == earlier["committed"]


def test_what_a_policy_allows_shortens_the_cycle(place: Place, tmp_path: Path) -> None:
    age = "ours = { max_age = '10d' }\nbecause = 'So that it is shorter than thirty days.'"
    strict = PACK.replace('"end-to-end"', '"strict"') + CONTROL.format(name="intact", check="integrity.checksums", more=age)
    (tmp_path / "strict.toml").write_text(strict)
    cycles = {}
    for name, arguments in {
        "none": (),
        "policy": ("--policy", tmp_path / "strict.toml"),
        "asked, shorter": ("--policy", tmp_path / "strict.toml", "--cycle", "5d"),
        "asked, longer": ("--policy", tmp_path / "strict.toml", "--cycle", "20d"),
    }.items():
        done = drcheck("verify", "--plan", "--estate", place.estate, "--format", "json", *arguments)
        (copy,) = json.loads(done.stdout)["copies"]
        cycles[name] = copy["night"]["cycle_seconds"] / 86_400
    assert cycles == {"none": 30, "policy": 10, "asked, shorter": 5, "asked, longer": 10}
    assert check(place.estate, "--policy", tmp_path / "strict.toml").copy("nas")["verification"]["rotation"]["cycle_seconds"] == 864_000


def test_two_organisations_in_one_store_do_not_wait_for_each_other(place: Place, held: ExitStack) -> None:
    other = place.estate.with_name("other.toml")
    other.write_text(place.estate.read_text().replace('id = "hospital"', 'id = "clinic"'))
    process = held.enter_context(begin("verify", "--estate", place.estate, "--max-rate", "100kB/s"))
    held.callback(process.kill)
    place.opened.until(lambda seen: len(seen.files) > 3, process=process)
    assert drcheck("verify", "--estate", other).code == 0
    assert process.poll() is None
