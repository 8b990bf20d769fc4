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
    environment = {**os.environ, "COLUMNS": "100", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    command = ["bash", "-c", session.command]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    printed = done.stdout if done.stdout else done.stderr
    assert says(session.printed, printed), f"{session}: {session.command}\n{printed}\n{done.stderr}"


def test_an_ellipsis_stands_for_any_lines_and_nothing_else_does() -> None:
    assert says("a\n…\nd", "a\nb\nc\nd")
    assert not says("a\n…\nd", "a\nb\nc\ne")
    assert not says("a\nb", "a\nc")
