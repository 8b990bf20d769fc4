"""`drcheck init`: what it writes is right, it overwrites nothing unasked, and it asks only on a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.runs import ROOT, drcheck


def on_a_terminal(cwd: Path, *arguments: str, typed: str) -> tuple[int, str]:
    """The exit code, and what `drcheck` writes to a terminal on which `typed` is typed."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "drcheck", *arguments],
        cwd=cwd,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        os.close(follower)
        os.write(leader, typed.encode())
        said = b""
        while select.select([leader], [], [], 30)[0]:
            try:
                part = os.read(leader, 4096)
            except OSError:  # Linux: the other side is closed
                break
            if not part:
                break
            said += part
        os.close(leader)
        return process.wait(30), said.decode()


def test_with_yes_it_writes_a_file_that_is_right_and_says_what_to_do_next(tmp_path: Path) -> None:
    done = drcheck("init", "--yes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote estate.toml: 3 systems, 2 targets, 6 copies, 3 policies" in done.stdout
    assert all(f"drcheck {command}" in done.stdout for command in ("estate validate", "doctor", "check"))
    assert drcheck("estate", "validate", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["estate.toml"]


def test_without_a_terminal_it_asks_nothing(tmp_path: Path) -> None:
    done = drcheck("init", "sub.toml", cwd=tmp_path, typed="Wrong\n")
    assert done.returncode == 0
    assert tomllib.loads((tmp_path / "sub.toml").read_text())["organisation"]["name"] == "North Hospital"
    assert "drcheck doctor --estate sub.toml" in done.stdout


def test_options_answer_the_questions(tmp_path: Path) -> None:
    done = drcheck(
        *("init", "-y", "--organisation", 'Öst "Klinik"', "--country", "se", "--system", "Journal", "--system", "Röntgen"),
        *("--onsite", "backups", "--offsite", "192.0.2.1"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    document = tomllib.loads((tmp_path / "estate.toml").read_text(encoding="utf-8"))
    assert document["organisation"] == {"id": "ost-klinik", "name": 'Öst "Klinik"', "country": "SE"}
    assert [system["id"] for system in document["systems"]] == ["journal", "rontgen"]
    assert [target["options"].get("root", "") for target in document["targets"]] == ["backups", "/backups"]
    assert document["targets"][1]["options"]["host"] == "192.0.2.1"
    assert drcheck("estate", "validate", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_nothing_is_overwritten_unasked(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "estate.toml"
    match kind:
        case "file":
            file.write_text("mine")
        case "dangling link":
            file.symlink_to("elsewhere.toml")
        case _:
            file.mkdir()
    done = drcheck("init", "--yes", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "estate.toml: is " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["estate.toml"]
    if kind == "file":
        assert file.read_text() == "mine"
        assert drcheck("init", "--yes", "--force", cwd=tmp_path).returncode == 0
        assert drcheck("estate", "validate", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--country", "UK"], 'write "GB"'),
        (["--country", "Sweden"], "two capital letters"),
        (["--organisation", " "], "write a name"),
        (["--offsite", "me@host"], "without user and path"),
        (["--system", "a\x1bb"], "on one line"),
        (["--organisation", "AKIA" + "ABCDEFGHIJ234567"], "looks like an AWS access key"),
    ],
)
def test_a_wrong_answer_is_refused_and_nothing_is_written(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = drcheck("init", "--yes", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_exit_12(tmp_path: Path) -> None:
    done = drcheck("init", "--yes", "nowhere/estate.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (12, "")
    assert "could not be written" in done.stderr


def test_on_a_terminal_it_asks_again_until_it_understands(tmp_path: Path) -> None:
    code, said = on_a_terminal(tmp_path, "init", typed="South Clinic\nUK\nie\nRecords, Labs\n\n\n")
    assert code == 0, said
    assert 'write "GB"' in said
    document = tomllib.loads((tmp_path / "estate.toml").read_text())
    assert document["organisation"] == {"id": "south-clinic", "name": "South Clinic", "country": "IE"}
    assert [system["name"] for system in document["systems"]] == ["Records", "Labs"]
    assert document["targets"][0]["options"]["root"] == "/srv/backups"


def test_given_up_half_way_it_leaves_nothing(tmp_path: Path) -> None:
    code, _ = on_a_terminal(tmp_path, "init", typed="South Clinic\n\x04")
    assert code == 130
    assert list(tmp_path.iterdir()) == []
