"""What a killed export leaves behind is removed by the next one, and nothing else is."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drcheck.errors import OutputError
from drcheck.evidence.leftovers import PREFIX, remove_leftovers, working_folder
from drcheck.evidence.packing import beside

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no locks that end with their process, so nothing is removed")
MAKER = """
import sys
from pathlib import Path
from drcheck.evidence.leftovers import working_folder
with working_folder(Path(sys.argv[1])) as folder:
    (folder / "pack" / "data").mkdir(parents=True)
    (folder / "pack" / "data" / "record.json").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def making(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process in the middle of an export, and its working folder."""
    maker = subprocess.Popen([sys.executable, "-c", MAKER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    yield maker, Path(maker.stdout.readline().strip())
    maker.kill()
    maker.communicate(timeout=60)


def kill(maker: subprocess.Popen[str]) -> None:
    """As kill -9 does."""
    maker.send_signal(signal.SIGKILL)
    maker.wait(timeout=60)


def test_what_was_left_behind_goes_with_the_next_one_and_is_told(
    making: tuple[subprocess.Popen[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maker, folder = making
    with working_folder(tmp_path) as mine:
        assert sorted(tmp_path.iterdir()) == sorted([folder, mine]), "its process lives"
    assert folder.exists()
    kill(maker)
    assert folder.exists()
    with caplog.at_level(logging.WARNING), beside(tmp_path / "pack.zip") as mine:
        assert list(tmp_path.iterdir()) == [mine]
        assert mine.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []
    assert f"removed {folder}, which an export left behind that was killed: process {maker.pid}" in caplog.text


def add(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"somebody's")


def edited(**change: object) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        mark = folder / "export.lock"
        mark.write_text(json.dumps(json.loads(mark.read_text()) | change))

    return edit


def linked(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def mark_is_a_link(folder: Path) -> None:
    (folder / "export.lock").rename(folder.with_name("mark"))
    (folder / "export.lock").symlink_to(folder.with_name("mark"))


def mark_is_a_pipe(folder: Path) -> None:
    (folder / "export.lock").unlink()
    os.mkfifo(folder / "export.lock")


NOT_ITS_OWN: dict[str, Callable[[Path], object]] = {
    "has no mark": lambda folder: (folder / "export.lock").unlink(),
    "is not marked yet": lambda folder: (folder / "export.lock").rename(folder / "export.lock.new"),
    "holds something else": add("notes.txt"),
    "is of another machine": edited(host="elsewhere.example"),
    "is of another program": edited(schema="other"),
    "has a mark that is no object": lambda folder: (folder / "export.lock").write_text("[]"),
    "has a mark that is no JSON": lambda folder: (folder / "export.lock").write_bytes(b"\xff"),
    "has a mark that is empty": lambda folder: (folder / "export.lock").write_bytes(b""),
    "has a mark without end": lambda folder: (folder / "export.lock").write_text("[" * 100_000),
    "can be entered by others": lambda folder: folder.chmod(0o755),
    "is a link": linked,
    "has a mark that is a link": mark_is_a_link,
    "has a mark that is a pipe": mark_is_a_pipe,
    "has another name": lambda folder: folder.rename(folder.with_name("drcheck-x")),
}


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A working folder as a killed export leaves it."""
    with working_folder(tmp_path) as folder:
        (folder / "pack").mkdir()
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
    place = tmp_path / f"{PREFIX}left"
    copy.rename(place)
    place.chmod(0o700)
    assert json.loads((place / "export.lock").read_text())["host"] == socket.gethostname()
    return place


def test_what_an_export_left_is_removed(left: Path) -> None:
    remove_leftovers(left.parent)
    assert not left.exists()


@pytest.mark.parametrize("name", NOT_ITS_OWN)
def test_whatever_is_not_surely_an_exports_own_stays(left: Path, name: str) -> None:
    NOT_ITS_OWN[name](left)
    before = sorted(left.parent.rglob("*"))
    remove_leftovers(left.parent)
    assert sorted(left.parent.rglob("*")) == before


def test_somebody_elses_stays(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    remove_leftovers(left.parent)
    assert left.exists()


def test_without_locks_an_export_still_works_and_nothing_is_removed(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> None:
        raise OSError("no locks")

    monkeypatch.setattr("drcheck.evidence.leftovers._lock", refused)
    with working_folder(left.parent) as folder:
        assert list(folder.iterdir()) == []
        assert left.exists()
    assert list(left.parent.iterdir()) == [left]


def test_where_nothing_can_be_made_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"), beside(tmp_path / "nowhere" / "pack"):
        pass
