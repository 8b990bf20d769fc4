"""`drcheck demo`: every seeded fault found by name and nothing else, nothing left behind, and an estate to look at further with --keep."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from drcheck.demo.seeded import FAULTS
from tests.e2e.runs import Done, drcheck, environment

KEEPING = "drcheck demo --keep hospital"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """A demo that was kept, and where."""
    folder = tmp_path_factory.mktemp("demo")
    return drcheck("demo", "--keep", "hospital", cwd=folder), folder


def test_every_seeded_fault_is_found_by_name_and_nothing_is_left(tmp_path: Path) -> None:
    done = drcheck("demo", cwd=tmp_path, env=environment(TMPDIR=str(tmp_path)))
    assert done.code == 0, done.stderr
    found = re.findall(r"^  found   (.*?): ", done.stdout, re.MULTILINE)
    assert found == [fault.name for fault in FAULTS]
    assert len(found) == 5
    assert "MISSED" not in done.stdout
    assert "NOT SEEDED" not in done.stdout
    assert "5 of 5 seeded faults found, 0 other failures" in done.stdout
    assert "A check of this estate exits with 10." in done.stdout
    assert KEEPING in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert [line for line in done.stderr.splitlines() if not line.startswith(("Building the hospital", "Looking at five targets"))] == []


def test_the_table_comes_before_what_was_seeded(kept: tuple[Done, Path]) -> None:
    done, _ = kept
    assert done.code == 0, done.stderr
    table, seeded, _ = done.stdout.partition("\nSeeded on purpose")
    assert seeded
    # A rehearsal says so in its first lines.
    assert "REHEARSAL" in table[:200]
    for fault in FAULTS:
        assert fault.subject in table


def test_what_was_kept_can_be_judged_again_without_the_servers(kept: tuple[Done, Path]) -> None:
    done, folder = kept
    command = re.search(r"^  drcheck (check --estate \S+ --facts \S+ --wide)$", done.stdout, re.MULTILINE)
    assert command is not None
    again = drcheck(*command[1].split(), cwd=folder)
    assert again.code == 10, again.stderr
    assert "REHEARSAL" in again.stdout[:200]
    document = drcheck("check", "--estate", "hospital/estate.toml", "--facts", "hospital/facts.json", "--format", "json", cwd=folder).document
    judged = {(finding["check"], finding["subject"]["id"], finding["outcome"]): finding["message"] for finding in document["findings"]}
    for fault in FAULTS:
        assert fault.says in judged[fault.check, fault.subject, str(fault.outcome)]
    assert document["run"]["facts_from"] == "hospital/facts.json"


def test_looked_at_again_its_servers_are_gone_and_that_is_unknown(kept: tuple[Done, Path]) -> None:
    _, folder = kept
    done = drcheck("check", "--estate", "hospital/estate.toml", "--format", "json", "--timeout", "5s", cwd=folder)
    assert done.code == 10
    silent = {target["target"] for target in done.document["targets"] if not target["answered"]}
    assert silent == {"offsite-sftp", "cloud", "university"}
    for copy in done.document["copies"]:
        assert (copy["unobserved"] or {}).get("reason") == ("unreachable" if copy["target"] in silent else None)
    assert done.having("pass") & {("backup.recency", f"imaging@{target}") for target in silent} == set()


def test_nothing_that_was_kept_is_a_secret_but_the_credentials_themselves(kept: tuple[Done, Path]) -> None:
    done, folder = kept
    credentials = folder / "hospital" / "credentials"
    secrets = [path.read_text() for path in credentials.iterdir() if path.name != "s3-access-key"]
    assert len(secrets) == 2
    assert {oct(path.stat().st_mode & 0o777) for path in credentials.iterdir()} == {"0o600"}
    shown = [done.stdout, done.stderr, *((folder / "hospital" / name).read_text() for name in ("estate.toml", "facts.json", "drills.toml"))]
    for secret in secrets:
        assert not [text for text in shown if secret in text]


def test_the_facts_that_were_kept_are_json(kept: tuple[Done, Path]) -> None:
    facts = json.loads((kept[1] / "hospital" / "facts.json").read_text(encoding="utf-8"))
    assert facts["schema"] == "drcheck.facts/1"
    assert len(facts["targets"]) == 5


def test_a_folder_with_something_in_it_is_not_built_in(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = drcheck("demo", "--keep", tmp_path, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert "is not empty; name a new folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    done = drcheck("demo", "--keep", tmp_path / "file" / "hospital", cwd=tmp_path)
    assert (done.code, done.stdout) == (12, "")
    assert f"{tmp_path / 'file' / 'hospital'}: could not be made" in done.stderr


@pytest.mark.parametrize("keep", [(), ("--keep", "kept")], ids=["thrown away", "kept"])
def test_without_the_extra_it_says_what_to_install_and_builds_nothing(keep: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("raise ImportError('no moto here')\n")
    (tmp_path / "temporary").mkdir()
    hidden = environment(TMPDIR=str(tmp_path / "temporary"))
    done = drcheck("demo", *keep, cwd=tmp_path, env=hidden | {"PYTHONPATH": f"{tmp_path}:{hidden['PYTHONPATH']}"})
    assert (done.code, done.stdout) == (2, "")
    assert "pip install 'drcheck[demo]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [*(tmp_path / "kept").glob("*")] == []
