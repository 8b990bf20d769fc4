"""Many objects and large ones through the whole command: memory does not grow with either."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.connectors.sshd import SshServer
from tests.e2e import paging_s3
from tests.e2e.estates import mirror, target, write_estate
from tests.e2e.runs import Done, check, environment

FEW, MANY = 20_000, 200_000
MIB = 2**20
GIB = 2**30
MOST = 30 * MIB
"""By how much the memory at MANY may be above that at FEW."""

# A process that was started from a large one is counted with that one's memory until it becomes a program; this one is small.
MEASURED = """
import os, resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], "w") as file:
    file.write(str(used * (1 if sys.platform == "darwin" else 1024)))
sys.exit(code)
"""

ZEROS_OF_3_GIB = "305b66a59d15b252092fbda9d09711230c429f351897cbd430e7b55a35fd3b97"
"""The SHA-256 of that many zero bytes: head -c 3221225472 /dev/zero | sha256sum."""


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


def _measured(folder: Path, estate: Path) -> tuple[Done, int]:
    """A check, and the most memory in bytes that it had in use."""
    peak = folder / "peak"
    done = check(
        estate,
        "--timeout", "5m",
        env=environment(KEY="AKIDEXAMPLE", SECRET="secret"),
        before=[sys.executable, "-I", "-S", "-c", MEASURED, str(peak)],
        timeout=280,
    )  # fmt: skip
    return done, int(peak.read_text())


def _plant(root: Path, count: int) -> None:
    """That many objects of a byte each below `root/data`, a thousand to a folder."""
    for folder in range(count // 1000):
        (root / "data" / f"folder-{folder:04d}").mkdir(parents=True)
        opened = os.open(root / "data" / f"folder-{folder:04d}", os.O_RDONLY)
        for number in range(1000):
            file = os.open(f"object-{folder * 1000 + number:07d}", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=opened)
            os.write(file, b"x")
            os.close(file)
        os.close(opened)


@contextmanager
def _paging(count: int) -> Iterator[int]:
    with subprocess.Popen([sys.executable, paging_s3.__file__, str(count)], stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def _promise(folder: Path, content: bytes, names: Iterator[str]) -> Path:
    """A manifest away from the data that promises these objects to be `content`."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / "promised.sha256"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{digest}  {name}\n" for name in names)
    return path


def _names(count: int) -> Iterator[str]:
    return (paging_s3.key(number).removeprefix("data/") for number in range(count))


def _flat(few: tuple[Done, int], many: tuple[Done, int], compared: tuple[int, int], outcome: str, name: str) -> None:
    for (done, _), count, matches in zip((few, many), (FEW, MANY), compared, strict=True):
        assert done.code == (0 if outcome == "pass" else 11), done.stderr
        assert done.copy(name)["objects"] == count
        assert done.copy(name)["verification"]["objects_read"] == matches
        assert done.only("integrity.checksums", f"records@{name}")["outcome"] == outcome
    assert many[1] - few[1] <= MOST, f"{few[1] / MIB:.1f} MiB for {FEW} objects, {many[1] / MIB:.1f} MiB for {MANY}"


@pytest.mark.slow
def test_a_folder_with_many_files_every_one_promised(tmp_path: Path) -> None:
    measured = []
    for count in (FEW, MANY):
        folder = tmp_path / str(count)
        _plant(folder, count)
        promised = _promise(folder, b"x", _names(count))
        estate = write_estate(folder, [target("nas", "local", {"root": str(folder)})], [mirror("nas", manifest={"path": promised})])
        measured.append(_measured(folder, estate))
    _flat(measured[0], measured[1], (FEW, MANY), "pass", "nas")


@pytest.mark.slow
@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_an_sftp_server_with_many_files(tmp_path: Path, held: ExitStack) -> None:
    server = held.enter_context(SshServer(tmp_path))
    measured = []
    for count in (FEW, MANY):
        folder = server.root / str(count)
        _plant(folder, count)
        promised = _promise(folder, b"x", _names(1))
        options = server.options(root=str(folder))
        estate = write_estate(folder, [target("archive", "sftp", options)], [mirror("archive", manifest={"path": promised})])
        measured.append(_measured(folder, estate))
    _flat(measured[0], measured[1], (1, 1), "unknown", "archive")


@pytest.mark.slow
def test_a_bucket_with_many_objects(tmp_path: Path) -> None:
    measured = []
    for count in (FEW, MANY):
        folder = tmp_path / str(count)
        folder.mkdir()
        promised = _promise(folder, paging_s3.content(paging_s3.key(0)), _names(1))
        with _paging(count) as port:
            options = {"endpoint": f"http://127.0.0.1:{port}", "bucket": "backups", "access_key": "env:KEY", "secret_key": "env:SECRET"}
            estate = write_estate(folder, [target("cloud", "s3", options)], [mirror("cloud", manifest={"path": promised})])
            measured.append(_measured(folder, estate))
    _flat(measured[0], measured[1], (1, 1), "unknown", "cloud")


@pytest.mark.slow
@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
@pytest.mark.parametrize("connector", ["local", "sftp"])
def test_an_object_of_3_gib_is_read_whole_in_constant_memory(connector: str, tmp_path: Path, held: ExitStack) -> None:
    measured = []
    for size in (MIB, 3 * GIB):
        folder = tmp_path / str(size)
        (folder / "data").mkdir(parents=True)
        with (folder / "data" / "volume").open("wb") as file:
            file.truncate(size)
        digest = ZEROS_OF_3_GIB if size == 3 * GIB else hashlib.sha256(bytes(size)).hexdigest()
        (folder / "data" / "SHA256SUMS").write_text(f"{digest}  volume\n")
        options = {"root": str(folder)}
        if connector == "sftp":
            options = held.enter_context(SshServer(folder, root=folder)).options()
        estate = write_estate(folder, [target("place", connector, options)])
        done, peak = _measured(folder, estate)
        assert done.code == 0, done.stdout + done.stderr
        assert done.copy("place")["verification"]["bytes_read"] == size
        measured.append(peak)
    assert measured[1] - measured[0] <= MOST, f"{measured[0] / MIB:.1f} MiB for 1 MiB, {measured[1] / MIB:.1f} MiB for 3 GiB"
