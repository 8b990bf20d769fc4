"""drcheck's own store, backed up and checked like anything else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import now
from tests.cli import inside

ESTATE = """\
schema = "drcheck.estate/1"
rehearsal = true
policies = ["drcheck-self"]

[organisation]
id = "north"
name = "North Hospital"
country = "GB"

[[sites]]
id = "here"
name = "Here"

[[sites]]
id = "away"
name = "Away"

[[systems]]
id = "drcheck"
name = "drcheck itself"
tier = "routine"
owner = "IT department"
production = { site = "here" }
rpo = "1d"
holds_store = true

[[targets]]
id = "offsite"
connector = "local"
site = "away"
options = { root = "offsite" }

[[copies]]
system = "drcheck"
target = "offsite"
path = "store"
format = "dump"
options = { pattern = "%Y-%m-%dT%H%M%SZ.db" }
"""


class Place:
    """The estate in a folder, with a store beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "offsite" / "store").mkdir(parents=True)
        self.write(ESTATE)

    def write(self, estate: str) -> None:
        """Declare this."""
        (self.folder / "estate.toml").write_text(estate, encoding="utf-8")

    def check(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """One night: its exit code, and the one finding."""
        done = inside.drcheck("check", "--store", "own.db", "--format", "json", "--quiet", *arguments, cwd=self.folder)
        (finding,) = json.loads(done.stdout)["findings"]
        return done.returncode, finding

    def back_up(self, age: timedelta) -> None:
        """Make a copy of the store, named as if it were so old."""
        name = f"{now() - age:%Y-%m-%dT%H%M%SZ}.db"
        assert inside.drcheck("store", "backup", f"offsite/store/{name}", "--store", "own.db", cwd=self.folder).returncode == 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An estate whose one system is drcheck's store."""
    return Place(tmp_path)


def test_a_store_is_backed_up_from_the_night_on_that_a_copy_is_seen_elsewhere(place: Place) -> None:
    code, finding = place.check()
    assert (code, finding["outcome"], finding["assurance"]) == (10, "fail", "declared")
    assert "nothing there" in finding["message"]
    place.back_up(timedelta(days=3))
    assert place.check()[0] == 10
    place.back_up(timedelta(hours=1))
    code, finding = place.check()
    assert (code, finding["outcome"]) == (0, "pass")
    values = {fact["name"]: fact["value"] for fact in finding["facts"]}
    assert values["store"].startswith("sqlite at own.db, 2 assessments since ")
    assert values["system that holds the store"] == "drcheck"
    status = inside.drcheck("status", "--store", "own.db", cwd=place.folder)
    assert status.returncode == 0, status.stdout
    assert inside.drcheck("diff", "--store", "own.db", cwd=place.folder).returncode == 0


def test_without_a_store_nobody_knows(place: Place) -> None:
    done = inside.drcheck("check", "--no-store", "--format", "json", "--quiet", cwd=place.folder)
    (finding,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, finding["outcome"]) == (11, "unknown")
    assert "this run uses no store" in finding["message"]


def test_a_store_that_no_system_holds_is_a_failure(place: Place) -> None:
    place.write(ESTATE.replace("holds_store = true\n", ""))
    code, finding = place.check()
    assert code == 10
    assert "no system is declared to hold drcheck's store, sqlite at own.db" in finding["message"]


def test_facts_that_are_judged_again_keep_what_was_known_of_the_store(place: Place) -> None:
    done = inside.drcheck("check", "--store", "own.db", "--keep-facts", "facts.json", "--quiet", cwd=place.folder)
    assert done.returncode == 10
    again = inside.drcheck("check", "--facts", "facts.json", "--format", "json", cwd=place.folder)
    assert json.loads(again.stdout)["findings"][0]["outcome"] == "fail"
    document = json.loads((place.folder / "facts.json").read_text())
    assert document["store"]["value"]["kind"] == "sqlite"
    # Facts of an older drcheck say nothing of a store: then nothing is known.
    del document["store"]
    (place.folder / "older.json").write_text(json.dumps(document))
    older = inside.drcheck("check", "--facts", "older.json", "--format", "json", cwd=place.folder)
    assert (older.returncode, json.loads(older.stdout)["findings"][0]["outcome"]) == (11, "unknown")
