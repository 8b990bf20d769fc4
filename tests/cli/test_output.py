"""Where reports go: stdout in any locale, terminals that cannot show everything, files, full disks, readers that leave."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from drcheck.cli.output import WIDTH_WITHOUT_A_TERMINAL, deliver, terminal_style
from drcheck.errors import OutputError

TEXT = "→ caf\u00e9 \u65e5\u672c…\n"
DELIVER = f"from drcheck.cli.output import deliver; deliver({TEXT!a} + chr(0xDCFF) + chr(10), None)"
STYLE = "from drcheck.cli.output import terminal_style; print(terminal_style())"

LEFT_ALONE = """
import os
from drcheck.cli.output import deliver
try:
    deliver("x" * 10_000_000, None)
except BrokenPipeError:
    os.write(2, b"gone")
    os._exit(3)
"""
ON_A_FULL_DISK = """
import os
from drcheck.cli.output import deliver
from drcheck.errors import OutputError
try:
    deliver("x", None)
except OutputError as error:
    os.write(2, str(error).encode())
    os._exit(error.exit_code)
"""


def _environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON", "NO_COLOR", "TERM", "COLUMNS"))}
    return kept | {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "TERM": "xterm"} | changes


def _on_a_terminal(code: str, **changes: str) -> str:
    """What `code` writes to a terminal of its own."""
    leader, follower = pty.openpty()
    try:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=follower, stderr=subprocess.PIPE, env=_environment(**changes))
        os.close(follower)
        written = b""
        while select.select([leader], [], [], 30)[0]:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # Linux's way of saying that the other end is closed
                break
            if not piece:
                break
            written += piece
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors.decode()
    finally:
        os.close(leader)
    return written.decode("ascii")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_pipe_gets_utf_8_whatever_the_locale(encoding: str) -> None:
    done = subprocess.run([sys.executable, "-c", DELIVER], capture_output=True, check=True, env=_environment(PYTHONIOENCODING=encoding))
    assert done.stdout == TEXT.encode() + b"\\udcff\n"


def test_a_terminal_that_cannot_show_a_character_gets_an_escape() -> None:
    assert _on_a_terminal(DELIVER, PYTHONIOENCODING="ascii").replace("\r\n", "\n") == "> caf\\xe9 \\u65e5\\u672c~\n\\udcff\n"


def test_colour_is_for_terminals_that_want_it() -> None:
    assert _on_a_terminal(STYLE, COLUMNS="91").strip() == "(True, 91)"
    assert _on_a_terminal(STYLE, COLUMNS="91", NO_COLOR="1").strip() == "(False, 91)"
    assert _on_a_terminal(STYLE, COLUMNS="91", NO_COLOR="").strip() == "(True, 91)"
    assert _on_a_terminal(STYLE, COLUMNS="91", TERM="dumb").strip() == "(False, 91)"
    assert _on_a_terminal(STYLE, COLUMNS="5").strip() == "(True, 60)"


def test_files_and_pipes_get_no_colour(tmp_path: Path) -> None:
    assert terminal_style(tmp_path / "report.txt") == (False, WIDTH_WITHOUT_A_TERMINAL)
    done = subprocess.run([sys.executable, "-c", STYLE], capture_output=True, check=True, env=_environment(COLUMNS="91"))
    assert done.stdout.decode().strip() == f"(False, {WIDTH_WITHOUT_A_TERMINAL})"


def test_a_file_is_replaced_whole_or_left_as_it_was(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("yesterday")
    deliver(TEXT, report)
    assert report.read_bytes() == TEXT.encode()
    with pytest.raises(OutputError, match="no-such-folder"):
        deliver(TEXT, tmp_path / "no-such-folder" / "report.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_a_reader_that_leaves_is_a_broken_pipe() -> None:
    process = subprocess.Popen([sys.executable, "-c", LEFT_ALONE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment())
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=30) == 3
    assert process.stderr.read() == b"gone"
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full, which only Linux has")
def test_a_full_disk_is_an_output_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK], stdout=full, stderr=subprocess.PIPE, env=_environment())
    assert done.returncode == 12
    assert b"No space left on device" in done.stderr
