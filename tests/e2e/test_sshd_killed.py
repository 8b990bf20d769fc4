"""A real sshd that is killed while drcheck lists and while it reads: what was learnt is kept, the rest is unknown with the reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.connectors.sshd import SshServer
from tests.connectors.wires import Wire
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.runs import Done, begin, check, finish

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]
KIB = 1024
COUNT = 120
CHECKS = ("backup.recency", "backup.completeness", "integrity.checksums")


class Place:
    """A folder that an sshd serves through a slow wire, and one on this machine that stands beside it."""

    def __init__(self, folder: Path, held: ExitStack, objects: dict[str, bytes]) -> None:
        self.server = held.enter_context(SshServer(folder))
        fill(self.server.root / "data", objects)
        fill(folder / "beside" / "data", numbered(20))
        self.wire = held.enter_context(Wire(self.server.port, pause=0.002))
        self.estate = write_estate(
            folder,
            [target("archive", "sftp", self.server.options(port=self.wire.port)), target("beside", "local", {"root": str(folder / "beside")})],
        )

    def checked_and_killed_after(self, count: int) -> Done:
        """The check, during which sshd was killed once `count` bytes came from it."""
        process = begin("check", "--estate", self.estate, "--format", "json")
        try:
            end = time.monotonic() + 30
            while self.wire.carried < count and process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            assert process.poll() is None, "it ended before sshd was killed"
            assert self.wire.carried >= count
            self.server.stop()
        except BaseException:
            process.kill()
            raise
        return finish(process)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


def test_killed_while_it_lists(tmp_path: Path, held: ExitStack) -> None:
    place = Place(tmp_path, held, numbered(1))
    for folder in range(200):
        (place.server.root / "data" / f"more-{folder:03d}").mkdir()
        for number in range(50):
            (place.server.root / "data" / f"more-{folder:03d}" / f"object-{number:03d}").touch()
    done = place.checked_and_killed_after(200 * KIB)
    assert done.code == 11, done.stderr
    assert done.seconds < 20
    assert done.copy("archive")["unobserved"]["reason"] == "unreachable"
    assert done.copy("archive")["recovery_points"] is None
    for name in CHECKS:
        lost = done.only(name, "records@archive")
        assert lost["outcome"] == "unknown"
        assert "unreachable" in lost["message"]
        assert done.only(name, "records@beside")["outcome"] == "pass"
    # It had said who it is before it was killed, and that stays known.
    (answered,) = [each for each in done.document["targets"] if each["target"] == "archive"]
    assert answered["facts"]["identity"]["value"]["traits"]
    assert "Traceback" not in done.stderr


def test_killed_while_it_reads(tmp_path: Path, held: ExitStack) -> None:
    place = Place(tmp_path, held, numbered(COUNT, 256 * KIB))
    done = place.checked_and_killed_after(12 * 1024 * KIB)
    assert done.code == 11, done.stderr
    assert done.seconds < 20
    verification = done.copy("archive")["verification"]
    assert verification["unobserved"]["reason"] == "unreachable"
    assert 0 < verification["objects_read"] < COUNT
    assert verification["bytes_read"] == verification["objects_read"] * 256 * KIB
    assert (verification["bad"], verification["depth"], verification["objects_total"]) == (0, "read", COUNT)
    assert 0 < verification["upper_bound_bad_rate"] < 1
    lost = done.only("integrity.checksums", "records@archive")
    assert lost["outcome"] == "unknown"
    assert f"{verification['objects_read']} of {COUNT} objects read tonight" in lost["message"]
    assert "it stopped early: unreachable" in lost["message"]
    # What was listed before stands.
    assert done.only("backup.recency", "records@archive")["outcome"] == "pass"
    assert done.only("integrity.checksums", "records@beside")["outcome"] == "pass"


def test_a_mismatch_that_was_found_before_it_was_killed_is_kept(tmp_path: Path, held: ExitStack) -> None:
    place = Place(tmp_path, held, numbered(COUNT, 256 * KIB))
    wrong = place.server.root / "data" / "folder-000" / "object-00001"
    wrong.write_bytes(bytes(256 * KIB))
    done = place.checked_and_killed_after(12 * 1024 * KIB)
    assert done.code == 10, done.stderr
    found = done.only("integrity.checksums", "records@archive")
    assert found["outcome"] == "fail"
    assert "data/folder-000/object-00001 (mismatch)" in found["message"]
    assert done.copy("archive")["verification"]["unobserved"]["reason"] == "unreachable"


def test_stopped_before_it_begins(tmp_path: Path, held: ExitStack) -> None:
    place = Place(tmp_path, held, numbered(3))
    place.server.stop()
    done = check(place.estate)
    assert done.code == 11, done.stderr
    assert done.having("unknown") == {(name, "records@archive") for name in CHECKS}
    assert done.having("pass") >= {(name, "records@beside") for name in CHECKS}
    for name in CHECKS:
        assert "unreachable" in done.only(name, "records@archive")["message"]
