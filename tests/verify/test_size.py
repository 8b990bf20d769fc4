"""Size: a huge object and a long listing are verified in memory that does not grow with them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.digests import digest
from drcheck.secrets import resolve

PEAK = """
import resource, sys
from pathlib import Path
from tests.verify.places import copy_of, counts, estate_of, verified
base = Path(sys.argv[1])
found = verified(estate_of(copy_of({"path": "sums"}), base=base))
print(counts(found), found.bytes_read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measured(base: Path) -> tuple[str, int]:
    """What verifying in a process of its own found, and the most memory that it had, in KiB."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(base)], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    found, peak = done.stdout.rsplit(maxsplit=1)
    return found, int(peak)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_an_object_of_3_gib_is_hashed_in_constant_memory(tmp_path: Path) -> None:
    (tmp_path / "small/nas").mkdir(parents=True)
    (tmp_path / "large/nas").mkdir(parents=True)
    peaks = {}
    for name, size in (("small", 1 << 20), ("large", 3 << 30)):
        digest, zeros = 0, bytes(1 << 20)
        for _ in range(size >> 20):
            digest = zlib.crc32(zeros, digest)
        with (tmp_path / name / "nas/disk.img").open("wb") as file:
            file.truncate(size)
        os.utime(tmp_path / name / "nas/disk.img", (1.77e9, 1.77e9))
        (tmp_path / name / "sums").write_text(f"{digest:08x}  disk.img\n")
        found, peaks[name] = measured(tmp_path / name)
        assert found == f"{{'match': 1}} {size}"
    assert peaks["large"] - peaks["small"] < 16 * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_does_not_grow_with_the_number_of_promises(tmp_path: Path) -> None:
    peaks = {}
    for name, number in (("few", 2_000), ("many", 200_000)):
        (tmp_path / name / "nas").mkdir(parents=True)
        with (tmp_path / name / "sums").open("w") as file:
            for index in range(number):
                file.write(f"{index:064x}  scans/{index:08d}/image-of-some-length.dcm\n")
        found, peaks[name] = measured(tmp_path / name)
        assert found == f"{{'missing': {number}}} 0"
    assert peaks["many"] - peaks["few"] < 24 * 1024


def test_one_reading_gives_every_digest(tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "file").write_bytes(content)
    calls = CallLog("nas")
    with LocalConnector(LocalOptions(root=tmp_path), secrets=resolve, deadline=Deadline(None), calls=calls) as connector:
        entry = connector.stat("file")
        found = digest(connector.read(entry.key), ["sha256", "md5", "crc32", "blake2b", "blake2b-256", "sha3-256"])
        empty = digest(connector.read("file"), [])
    assert (found.size, empty.size) == (3_000_001, 3_000_001)
    assert dict(calls.counts())["local:read"] == 2
    assert found.hex == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content).hexdigest(),
        "crc32": f"{zlib.crc32(content):08x}",
        "blake2b": hashlib.blake2b(content).hexdigest(),
        "blake2b-256": hashlib.blake2b(content, digest_size=32).hexdigest(),
        "sha3-256": hashlib.sha3_256(content).hexdigest(),
    }
