"""A hostile evidence pack at the command line: refused in little time and memory, with nothing written, run or believed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from drcheck.cli.main import COMMANDS
from tests.e2e.runs import ROOT, environment
from tests.evidence.packs import tar_of
from tests.evidence.test_archive import REFUSED, in_tar, in_zip, member

if "evidence" not in COMMANDS:
    pytest.skip("there are no evidence packs yet", allow_module_level=True)

MEMORY = 3 << 28
"""Bytes of addresses that the command may have: what it needs at all, and far less than the bombs come to."""
PROCESSOR = 60
"""Seconds of processor time."""


def told(folder: Path, pack: Path, command: str = "verify") -> subprocess.CompletedProcess[str]:
    """`drcheck evidence COMMAND PACK` in a process that can take neither much memory nor much time."""

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))

    return subprocess.run(
        [sys.executable, "-m", "drcheck", "evidence", command, str(pack)],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT), XDG_STATE_HOME=str(folder / "state"), HOME=str(folder / "home")),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        preexec_fn=narrow,
    )


def zeros() -> bytes:
    """1 GiB of zeros, as an archive of a few megabytes."""
    header = member("pack/bagit.txt", size=1 << 30).tobuf()
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = bytes(1 << 24)
    return b"".join([packer.compress(header), *(packer.compress(block) for _ in range(64)), packer.flush()])


def runs_something() -> bytes:
    """A pack whose own scripts would do harm if anybody ran them."""
    script = b"#!/bin/sh\ntouch owned\n"
    files = ("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), ("verify.sh", script), ("data/record.json", b"{}")
    return tar_of([(member(f"pack/{name}", mode=0o755), content) for name, content in files])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "zeros beyond measure": zeros,
    "scripts": runs_something,
    "an absolute path": lambda: REFUSED["tar: an absolute path"][0],
    "a path that leads up": lambda: REFUSED["zip: a path that leads up"][0],
    "a link": lambda: in_tar("pack/x", tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a name that acts on a terminal": lambda: in_zip("pack/\x1b[2J\x1b]0;owned\x07\u202e.json"),
    "nothing of an archive": lambda: b"\x1f\x8b" + os.urandom(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pack_is_refused(name: str, tmp_path: Path) -> None:
    pack = tmp_path / "stranger.tar.gz"
    pack.write_bytes(HOSTILE[name]())
    before = sorted(path.name for path in tmp_path.iterdir())
    done = told(tmp_path, pack)
    assert done.returncode == 10, done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert said.isascii() or said.isprintable()
    assert "\x1b" not in said
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in ("state", "home")) == before, "nothing was written or run"


def test_what_a_pack_says_of_itself_is_not_believed_either(tmp_path: Path) -> None:
    pack = tmp_path / "stranger.zip"
    pack.write_bytes(in_zip("pack/\x1b[2J.json"))
    done = told(tmp_path, pack, "show")
    assert done.returncode == 10
    assert "\x1b" not in done.stdout + done.stderr
