"""A store that cannot be used: the run looks and reports all the same, reads nothing that it could not remember, and ends with 12."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drcheck.store import open_store
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.opened import Opened
from tests.e2e.runs import check, drcheck, without_override

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is read by inotify, which only Linux has")
COUNT = 60


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@dataclass
class Place:
    """A folder that is to be looked at, and what of it was read."""

    estate: Path
    opened: Opened

    def unread(self) -> bool:
        """Whether no object was read."""
        self.opened.look()
        return not [name for name in self.opened.files if name != "SHA256SUMS"]


@pytest.fixture
def place(tmp_path: Path, held: ExitStack) -> Place:
    """A mirror at which everything is well."""
    fill(tmp_path / "nas" / "data", numbered(COUNT, 30_000))
    estate = write_estate(tmp_path, [target("nas", "local", {"root": "nas"})])
    return Place(estate, held.enter_context(Opened(tmp_path / "nas" / "data")))


@dataclass
class Broken:
    """A store that cannot be used."""

    path: Path
    said: str
    """What is to be said of it."""
    before: list[str] = field(default_factory=list)
    """What starts the command."""


def no_database(folder: Path) -> Broken:
    (folder / "store.db").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    return Broken(folder / "store.db", "is damaged")


def damaged(folder: Path) -> Broken:
    open_store(folder / "store.db").close()
    with (folder / "store.db").open("r+b") as file:
        for page in range(1, 12):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    return Broken(folder / "store.db", "is damaged")


def newer(folder: Path) -> Broken:
    open_store(folder / "store.db").close()
    with closing(sqlite3.connect(folder / "store.db")) as database, database:
        (table,) = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%version%'")]
        (column,) = [row[1] for row in database.execute(f"PRAGMA table_info({table})")][:1]
        database.execute(f"UPDATE {table} SET {column} = '9999'")
    return Broken(folder / "store.db", "was written by a newer drcheck")


def read_only(folder: Path) -> Broken:
    kept = folder / "kept"
    kept.mkdir()
    open_store(kept / "store.db").close()
    (kept / "store.db").chmod(0o444)
    kept.chmod(0o555)
    return Broken(kept / "store.db", "cannot be written to", without_override())


def no_room(folder: Path) -> Broken:
    open_store(folder / "store.db").close()
    prlimit = shutil.which("prlimit")
    assert prlimit is not None
    return Broken(folder / "store.db", "", [prlimit, "--fsize=4096"])


def no_folder(folder: Path) -> Broken:
    (folder / "a-file").write_text("not a folder")
    return Broken(folder / "a-file" / "store.db", "")


BROKEN = [no_database, damaged, newer, read_only, no_room, no_folder]


@pytest.fixture(params=BROKEN, ids=lambda make: make.__name__)
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broken]:
    """A store that cannot be used, for each reason that there is."""
    made: Broken = request.param(tmp_path)
    yield made
    if made.path.parent.is_dir():
        made.path.parent.chmod(0o755)


def test_a_check_looks_reads_nothing_and_says_so_at_once(place: Place, broken: Broken) -> None:
    before = broken.path.read_bytes() if broken.path.is_file() else b""
    done = drcheck("check", "--estate", place.estate, "--format", "json", "--store", broken.path, before=broken.before)
    assert done.code == 12, done.stderr
    first, *others = done.stderr.splitlines()
    assert first.startswith("no backup is read, since the store cannot be used: ")
    assert str(broken.path) in first
    assert broken.said in first
    assert others[0] == "looking at 1 target, 1 copy"
    assert others[-1] == f"error: {first.partition('used: ')[2]}"
    assert "Traceback" not in done.stderr
    assert place.unread()
    # What needs no store is answered as ever, and what was not read is unknown.
    document = json.loads(done.stdout)
    assert document["summary"]["exit_code"] == 11
    outcomes = {finding["check"]: finding["outcome"] for finding in document["findings"] if finding["subject"]["id"] == "records@nas"}
    assert (outcomes["backup.recency"], outcomes["integrity.checksums"]) == ("pass", "unknown")
    assert (broken.path.read_bytes() if broken.path.is_file() else b"") == before


def test_a_verification_ends_at_once(place: Place, broken: Broken) -> None:
    for plan in ([], ["--plan"]):
        done = drcheck("verify", "--estate", place.estate, "--store", broken.path, *plan, before=broken.before)
        assert (done.code, done.stdout) == (12, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: the store ")
        assert broken.said in line
        assert place.unread()
        assert place.opened.folders == []


def test_a_store_that_is_named_for_another_moment_remembers_nothing_so_everything_is_read(place: Place, tmp_path: Path) -> None:
    broken = no_folder(tmp_path)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    done = drcheck("check", "--estate", place.estate, "--format", "json", "--store", broken.path, "--as-of", moment)
    assert done.code == 12
    assert done.stderr.startswith("the store cannot be used: ")
    assert json.loads(done.stdout)["copies"][0]["verification"]["objects_read"] == COUNT
    kept = drcheck("check", "--estate", place.estate, "--no-read", "--quiet", "--store", broken.path)
    assert (kept.code, kept.stderr.partition(":")[0]) == (12, "error")


def test_a_store_that_fails_in_the_middle_ends_reading_and_keeps_what_it_has(place: Place) -> None:
    """Its disk is as good as full: no file may grow beyond a size that its log reaches after a while."""
    open_store().close()
    prlimit = shutil.which("prlimit")
    assert prlimit is not None
    done = check(place.estate, "--max-rate", "300kB/s", before=[prlimit, "--fsize=100000"])
    assert done.code == 12, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: the store ")
    assert "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    assert document["summary"]["exit_code"] == 11
    verification = document["copies"][0]["verification"]
    assert 0 < verification["objects_read"] < COUNT
    assert verification["unobserved"]["reason"] == "internal"
    assert "the store " in verification["unobserved"]["detail"]
    with open_store() as store:
        read = {known.key for known in store.objects("hospital", "records@nas").known() if known.last_read is not None}
    assert 0 < len(read) <= verification["objects_read"]
    place.opened.begin()
    again = drcheck("verify", "--estate", place.estate, "--format", "json", "--cycle", "10000d")
    assert again.code == 0, again.stderr
    place.unread()
    assert len(place.opened.files) - 1 == COUNT - len(read), "what is recorded is not read again"
