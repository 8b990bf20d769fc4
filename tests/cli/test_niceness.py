"""Leaving production its part: a lower priority that every thread and worker inherits, and options that say what is wrong with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from drcheck.cli import niceness
from drcheck.cli.niceness import IoPriority, lower_priority, sparing_options

SEEN = """
import json, os, subprocess, sys, threading
from multiprocessing import get_context
from drcheck.cli.niceness import IoPriority, lower_priority

def seen(pid=0):
    pid = pid or os.getpid()
    io = subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=True)
    return [os.getpriority(os.PRIO_PROCESS, pid), io.stdout.strip()]

def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found.append(seen(process.pid))
    process.communicate(b"")

found = []
if __name__ == "__main__":
    nice, kind, level = json.loads(sys.argv[1])
    before = os.getpriority(os.PRIO_PROCESS, 0)
    lower_priority(nice, IoPriority(kind, level))
    found.append(seen())
    child()
    thread = threading.Thread(target=child)
    thread.start()
    thread.join()
    with get_context("spawn").Pool(1) as pool:
        found.append(pool.apply(seen))
    print(json.dumps([before, found]))
"""


@pytest.mark.program("ionice")
@pytest.mark.parametrize(
    ("nice", "io", "shown"),
    [
        (5, IoPriority("idle"), "idle"),
        (None, IoPriority("best-effort", 7), "best-effort: prio 7"),
        (19, IoPriority("best-effort"), "best-effort: prio 0"),
    ],
)
def test_every_thread_and_process_that_is_started_later_inherits_both(tmp_path: Path, nice: int | None, io: IoPriority, shown: str) -> None:
    script = tmp_path / "seen.py"
    script.write_text(SEEN, encoding="utf-8")
    asked = json.dumps([nice, io.kind, io.level])
    done = subprocess.run([sys.executable, script, asked], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    before, found = json.loads(done.stdout)
    assert found == [[min(19, before + (nice or 0)), shown]] * 4


@click.command()
@sparing_options
def told(max_rate: float | None, nice: int | None, ionice: IoPriority | None) -> None:
    """Say what the options came to."""
    click.echo(f"{max_rate} {nice} {ionice}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "None None None"),
        ("--max-rate 50MiB/s", "52428800.0 None None"),
        ("--max-rate 400Mbit/s --nice 19 --ionice idle", "50000000.0 19 idle"),
        ("--nice 1 --ionice best-effort:7", "None 1 best-effort:7"),
        ("--ionice best-effort:0", "None None best-effort:0"),
    ],
)
def test_options_are_understood(line: str, said: str) -> None:
    done = CliRunner().invoke(told, line.split())
    assert (done.exit_code, done.output) == (0, said + "\n")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--max-rate", "50", "is not a rate"),
        ("--max-rate", "50MiB", "is not a rate"),
        ("--max-rate", "0B/s", "must be more than nothing"),
        ("--nice", "0", "is not in the range"),
        ("--nice", "-5", "is not in the range"),
        ("--nice", "20", "is not in the range"),
        ("--ionice", "realtime", "is not an I/O priority"),
        ("--ionice", "best-effort", "is not an I/O priority"),
        ("--ionice", "best-effort:8", "is not an I/O priority"),
        ("--ionice", "idle:1", "is not an I/O priority"),
        ("--ionice", "best-effort:\u0663", "is not an I/O priority"),
    ],
)
def test_what_is_wrong_is_said_with_the_option(option: str, value: str, why: str) -> None:
    done = CliRunner().invoke(told, [option, value])
    assert done.exit_code == 2
    assert option in done.output
    assert why in " ".join(done.output.split())


def test_a_system_without_niceness_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "nice", raising=False)
    with pytest.raises(click.UsageError, match="--nice: this system has no niceness"):
        lower_priority(5, None)


def test_a_system_without_io_priorities_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(click.UsageError, match="--ionice: this system has no program ionice"):
        lower_priority(None, IoPriority("idle"))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize(
    ("does", "said"),
    [("echo 'ioprio_set failed' >&2; exit 1", "ioprio_set failed"), ("exit 3", "ended with 3"), ("exec sleep 60", "could not be run")],
)
def test_a_system_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str, said: str) -> None:
    (tmp_path / "ionice").write_text(f"#!/bin/sh\n{does}\n", encoding="ascii")
    (tmp_path / "ionice").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(niceness, "_SECONDS", 1.0 if "sleep" in does else 30.0)
    with pytest.raises(click.UsageError, match=f"--ionice best-effort:3: .*{said}"):
        lower_priority(None, IoPriority("best-effort", 3))


def test_nothing_asked_for_changes_nothing() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    lower_priority(None, None)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_a_thread_may_not_set_what_would_be_its_own_only() -> None:
    raised: list[BaseException] = []

    def act() -> None:
        try:
            lower_priority(1, None)
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert len(raised) == 1
