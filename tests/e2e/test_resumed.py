"""Runs that are interrupted while they work: what is in flight is finished and recorded, and the next run goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from drcheck.store import open_store
from tests.connectors.sshd import SshServer
from tests.connectors.wires import Wire
from tests.e2e.estates import fill, mirror, numbered, target, write_estate
from tests.e2e.opened import Opened
from tests.e2e.runs import begin, drcheck, environment, finish

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is opened by inotify, which only Linux has")
KIB = 1024
LONG = ("--cycle", "10000d")
"""A cycle in which the rotation reads one standing object a run. Among many that wait equally long chance decides, and takes one more or less."""
FINISHING = "interrupted: what is being read is finished, within 10 s; again ends at once"


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the command keeps what it needs for a while."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def recorded(copy: str) -> set[str]:
    """The names of the objects that the store says were read."""
    with open_store() as store:
        return {known.key.removeprefix("data/") for known in store.objects("hospital", copy).known() if known.last_read is not None}


def read(opened: Opened) -> list[str]:
    """The objects that were read."""
    return [name for name in opened.files if name != "SHA256SUMS"]


@pytest.mark.parametrize(
    ("count", "size", "rate"), [(60, 256 * KIB, "4MiB/s"), (3_000, KIB, "512KiB/s")], ids=["a few that one process reads", "many that several read"]
)
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["check", "verify"])
def test_what_is_in_flight_is_recorded_and_the_next_run_goes_on(
    tmp_path: Path, temporary: Path, held: ExitStack, count: int, size: int, rate: str, asked: signal.Signals, command: str
) -> None:
    """Also where the signal reaches every process of the run, as a terminal and systemd send it."""
    setsid = shutil.which("setsid")
    assert setsid is not None
    everything = numbered(count, size)
    fill(tmp_path / "nas" / "data", everything)
    estate = write_estate(tmp_path, [target("nas", "local", {"root": "nas"})])
    opened = held.enter_context(Opened(tmp_path / "nas" / "data"))
    process = begin(
        command, "--estate", estate, "--format", "json", "--max-rate", rate, *LONG,
        env=environment(TMPDIR=str(temporary)), before=[setsid],
    )  # fmt: skip
    held.enter_context(process)
    held.callback(process.kill)
    opened.until(lambda seen: len(read(seen)) >= count // 10, process=process)
    os.killpg(process.pid, asked)
    done = finish(process)
    assert (done.code, done.stdout) == (130, ""), done.stderr
    said = [line for line in done.stderr.splitlines() if line and not line.startswith("looking at")]
    assert said == [FINISHING, "interrupted"]
    assert list(temporary.iterdir()) == []
    opened.look()
    first = set(read(opened))
    assert recorded("records@nas") == first, "what was begun was not finished, or not recorded"
    assert len(first) < count

    opened.begin()
    done = drcheck("verify", "--estate", estate, "--format", "json", *LONG)
    assert done.code == 0, done.stderr
    assert "broke off" not in done.stderr
    opened.look()
    second = read(opened)
    assert set(second) >= set(everything) - first
    assert len(second) <= count - len(first), "what was recorded was read again"
    (copy,) = json.loads(done.stdout)["copies"]
    assert (copy["counts"], copy["verified"]) == ({"match": count}, count)


@pytest.mark.slow
def test_one_that_takes_too_long_is_given_up_by_itself_or_at_the_second_asking(tmp_path: Path, temporary: Path, held: ExitStack) -> None:
    small, large = numbered(12, 64 * KIB), {"z.img": bytes(64 * KIB * KIB)}
    fill(tmp_path / "nas" / "data", small | large)
    estate = write_estate(tmp_path, [target("nas", "local", {"root": "nas"})])
    opened = held.enter_context(Opened(tmp_path / "nas" / "data"))
    waited = []
    for twice in (True, False):
        opened.begin()
        process = begin("verify", "--estate", estate, "--max-rate", "512KiB/s", *LONG, env=environment(TMPDIR=str(temporary)))
        held.enter_context(process)
        held.callback(process.kill)
        opened.until(lambda seen: "z.img" in seen.files, process=process)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _wait_for(process, FINISHING)
        if twice:
            time.sleep(1)
            assert process.poll() is None, "it did not wait for what is in flight"
            process.send_signal(signal.SIGINT)
        done = finish(process)
        waited.append(done.seconds)
        assert (done.code, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
        assert list(temporary.iterdir()) == []
        assert recorded("records@nas") == set(small)
    assert waited[0] < waited[1], "the second asking was not heard"


def _wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stderr is not None
    for said in process.stderr:
        if said.strip() == line:
            return
    raise AssertionError("it ended before")


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_a_listing_is_given_up_at_once_and_changes_nothing(tmp_path: Path, temporary: Path, held: ExitStack) -> None:
    server = held.enter_context(SshServer(tmp_path))
    fill(server.root / "data", numbered(10))
    for folder in range(40):
        (server.root / "data" / f"more-{folder:03d}").mkdir()
        for number in range(50):
            (server.root / "data" / f"more-{folder:03d}" / f"object-{number:03d}").touch()
    wire = held.enter_context(Wire(server.port))
    estate = write_estate(tmp_path, [target("archive", "sftp", server.options(port=wire.port))])
    process = begin("verify", "--estate", estate, env=environment(TMPDIR=str(temporary)))
    held.enter_context(process)
    held.callback(process.kill)
    end = time.monotonic() + 60
    while not list(temporary.glob("*/*.sqlite")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    wire.pause(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert (done.code, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
    assert done.seconds < 15
    assert list(temporary.iterdir()) == []
    with open_store() as store:
        assert store.objects("hospital", "records@archive").listed is None


def test_what_several_targets_have_in_flight_is_finished_everywhere(tmp_path: Path, held: ExitStack) -> None:
    """Also at one whose turn had not come, which is then never asked."""
    watched = {}
    for name in ("one", "two", "three"):
        fill(tmp_path / name / "data", numbered(40, 128 * KIB))
        watched[name] = held.enter_context(Opened(tmp_path / name / "data"))
    targets = [target(name, "local", {"root": name}) for name in watched]
    estate = write_estate(tmp_path, targets, [mirror(name) for name in watched])
    process = begin("verify", "--estate", estate, "--max-rate", "2MiB/s", "--workers", "2", *LONG)
    held.enter_context(process)
    held.callback(process.kill)
    for name in ("one", "two"):
        watched[name].until(lambda seen: len(read(seen)) >= 4, process=process)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.code == 130, done.stderr
    for name, opened in watched.items():
        opened.look()
        assert recorded(f"records@{name}") == set(read(opened))
    assert read(watched["three"]) == []
