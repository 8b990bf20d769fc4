"""Targets that never answer: each costs its own deadline, delays nobody, and does not keep the process alive."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.sshd import SshServer
from tests.connectors.wires import SilentServer, Wire
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.runs import Done, check, environment

KIB = 1024
STARTING = 20
"""Seconds that Python and boto3 are given to start on a busy machine, and a target that was given up its half second of grace."""
TURNS = 3
"""How often something is run that must be quick, as the machine may be busy with something else."""
PIN = "SHA256:" + "A" * 43
STUCK = '''
"""A connector that hangs as a thread in the kernel does: it looks at no deadline and never comes back."""

import time

from drcheck.connectors.base import Connector, Options


class StuckOptions(Options):
    asking: bool = False


class Stuck(Connector):
    kind = "stuck"
    options_class = StuckOptions

    def open(self):
        if not self.options.asking:
            time.sleep(3600)

    def identity(self):
        time.sleep(3600)
'''


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def stuck(tmp_path: Path) -> dict[str, str]:
    """An environment in which a distribution brings a connector that hangs for good."""
    packages = tmp_path / "packages"
    described = packages / "drcheck_stuck-1.0.dist-info"
    described.mkdir(parents=True)
    (packages / "drcheck_stuck.py").write_text(STUCK)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: drcheck-stuck\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[drcheck.connectors]\nstuck = drcheck_stuck:Stuck\n")
    known = environment(STUCK_PASSWORD="password", STUCK_KEY="AKIDEXAMPLE", STUCK_SECRET="secret")
    return known | {"PYTHONPATH": os.pathsep.join([str(packages), known["PYTHONPATH"]])}


def _good(folder: Path) -> dict[str, Any]:
    fill(folder / "good" / "data", numbered(20))
    return target("good", "local", {"root": str(folder / "good")})


def _silent_sftp(held: ExitStack, **more: Any) -> dict[str, Any]:
    port = held.enter_context(SilentServer()).port
    options = {"host": "127.0.0.1", "port": port, "user": "drcheck", "root": "/", "password": "env:STUCK_PASSWORD", "host_key": PIN}
    return target("silent-sftp", "sftp", options, **more)


def _silent_s3(held: ExitStack) -> dict[str, Any]:
    port = held.enter_context(SilentServer()).port
    options = {"endpoint": f"http://127.0.0.1:{port}", "bucket": "backups", "access_key": "env:STUCK_KEY", "secret_key": "env:STUCK_SECRET"}
    return target("silent-s3", "s3", options)


def _stands(done: Done) -> None:
    assert {done.only(name, "records@good")["outcome"] for name in ("backup.recency", "backup.completeness", "integrity.checksums")} == {"pass"}


def _timed_out(done: Done, name: str) -> None:
    for check_name in ("backup.recency", "backup.completeness", "integrity.checksums"):
        finding = done.only(check_name, f"records@{name}")
        assert finding["outcome"] == "unknown"
        assert "timed-out" in finding["message"]


def test_each_costs_its_own_deadline_and_the_others_stand(tmp_path: Path, held: ExitStack, stuck: dict[str, str]) -> None:
    targets = [target("stuck", "stuck", {}), _silent_sftp(held), _silent_s3(held), _good(tmp_path)]
    estate = write_estate(tmp_path, targets, plugins=["drcheck-stuck"])
    took = []
    for _ in range(TURNS):
        done = check(estate, "--timeout", "5s", env=stuck)
        assert done.code == 11, done.stderr
        took.append(done.seconds)
        if done.seconds < 12:
            break
    # All at once: three of them cost no more than one.
    assert 5 <= min(took) < 12
    _stands(done)
    for name in ("stuck", "silent-sftp", "silent-s3"):
        _timed_out(done, name)
    assert "Traceback" not in done.stderr
    assert [plugin["name"] for plugin in done.document["run"]["plugins"]] == ["drcheck-stuck"]


def test_one_that_hangs_costs_at_most_two_seconds_more_than_its_deadline(tmp_path: Path, held: ExitStack, stuck: dict[str, str]) -> None:
    good = _good(tmp_path)
    without, hung = (
        write_estate(tmp_path / "without", [good]),
        write_estate(tmp_path / "with", [good, target("stuck", "stuck", {})], plugins=["drcheck-stuck"]),
    )
    costs = []
    for _ in range(TURNS):
        quick, slow = check(without, env=stuck), check(hung, "--timeout", "5s", env=stuck)
        assert (quick.code, slow.code) == (0, 11), quick.stderr + slow.stderr
        _timed_out(slow, "stuck")
        costs.append(slow.seconds - quick.seconds)
        if costs[-1] < 7:
            break
    assert min(costs) < 7


def test_what_was_learnt_before_it_hung_is_kept_and_a_failure_elsewhere_still_fails(tmp_path: Path, stuck: dict[str, str]) -> None:
    good = _good(tmp_path)
    (tmp_path / "good" / "data" / "folder-000" / "object-00003").write_bytes(b"something else")
    estate = write_estate(tmp_path, [target("stuck", "stuck", {"asking": True}, timeout="1s"), good], plugins=["drcheck-stuck"])
    done = check(estate, "--workers", "1", env=stuck)
    assert done.code == 10, done.stderr
    # The target's own limit, not the command's: the one worker went on to the next.
    assert done.seconds < 1 + STARTING
    assert done.only("integrity.checksums", "records@good")["outcome"] == "fail"
    _timed_out(done, "stuck")
    (looked_at,) = [each for each in done.document["targets"] if each["target"] == "stuck"]
    assert looked_at["facts"]["identity"]["unobserved"]["reason"] == "timed-out"


def test_the_run_has_an_end_of_its_own(tmp_path: Path, held: ExitStack, stuck: dict[str, str]) -> None:
    estate = write_estate(tmp_path, [_good(tmp_path), target("stuck", "stuck", {}), _silent_sftp(held)], plugins=["drcheck-stuck"])
    done = check(estate, "--run-timeout", "3s", "--timeout", "10m", env=stuck)
    assert done.code == 11, done.stderr
    assert done.seconds < 3 + STARTING
    _timed_out(done, "stuck")
    _timed_out(done, "silent-sftp")
    # It was listed in time. Its bytes were not read: inspection ended only with the run, and that is not a pass.
    assert done.only("backup.recency", "records@good")["outcome"] == "pass"
    assert done.only("integrity.checksums", "records@good")["outcome"] == "unknown"


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_one_that_goes_silent_while_it_is_read_ends_with_the_run_and_keeps_its_matches(tmp_path: Path, held: ExitStack) -> None:
    server = held.enter_context(SshServer(tmp_path))
    fill(server.root / "data", numbered(120, 256 * KIB))
    wire = held.enter_context(Wire(server.port, limit=12 * 1024 * KIB, dead=True))
    estate = write_estate(tmp_path, [target("archive", "sftp", server.options(port=wire.port)), _good(tmp_path)])
    done = check(estate, "--run-timeout", "6s")
    assert done.code == 11, done.stderr
    assert 5 < done.seconds < 6 + STARTING
    verification = done.copy("archive")["verification"]
    assert verification["unobserved"]["reason"] == "timed-out"
    assert 0 < verification["objects_read"] < 120
    assert done.only("integrity.checksums", "records@archive")["outcome"] == "unknown"
    assert done.only("backup.recency", "records@archive")["outcome"] == "pass"
    _stands(done)


def test_a_target_that_is_declared_offline_is_not_waited_for(tmp_path: Path, held: ExitStack, stuck: dict[str, str]) -> None:
    offline = {"rotation": "7d", "last_connected": time.strftime("%Y-%m-%d", time.gmtime())}
    estate = write_estate(tmp_path, [_good(tmp_path), _silent_sftp(held, offline=offline)])
    estate.write_text(estate.read_text().replace(f'"{offline["last_connected"]}"', str(offline["last_connected"])))
    done = check(estate, "--timeout", "60s", env=stuck)
    assert done.seconds < 10 + STARTING
    _stands(done)
    _timed_out(done, "silent-sftp")
