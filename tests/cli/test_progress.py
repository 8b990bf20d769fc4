"""What a run says while it goes on: on terminals of every width, in logs, with --quiet, and when it is cut short."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drcheck.cli.progress import Shown
from drcheck.model import Reason, TargetFacts, Unobserved
from tests.cli.runs import ROOT
from tests.cli.screen import Terminal

HOSTILE = "evil\x1b[2J\x1b[31m\r\nname\u202e"
MIB = 1024 * 1024
NOW = datetime(2026, 3, 1, 2, 27, tzinfo=UTC)


SIMULATED = """
import logging, os, signal, sys, threading, time
import drcheck.cli.progress
from drcheck.cli.progress import Shown
from drcheck.pace import Pace

drcheck.cli.progress._DELAY, drcheck.cli.progress._FRAME = 0.0, 0.02
name, how = sys.argv[1], sys.argv[2]
logging.getLogger("drcheck").handlers = [logging.StreamHandler(sys.stderr)]

def wait_for(shown):
    # Until what was told has been shown, however busy the machine is.
    frames = shown.frames
    while shown.frames < frames + 2:
        time.sleep(0.01)

class Counted(Shown):
    frames = 0
    def tick(self):
        super().tick()
        self.frames += 1

with Counted(interval=0.02) as shown:
    progress = shown.progress
    shown.say("looking at 4 targets")
    for target in ("nas-1", "offsite", name, "vault"):
        progress.expected(f"ehr@{target}", target)
    wait_for(shown)
    pace = Pace()
    progress.reading("nas-1", pace)
    for target, count in (("nas-1", 20_000), ("offsite", 1_234_567), (name, 3)):
        progress.begun(f"ehr@{target}", target)
        progress.gathered(f"ehr@{target}")
        wait_for(shown)
        progress.planned(f"ehr@{target}", count, count * 1_000)
        progress.done(f"ehr@{target}", 1_000)
        wait_for(shown)
    progress.begun("ehr@vault", "vault")
    progress.ended(f"ehr@{name}", "the connection was lost" + name)
    pace.add(7 * 1024 * 1024)
    logging.getLogger("drcheck").warning("a warning in the middle")
    print("a word to stderr", file=sys.stderr)
    wait_for(shown)
    if how == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    if how == "crash":
        raise SystemExit(7)
    progress.done("ehr@nas-1", 19_999_000, 19_999)
    progress.ended("ehr@nas-1", "")
    wait_for(shown)
print("REPORT")
"""


def on_a_terminal(width: int, *, how: str = "end", height: int = 24, name: str = HOSTILE, **environment: str) -> tuple[Terminal, str, int]:
    """What the simulated run leaves on a terminal that is stderr, what it writes to stdout, which is a pipe, and its exit code."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(leader, (height, width))
    settings = termios.tcgetattr(follower)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(follower, termios.TCSANOW, settings)
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", SIMULATED, name, how],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
        env=kept | {"TERM": "xterm-256color", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)} | environment,
        cwd=ROOT,
    )
    os.close(follower)
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65_536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        if not piece:
            break
        written += piece
    output, _ = process.communicate(timeout=60)
    os.close(leader)
    text = written.decode()
    if "Traceback" in text:
        assert how == "interrupt", text
        text = text.partition("Traceback")[0]
    terminal = Terminal(width)
    # The terminal was told not to, so that what is seen is what was written: a line end also goes back to the first column.
    terminal.feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))
    return terminal, output.decode(), process.returncode


@pytest.mark.parametrize("width", [120, 80, 60, 40, 24])
def test_a_terminal_shows_a_line_a_target_and_is_left_tidy(width: int) -> None:
    terminal, output, code = on_a_terminal(width)
    assert (output, code) == ("REPORT\n", 0)
    assert terminal.cursor
    assert sum(line.startswith("total ") for line in terminal.lines) == 1, "what was shown before is still there"
    table_ = [line.rstrip() for line in terminal.lines if line.strip()][-5:]
    assert [line.split()[0][:3] for line in table_] == ["nas", "off", "evi", "vau", "tot"]
    above = " ".join(" ".join(line.strip() for line in terminal.lines[:-5]).split())
    assert all(words.replace(" ", "") in above.replace(" ", "") for words in ("looking at 4 targets", "a warning in the middle", "a word to stderr"))
    assert r"connection was lostevil\x1b[2J\x1b[31m\x0d\x0aname\u202e".replace(" ", "") in above.replace(" ", "")
    if width >= 60:
        assert "done, 20,000" in table_[0]
        assert "1 of 1,234,567" in table_[1]
        assert "stopped at 1 of 3" in table_[2]
        assert "listing" in table_[3]
        assert "20,002 of 1,254,570" in table_[4]
    else:
        assert ["done" in table_[0], "stopped" in table_[2], "listing" in table_[3]] == [True] * 3


@pytest.mark.parametrize(("how", "code"), [("interrupt", -signal.SIGINT), ("crash", 7)])
def test_however_it_ends_the_cursor_is_back_and_the_next_line_is_a_new_one(how: str, code: int) -> None:
    terminal, output, returned = on_a_terminal(80, how=how)
    assert (output, returned) == ("", code)
    assert terminal.cursor
    assert terminal.lines[-2].startswith("total")
    assert (terminal.at, terminal.lines[-1]) == ((len(terminal.lines) - 1, 0), "")


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    colours = {str(code) for code in (*range(30, 39), *range(90, 98))}
    assert on_a_terminal(80)[0].colours & colours
    assert not on_a_terminal(80, NO_COLOR="1")[0].colours & colours
    assert on_a_terminal(80, NO_COLOR="")[0].colours & colours


