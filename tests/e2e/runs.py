"""`drcheck check` as people and programs run it, and its JSON document read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "drcheck")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that it printed."""
        document: dict[str, Any] = json.loads(self.stdout)
        assert document["summary"]["exit_code"] == self.code, self.stderr
        return document

    @property
    def findings(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """The findings of the document by control, check and subject."""
        return {(each["control"], each["check"], each["subject"]["id"]): each for each in self.document["findings"]}

    def outcomes(self) -> dict[tuple[str, str], set[str]]:
        """Every outcome that a check and subject has, over all controls."""
        found: dict[tuple[str, str], set[str]] = {}
        for (_, check, subject), finding in self.findings.items():
            found.setdefault((check, subject), set()).add(finding["outcome"])
        return found

    def having(self, outcome: str) -> set[tuple[str, str]]:
        """Every check and subject that has a finding with this outcome."""
        return {key for key, outcomes in self.outcomes().items() if outcome in outcomes}

    def only(self, check: str, subject: str) -> dict[str, Any]:
        """The one finding of a check about a subject."""
        (found,) = [finding for (_, *key), finding in self.findings.items() if key == [check, subject]]
        return found

    def copy(self, target: str) -> dict[str, Any]:
        """What the document says of the one copy at a target."""
        (found,) = [each for each in self.document["copies"] if each["target"] == target]
        return dict(found)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without drcheck's own variables and without anybody's credentials, with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRCHECK_", "AWS_", "SSH_", "LC_"))}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | more


def drcheck(*arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, before: Sequence[str] = (), timeout: float = 120) -> Done:
    """Run `python -m drcheck`, started by the program and arguments in `before` where there are some."""
    started = time.monotonic()
    done = subprocess.run(
        [*before, *COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment() if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def begin(*arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start `python -m drcheck` and return at once; `finish` waits for it."""
    return subprocess.Popen(
        [*before, *COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment() if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str], *, timeout: float = 60) -> Done:
    """Wait for the process to end by itself; the seconds are those that it still took. One that does not end is killed, and the test fails."""
    started = time.monotonic()
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    finally:
        process.kill()
        process.wait()
    return Done(process.returncode, stdout, stderr, time.monotonic() - started)


def check(estate: Path, *arguments: str | Path, **how: Any) -> Done:
    """`drcheck check --format json` of one estate."""
    return drcheck("check", "--estate", estate, "--format", "json", *arguments, **how)


def without_override() -> list[str]:
    """What starts a program so that file modes bind root too; nothing for anybody else."""
    if os.getuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "run by root, this test needs setpriv to give up root's right to read everything"
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search", "--"]


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, int, bytes]]:
    """Everything below a folder that looking must not change: mode, size, times of change, content."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        found = path.lstat()
        seen[str(path.relative_to(folder))] = (
            found.st_mode,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            path.read_bytes() if path.is_file() and found.st_size < 2**20 else b"",
        )
    return seen
