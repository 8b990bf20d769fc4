"""
Local files: a few large ones, very many small ones, and a mix, each verified against a manifest of SHA-256.

drcheck's part is a whole first night: inspection, listing and merge, manifest and plan, reading and comparing, and each result recorded in the store.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.estates import write_estate
from benchmarks.harness import DRCHECK, AtLeast, Command, Peak, Row, cores
from benchmarks.night import all_recorded, fresh, night

_KIB = 1 << 10
_MIB = 1 << 20
_PER_FOLDER = 1_000
_CHANGED = 1_700_000_000
"""Seconds since 1970: long ago, so that nobody takes the files for being written."""
REPOSITORIES = {
    "restic": (["-r", "{root}/restic", "init"], ["-r", "{root}/restic", "backup", "{root}/part"]),
    "borg": (["init", "-e", "none", "{root}/borg"], ["create", "{root}/borg::first", "{root}/part"]),
}
"""How a repository of the same bytes is made: by restic encrypted (it cannot do otherwise), by borg not."""


def name_of(number: int) -> str:
    """The name of a file, relative to all of them."""
    return f"{number // _PER_FOLDER:04d}/file-{number:06d}.bin"


@dataclass(frozen=True)
class Place:
    """A bag: `data/` with the files, and beside it every kind of list that somebody wants."""

    root: Path

    @property
    def data(self) -> Path:
        """The files."""
        return self.root / "data"

    def fill(self, sizes: list[int]) -> None:
        """Write the files and the lists."""
        self.data.mkdir(parents=True)
        lists = {name: (self.root / name).open("w") for name in ("sums", "names", "known", "manifest-sha256.txt")}
        lists["known"].write("%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n")
        for number, size in enumerate(sizes):
            name = name_of(number)
            path = self.data / name
            path.parent.mkdir(exist_ok=True)
            digest = hashlib.sha256()
            with path.open("wb") as file:
                for start in range(0, size, 8 * _MIB):
                    chunk = os.urandom(min(8 * _MIB, size - start))
                    digest.update(chunk)
                    file.write(chunk)
            os.utime(path, (_CHANGED, _CHANGED))
            lists["sums"].write(f"{digest.hexdigest()}  {name}\n")
            lists["names"].write(f"{path}\n")
            lists["known"].write(f"{size},{digest.hexdigest()},{path}\n")
            lists["manifest-sha256.txt"].write(f"{digest.hexdigest()}  data/{name}\n")
        for each in lists.values():
            each.close()
        (self.root / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        write_estate(self.root / "estate.toml", "local", {"root": str(self.data)}, self.root / "sums")
        os.sync()  # what is still to be written is not part of what is measured

    def back_up(self, sizes: list[int], share: float) -> None:
        """Put the first `share` of the files into a repository of each backup program that is installed."""
        part = self.root / "part"
        part.mkdir()
        for number in range(int(len(sizes) * share)):
            os.link(self.data / name_of(number), part / f"{number:06d}")
        for program, ways in REPOSITORIES.items():
            for arguments in ways if shutil.which(program) else ():
                argv = [program, *(each.format(root=self.root) for each in arguments)]
                subprocess.run(argv, check=True, capture_output=True, env={**os.environ, **self.repository_settings()})
        shutil.rmtree(part)
        os.sync()

    def repository_settings(self) -> dict[str, str]:
        """What both programs take from the environment; a password of the benchmark's own, which keeps nothing secret."""
        return {
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_CACHE_DIR": str(self.root / "restic-cache"),
            "BORG_BASE_DIR": str(self.root / "borg-base"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def limit(self) -> Path:
        """The C program that shows what the machine can do, built where a compiler is."""
        return self.root / "limit"

    def build_limit(self) -> None:
        """Build it; where that fails its command fails, and says so."""
        if shutil.which("cc"):
            subprocess.run(["cc", "-O2", "-o", str(self.limit()), str(Path(__file__).with_name("limit.c")), "-lcrypto"], check=True)


def commands(place: Place, sizes: list[int], each: int, share: float = 1) -> dict[str, Command]:
    """Everybody who does this work; `each` is how many files the simple programs are given at a time, `share` what backup programs do of it."""
    number, total = len(sizes), sum(sizes)
    names, many = place.root / "names", str(cores())
    store = place.root / "night.db"
    whole = Command(night(place.root / "estate.toml", store), before=partial(fresh, store), verify=partial(all_recorded, store, number))
    settings = place.repository_settings()
    alone = [sys.executable, "-m", "benchmarks.digests", str(place.root / "estate.toml"), str(place.root / "sums")]
    # Nothing of the run but Python's start, the estate and the reading: what no night of drcheck can be faster than.
    reading = Command([*alone, str(sizes[0])], verify=lambda said: json.loads(said)["match"] == number)
    return {
        DRCHECK: whole,
        "drcheck, without its start": replace(whole, rate=partial(_own_rate, total)),
        **({"drcheck, reading alone": reading} if len({*sizes}) == 1 else {}),
        "C limit": Command(
            ["sh", "-c", f'exec "{place.limit()}" {many}'], needs=("cc",), stdin=names, verify=lambda said: said == f"{number} files {total} bytes\n"
        ),
        "xargs openssl dgst": Command(["xargs", f"-P{many}", f"-n{each}", "openssl", "dgst", "-sha256"], needs=("openssl",), stdin=names),
        "xargs sha256sum": Command(["xargs", f"-P{many}", f"-n{each}", "sha256sum"], needs=("sha256sum",), stdin=names),
        "rclone checksum": Command(["rclone", "checksum", "sha256", str(place.root / "sums"), str(place.data), "--checkers", "8"]),
        "bagit.py": Command(["bagit.py", "--validate", "--processes", many, str(place.root)]),
        "hashdeep": Command(["hashdeep", "-a", f"-j{many}", "-c", "sha256", "-k", str(place.root / "known"), "-r", str(place.data)]),
        "restic check": Command(["restic", "-r", str(place.root / "restic"), "check", "--read-data"], share=share, environment=settings),
        "borg check": Command(["borg", "check", "--verify-data", str(place.root / "borg")], share=share, environment=settings),
    }


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """Large files, small files, a mix."""
    yield _large(Place(folder / "large"), [(16 if quick else 512) * _MIB] * 8, 1 if quick else 1 / 4)
    shutil.rmtree(folder / "large", ignore_errors=True)
    yield _small(Place(folder / "small"), [4 * _KIB] * (5_000 if quick else 100_000))
    shutil.rmtree(folder / "small", ignore_errors=True)
    yield _mix(Place(folder / "mix"), mixed(quick))
    shutil.rmtree(folder / "mix", ignore_errors=True)


def mixed(quick: bool) -> list[int]:
    """Sizes as on a file server: most files small, most bytes in large ones; about 2 GiB in 22,024 files."""
    part = 20 if quick else 1
    choice = random.Random(20261121)
    small = [choice.randrange(1, 32 * _KIB) for _ in range(20_000 // part)]
    middle = [choice.randrange(32 * _KIB, 512 * _KIB) for _ in range(2_000 // part)]
    large = [48 * _MIB] * (24 // part)
    sizes = [*small, *middle, *large]
    choice.shuffle(sizes)
    return sizes


def _large(place: Place, sizes: list[int], share: float) -> Row:
    return Row(
        name="local-large",
        title=f"{len(sizes)} × {sizes[0] // _MIB} MiB with a manifest, every result recorded",
        prepare=_prepare(place, sizes, share),
        bytes=sum(sizes),
        objects=len(sizes),
        bound="hashing: the processor's SHA instructions, and bringing the bytes from memory to them: the C limit (restic and borg do a quarter)",
        commands={
            "openssl speed": Command(["openssl", "speed", "-multi", str(cores()), "-evp", "sha256", "-bytes", "65536", "-seconds", "2"], rate=_rate),
            **commands(place, sizes, 1, share),
        },
        goals=(
            AtLeast("openssl speed", 0.85),
            AtLeast("xargs openssl dgst", 1.05),
            AtLeast("bagit.py", 1),
            AtLeast("rclone checksum", 1),
            AtLeast("hashdeep", 1),
            AtLeast("restic check", 1),
            AtLeast("borg check", 1),
            AtLeast("xargs sha256sum", 5),
            Peak(64),
        ),
    )


def _small(place: Place, sizes: list[int]) -> Row:
    return Row(
        name="local-small",
        title=f"{len(sizes):,} × 4 KiB with a manifest, every result recorded",
        prepare=_prepare(place, sizes),
        bytes=sum(sizes),
        objects=len(sizes),
        bound="Python in the calling process: each object is listed twice, merged with the store and the manifest, compared and recorded",
        commands=commands(place, sizes, 500),
        goals=(
            AtLeast("C limit", 0.45),
            AtLeast("xargs sha256sum", 2),
            AtLeast("xargs openssl dgst", 1.3),
            AtLeast("rclone checksum", 4),
            AtLeast("bagit.py", 10),
            Peak(64),
        ),
    )


def _mix(place: Place, sizes: list[int]) -> Row:
    return Row(
        name="local-mix",
        title=f"{len(sizes):,} files of 1 byte to 48 MiB, {sum(sizes) / 1e9:.1f} GB, with a manifest, every result recorded",
        prepare=_prepare(place, sizes),
        bytes=sum(sizes),
        objects=len(sizes),
        bound="hashing, and opening files",
        commands=commands(place, sizes, 100),
        goals=(AtLeast("xargs openssl dgst", 1), AtLeast("bagit.py", 2.5), AtLeast("rclone checksum", 1.7), Peak(64)),
    )


def _prepare(place: Place, sizes: list[int], share: float = 1) -> Callable[[], None]:
    def prepare() -> None:
        place.fill(sizes)
        place.build_limit()
        place.back_up(sizes, share)

    return prepare


def _rate(said: str) -> float:
    """Bytes a second, from the last line of `openssl speed`: thousands a second with a `k`."""
    found = re.findall(r"([0-9.]+)k\s*$", said.strip())
    if not found:
        raise ValueError(f"openssl speed said nothing of its speed: {said[-200:]}")
    return float(found[-1]) * 1000


def _own_rate(total: int, said: str) -> float:
    return float(total / json.loads(said)["seconds"])
