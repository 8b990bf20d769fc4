"""What drcheck writes is for whom it should be, whatever the umask: names of objects can be patient data."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.runs import ROOT, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
OPEN = "000"
"""The umask that keeps nothing from anybody."""


def run(folder: Path, *arguments: str | Path, umask: str = OPEN) -> None:
    """Run drcheck under a umask, which a shell sets for it alone."""
    command = ["/bin/sh", "-c", f'umask {umask} && exec "$@"', "sh", sys.executable, "-m", "drcheck", *map(str, arguments)]
    more = {"XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode in (0, 10, 11), done.stderr


def modes(folder: Path) -> dict[str, str]:
    """The mode of everything below a folder."""
    return {str(path.relative_to(folder)): f"{stat.S_IMODE(path.lstat().st_mode):04o}" for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a night was checked and exported by somebody who is careless."""
    folder = tmp_path_factory.mktemp("modes")
    fill(folder / "nas" / "data", numbered(3))
    estate = write_estate(folder / "estate", [target("nas", "local", {"root": str(folder / "nas")})])
    out = folder / "out"
    out.mkdir(mode=0o755)
    run(folder, "check", "--estate", estate, "--keep-facts", out / "facts.json", "--calls", out / "calls.jsonl", "-o", out / "report.txt")
    run(folder, "key", "new", "--out", out / "key")
    run(folder, "evidence", "export", "-o", out / "pack.tar.gz", "--sign", out / "key")
    run(folder, "store", "backup", out / "copy.db")
    return folder


def test_the_store_its_lock_and_its_folder_are_this_users(place: Path) -> None:
    found = modes(place / "state")
    assert {mode for name, mode in found.items() if name.startswith("drcheck/")} == {"0600"}, found
    assert found["drcheck"] == "0700"
    assert any(name.endswith(".lock") for name in found), found


@pytest.mark.parametrize("name", ["facts.json", "calls.jsonl", "key", "copy.db"])
def test_what_holds_names_or_a_private_key_is_this_users(place: Path, name: str) -> None:
    assert modes(place / "out")[name] == "0600"


@pytest.mark.parametrize("name", ["report.txt", "key.pub", "pack.tar.gz"])
def test_what_is_to_be_handed_on_has_the_mode_that_the_umask_says_and_is_never_for_others_to_write_under_a_usual_one(place: Path, name: str) -> None:
    assert modes(place / "out")[name] in ("0666", "0644", "0600")


def test_no_lock_or_temporary_file_is_left(place: Path) -> None:
    assert not [name for name in modes(place / "out") if name.startswith(".")]


def test_what_is_there_already_is_for_nobody_else_afterwards(tmp_path: Path) -> None:
    fill(tmp_path / "nas" / "data", numbered(1))
    estate = write_estate(tmp_path / "estate", [target("nas", "local", {"root": str(tmp_path / "nas")})])
    for name in ("facts.json", "calls.jsonl"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o640)
    run(tmp_path, "check", "--estate", estate, "--keep-facts", "facts.json", "--calls", "calls.jsonl", umask="077")
    assert {modes(tmp_path)[name] for name in ("facts.json", "calls.jsonl")} == {"0600"}
