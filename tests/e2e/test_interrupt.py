"""Runs that are cut short and reports that cannot be written: the code says so, and nothing is left half done."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.connectors.sshd import SshServer
from tests.connectors.wires import SilentServer, Wire
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.runs import COMMAND, ROOT, begin, check, drcheck, environment, finish, without_override

KIB = 1024
PIN = "SHA256:" + "A" * 43


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """An estate with one local target, at which everything is well."""
    fill(tmp_path / "good" / "data", numbered(20))
    return write_estate(tmp_path, [target("good", "local", {"root": "good"})])


@pytest.fixture
def silent(tmp_path: Path, held: ExitStack) -> Path:
    """An estate with a target that never answers."""
    port = held.enter_context(SilentServer()).port
    options = {"host": "127.0.0.1", "port": port, "user": "drcheck", "root": "/", "password": "env:NO_MATTER", "host_key": PIN}
    return write_estate(tmp_path, [target("silent", "sftp", options)])


def _wait_for_line(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert process.stderr.readline().startswith("looking at")
    time.sleep(0.3)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_looks(silent: Path, tmp_path: Path, asked: signal.Signals) -> None:
    report = tmp_path / "report.json"
    report.write_text("yesterday's")
    (tmp_path / "temporary").mkdir()
    process = begin(
        "check", "--estate", silent, "--format", "json", "--output", report, "--keep-facts", tmp_path / "facts.json",
        env=environment(NO_MATTER="password", TMPDIR=str(tmp_path / "temporary")),
    )  # fmt: skip
    _wait_for_line(process)
    process.send_signal(asked)
    done = finish(process, timeout=30)
    assert (done.code, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
    assert report.read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estate.toml", "pack.toml", "report.json", "temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_interrupted_while_it_reads_it_leaves_no_list_of_names_behind(tmp_path: Path, held: ExitStack) -> None:
    server = held.enter_context(SshServer(tmp_path))
    fill(server.root / "data", numbered(60, 256 * KIB))
    wire = held.enter_context(Wire(server.port, limit=5 * 1024 * KIB, dead=True))
    estate = write_estate(tmp_path, [target("archive", "sftp", server.options(port=wire.port))])
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = begin("check", "--estate", estate, "--output", tmp_path / "report.txt", env=environment(TMPDIR=str(temporary)))
    end = time.monotonic() + 30
    while wire.carried < 5 * 1024 * KIB and time.monotonic() < end:
        time.sleep(0.02)
    assert list(temporary.iterdir()), "it should be reading, with its spool on the disk"
    process.send_signal(signal.SIGINT)
    # Nothing comes any more: what is in flight is waited for, and not for ever.
    done = finish(process, timeout=60)
    assert done.code == 130
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "report.txt").exists()


def test_a_report_that_cannot_be_written(good: Path, tmp_path: Path) -> None:
    done = check(good, "--output", tmp_path / "missing" / "report.json")
    assert (done.code, done.stdout) == (12, "")
    assert f"{tmp_path / 'missing' / 'report.json'}: could not be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_in_a_folder_where_we_may_not_write(good: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "report.json").write_text("yesterday's")
    locked.chmod(0o555)
    try:
        done = check(good, "--output", locked / "report.json", before=without_override())
    finally:
        locked.chmod(0o755)
    assert done.code == 12
    assert "Permission denied" in done.stderr
    assert (locked / "report.json").read_text() == "yesterday's"
    assert [path.name for path in locked.iterdir()] == ["report.json"]


@pytest.mark.parametrize("option", ["--keep-facts", "--calls"])
@pytest.mark.parametrize("place", ["missing/file", "/dev/full"])
def test_a_record_that_cannot_be_written(good: Path, tmp_path: Path, option: str, place: str) -> None:
    if place == "/dev/full" and not Path(place).exists():
        pytest.skip("needs /dev/full, a device that is always full, which only Linux has")
    done = check(good, option, tmp_path / place)
    assert done.code == 12
    assert f"{tmp_path / place}: could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    if (option, place) != ("--calls", "missing/file"):
        # A full disk must not cost the answer.
        assert '"exit_code": 0' in done.stdout
        assert '"reason": "internal"' not in done.stdout


def test_a_report_is_replaced_at_once(good: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("yesterday's")
    before = report.stat().st_ino
    with report.open() as reading:
        done = check(good, "--output", report)
        assert reading.read() == "yesterday's"
    assert (done.code, done.stdout) == (0, "")
    assert report.stat().st_ino != before
    assert report.read_text().endswith("}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estate.toml", "good", "pack.toml", "report.json"]


@pytest.mark.parametrize("form", ["table", "json", "markdown", "csv"])
def test_a_reader_that_leaves(good: Path, form: str) -> None:
    reading, writing = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "check", "--estate", str(good), "--format", form, "--wide"],
        cwd=ROOT,
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        os.close(writing)
        os.close(reading)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 12
    assert errors == "looking at 1 target, 1 copy\n"


def test_stdout_on_a_full_disk(good: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a device that is always full, which only Linux has")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "check", "--estate", str(good)], cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 12
    assert b"could not be written to stdout: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_is_wrong_on_the_command_line_is_said_before_anything_is_looked_at(good: Path, tmp_path: Path) -> None:
    done = drcheck("check", "--estate", good, "--format", "jsn", "--calls", tmp_path / "calls")
    assert (done.code, done.stdout) == (2, "")
    assert "csv, html, json, junit, markdown" in done.stderr
    assert 'did you mean "json"?' in done.stderr
    assert "looking at" not in done.stderr
    assert not (tmp_path / "calls").exists()