def test_a_dumb_terminal_gets_lines_as_a_log_does() -> None:
    terminal, output, code = on_a_terminal(120, TERM="dumb")
    assert (output, code) == ("REPORT\n", 0)
    assert not terminal.colours
    assert terminal.lines[0] == "looking at 4 targets"
    assert terminal.lines[1] == "reading: not begun; 4 waiting"
    assert "  ehr@" in "".join(terminal.lines)
    assert "total" not in "".join(terminal.lines)


def test_a_terminal_without_utf_8_gets_escapes_of_the_right_width() -> None:
    terminal, *_ = on_a_terminal(60, name="日本語ターゲット", PYTHONUTF8="0", PYTHONIOENCODING="ascii:backslashreplace")
    text = "\n".join(terminal.lines)
    assert text.isascii()
    assert r"\u65e5" in text


def test_many_targets_fit_a_low_window() -> None:
    terminal, *_ = on_a_terminal(80, height=5)
    assert terminal.lines[-2].startswith("total")
    assert any("2 more" in line for line in terminal.lines)


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def in_a_log(*, quiet: bool = False) -> tuple[Shown, io.StringIO, Callable[[float], list[str]]]:
    """Progress in a log, the log, and what lets time pass and gives the lines of it."""
    log, clock = io.StringIO(), Clock()
    shown = Shown(log, quiet=quiet, clock=clock, now=lambda: NOW)

    def passed(seconds: float) -> list[str]:
        before = len(log.getvalue())
        for _ in range(int(seconds)):
            clock.seconds += 1
            shown.tick()
        return log.getvalue()[before:].splitlines()

    return shown, log, passed


def test_a_log_gets_a_line_an_interval() -> None:
    shown, _, passed = in_a_log()
    progress = shown.progress
    assert passed(200) == [], "nothing is being read"
    for target in ("nas-1", "offsite", "vault", "usb"):
        progress.expected(f"ehr@{target}", target)
    progress.begun("ehr@nas-1", "nas-1")
    assert passed(59) == []
    assert passed(2) == ["reading: not begun; nas-1 listing, 3 waiting"]
    progress.planned("ehr@nas-1", 20_000, 20_000 * MIB)
    progress.begun("ehr@offsite", "offsite")
    progress.planned("ehr@offsite", 61_204, 61_204 * 1024)
    progress.begun("ehr@vault", "vault")
    progress.gathered("ehr@vault")
    passed(1)
    progress.done("ehr@nas-1", 3_000 * MIB, 3_000)
    progress.done("ehr@offsite", 9_000 * 1024, 9_000)
    assert passed(59) == [
        "reading: 12,000 of 81,204 objects, 2.9 GiB, 51.0 MiB/s, at least 6 min left; "
        "nas-1 3,000 of 20,000, offsite 9,000 of 61,204, vault reading manifests, 1 waiting"
    ]
    progress.begun("ehr@usb", "usb")
    progress.ended("ehr@usb", "")
    progress.ended("ehr@vault", "no" + HOSTILE)
    assert passed(60) == [
        r"  ehr@vault: stopped: noevil\x1b[2J\x1b[31m\x0d\x0aname\u202e",
        "reading: 12,000 of 81,204 objects, 2.9 GiB, 0 B/s; nas-1 3,000 of 20,000, offsite 9,000 of 61,204, vault stopped, 1 done",
    ]


def test_a_log_of_one_target_does_not_say_it_twice() -> None:
    shown, _, passed = in_a_log()
    shown.progress.begun("ehr@nas", "nas")
    shown.progress.planned("ehr@nas", 1_000, 1_000 * MIB)
    passed(1)
    shown.progress.done("ehr@nas", 100 * MIB, 100)
    assert passed(60) == ["reading: 100 of 1,000 objects, 100.0 MiB, 1.7 MiB/s, about 9 min left"]


def test_quiet_says_nothing() -> None:
    shown, log, passed = in_a_log(quiet=True)
    with shown:
        shown.say("looking at 4 targets")
        shown.progress.begun("ehr@nas", "nas")
        shown.progress.ended("ehr@nas", "lost")
        assert passed(500) == []
    assert log.getvalue() == ""


def looked_at(answer: Unobserved) -> TargetFacts:
    """A target that was looked at for a second and a half."""
    return TargetFacts("nas-1", answer, answer, answer, answer, answer, answer, (), seconds=1.5)


@pytest.mark.parametrize(("terminal", "said"), [(True, "  nas-1: unreachable, 1.5 s\n  nas-1: answered, 1.5 s\n"), (False, "")])
def test_inspection_is_told_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, terminal: bool, said: str) -> None:
    log = io.StringIO()
    monkeypatch.setattr(log, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    shown = Shown(log)
    shown.heard(looked_at(Unobserved(Reason.UNREACHABLE, "")))
    shown.heard(looked_at(Unobserved(Reason.UNSUPPORTED, "")))
    assert log.getvalue() == said


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        """Never."""
        raise BrokenPipeError


def test_a_stream_that_cannot_be_written_to_costs_nothing() -> None:
    with Shown(Broken(), interval=0.01) as shown:
        shown.say("looking")
        shown.progress.begun("ehr@nas", "nas")
        shown.progress.ended("ehr@nas", "lost")
    closed = io.StringIO()
    closed.close()
    shown = Shown(Broken(), interval=0.01)
    shown._stream = closed
    with shown:
        shown.say("looking")


def test_rich_is_imported_where_it_is_used_only() -> None:
    code = "import sys, drcheck.cli.progress; sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_file_is_no_terminal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as log, Shown(log) as shown:
        shown.say("looking at 1 target, 1 copy")
    assert (tmp_path / "log").read_text() == "looking at 1 target, 1 copy\n"
