"""Every terminal session in README and the tutorial is run, and must print what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.sessions import Session, says, sessions

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "tutorial.md")
SESSIONS = [session for document in DOCUMENTS for session in sessions(document)]
SETS_UP = ("make ", "git clone", "python3 -m venv", "pip install")


def test_there_are_sessions_in_every_document() -> None:
    for document in DOCUMENTS:
        assert sessions(document), document


@pytest.mark.parametrize("session", [each for each in SESSIONS if not each.command.startswith(SETS_UP)], ids=str)
def test_the_session_prints_what_it_says(session: Session, tmp_path: Path) -> None:
    place = tmp_path / "checkout"
    place.mkdir()
    (place / "fixtures").symlink_to(ROOT / "fixtures", target_is_directory=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "COLUMNS": "100", "PATH": path, "NO_COLOR": "1", "XDG_STATE_HOME": str(tmp_path / "state")}
    for command in (*session.before, session.command):
        done = subprocess.run(
            ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
        )
    printed = done.stdout if done.stdout else done.stderr
    assert says(session.printed, printed, drawn=session.drawn), f"{session}: {session.command}\n{printed}\n{done.stderr}"


def test_an_ellipsis_stands_for_any_lines_and_nothing_else_does() -> None:
    assert says("a\n…\nd", "a\nb\nc\nd")
    assert not says("a\n…\nd", "a\nb\nc\ne")
    assert not says("a\nb", "a\nc")


def test_any_number_stands_for_one_that_is_drawn_and_no_word_does() -> None:
    expected = "copy  read\n----  ------------\na@b   8, 21.5 KiB  2026-03-05\n…\nIn all 90 objects."
    assert says(expected, "copy  read\n----  -----------\na@b   1, 2 KiB  2027-11-22\nc@d  none\nIn all 1,104 objects.", drawn=True)
    assert not says(expected, "copy  read\n----  -----------\na@b   1, 2 KiB  tonight\nIn all 1,104 objects.", drawn=True)
    assert not says("a@b  1 BAD", "a@b  none", drawn=True)
    assert not says("a 8", "a 9")


def test_commands_of_one_block_go_on_from_each_other(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("```console\n$ one\n1\n$ two\n2\n```\n\n```console\n$ three\n```\n")
    assert [(each.command, each.printed, each.before) for each in sessions(document)] == [("one", "1", ()), ("two", "2", ("one",)), ("three", "", ())]
