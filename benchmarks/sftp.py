"""SFTP: one large file, very many small ones, and small ones that the server hashes itself, on a real sshd on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.estates import write_estate
from benchmarks.harness import DRCHECK, AtLeast, Command, Peak, Row
from benchmarks.night import all_recorded, fresh, night
from drcheck.model import Depth
from tests.connectors.sshd import SSHD, SshServer

_KIB = 1 << 10
_MIB = 1 << 20
_PER_FOLDER = 500
_NAIVE = 20
"""One of so many small files is given to paramiko, one after the other: it is slow."""


@dataclass(frozen=True)
class Served:
    """A folder that the server serves, with its manifest and everything that somebody needs to read it."""

    server: SshServer
    folder: Path
    name: str

    @property
    def root(self) -> Path:
        """The files."""
        return self.server.root / self.name

    def fill(self, sizes: list[int]) -> None:
        """Write the files, the manifest, the estates and the list of names."""
        sums, names = self.folder / f"{self.name}.sha256", self.folder / f"{self.name}.names"
        with sums.open("w") as promised, names.open("wb") as listed:
            for number, size in enumerate(sizes):
                key = f"{number // _PER_FOLDER:04d}/file-{number:06d}.bin"
                path = self.root / key
                path.parent.mkdir(parents=True, exist_ok=True)
                content = os.urandom(size)
                path.write_bytes(content)
                os.utime(path, (1e9, 1e9))
                promised.write(f"{hashlib.sha256(content).hexdigest()}  {key}\n")
                listed.write(os.fsencode(path) + b"\0")
        for tool in ("", "sha256sum"):
            write_estate(self.estate(tool), "sftp", self.server.options(root=str(self.root), server_hash=tool), sums)
        os.sync()

    def estate(self, tool: str = "") -> Path:
        """The estate of which it is the only copy."""
        return self.folder / f"{self.name}{tool and f'-{tool}'}.toml"

    def drcheck(self, number: int, size: int, tool: str = "") -> Command:
        """A whole night: inspection, listing and merge, the digests, comparing, and every result recorded."""
        estate = self.estate(tool)
        store = estate.with_suffix(".db")
        recorded = partial(all_recorded, store, number, depth=Depth.ATTRIBUTES if tool else Depth.READ)
        # What a server says that it hashed counts as a match and not as read, so the copy is not verified: 11.
        exits = frozenset({11 if tool else 0})
        return Command(night(estate, store), before=partial(fresh, store), rate=_rate(size), verify=recorded, exits=exits)

    def digests(self, number: int, size: int, tool: str) -> Command:
        """drcheck's connector alone, from the manifest's names: no inspection or listing before, no records after."""
        sums = self.folder / f"{self.name}.sha256"
        argv = [sys.executable, "-m", "benchmarks.digests", str(self.estate(tool)), str(sums), str(size // number)]
        return Command(argv, rate=_rate(size), verify=partial(_says, "match", number))

    def paramiko(self, way: str, number: int, size: int, most: int | None = None) -> Command:
        """paramiko alone, on at most so many of the files."""
        at = [str(self.server.port), self.server.user, str(self.server.client_key), str(self.root)]
        count = min(number, most or number)
        argv = [sys.executable, "-m", "benchmarks.sftp_client", way, *at, *([str(most)] if most else [])]
        return Command(argv, rate=_rate(size * count // number), verify=partial(_says, "count", count))

    def rclone(self, number: int) -> Command:
        """rclone, which reads everything to hash it."""
        at = f":sftp,host=127.0.0.1,port={self.server.port},user={self.server.user},key_file={self.server.client_key}"
        known = f"{at},known_hosts_file={self.server.known_hosts},disable_hashcheck=true:{self.root}"
        argv = ["rclone", "hashsum", "sha256", "--download", known]
        return Command(argv, environment={"RCLONE_CONFIG": os.devnull, "PATH": _path()}, verify=lambda said: said.count("\n") == number)

    def sftp(self, into: Path) -> Command:
        """OpenSSH's own client, which copies and does not hash."""
        return Command(
            ["sftp", "-q", "-r", "-P", str(self.server.port), *self._login(), f"{self.server.user}@127.0.0.1:{self.root}", str(into)],
            before=partial(_emptied, into),
        )

    def by_hand(self, number: int) -> Command:
        """The command that drcheck runs on the server, typed by hand."""
        line = ["ssh", "-p", str(self.server.port), *self._login(), f"{self.server.user}@127.0.0.1", "xargs -0 -n256 -P2 sha256sum --"]
        return Command(line, needs=("xargs", "sha256sum"), stdin=self.folder / f"{self.name}.names", verify=lambda said: said.count("\n") == number)

    def _login(self) -> list[str]:
        return ["-F", "none", "-o", f"UserKnownHostsFile={self.server.known_hosts}", "-i", str(self.server.client_key)]


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """A large file, small files, and small files hashed by the server."""
    if shutil.which(SSHD) is None or shutil.which("ssh-keygen") is None:
        return
    with SshServer(folder) as server:
        yield _large(Served(server, folder, "large"), (16 if quick else 256) * _MIB)
        shutil.rmtree(server.root / "large", ignore_errors=True)
        small, number = Served(server, folder, "small"), 1_000 if quick else 20_000
        yield _small(small, number)
        yield _there(small, number)


def _large(served: Served, size: int) -> Row:
    return Row(
        name="sftp-large",
        title=f"one file of {size // _MIB} MiB over SFTP, with a manifest, its result recorded",
        prepare=partial(served.fill, [size]),
        bytes=size,
        objects=1,
        bound="deciphering, on both ends",
        commands={
            DRCHECK: served.drcheck(1, size),
            "paramiko prefetch": served.paramiko("prefetch", 1, size),
            "rclone --download": served.rclone(1),
            "sftp get": served.sftp(served.folder / "copied"),
        },
        goals=(AtLeast("paramiko prefetch", 1.25), AtLeast("rclone --download", 0.65), Peak(128)),
    )


def _small(served: Served, number: int) -> Row:
    size = number * 4 * _KIB
    return Row(
        name="sftp-small",
        title=f"{number:,} × 4 KiB over SFTP, with a manifest, every result recorded",
        prepare=partial(served.fill, [4 * _KIB] * number),
        bytes=size,
        objects=number,
        bound="requests: five a file, each answered by itself",
        commands={
            DRCHECK: served.drcheck(number, size),
            "paramiko": served.paramiko("naive", number, size, number // _NAIVE),
            "rclone --download": served.rclone(number),
            "sftp get": served.sftp(served.folder / "copied"),
        },
        goals=(AtLeast("paramiko", 4), AtLeast("rclone --download", 2), AtLeast("sftp get", 2), Peak(128)),
    )


def _there(served: Served, number: int) -> Row:
    size = number * 4 * _KIB
    return Row(
        name="sftp-there",
        title=f"{number:,} × 4 KiB hashed by the server itself; drcheck lists and records besides, the command by hand is given the names",
        prepare=lambda: None if served.root.exists() else served.fill([4 * _KIB] * number),
        bytes=size,
        objects=number,
        bound="the programs that the server starts",
        commands={
            DRCHECK: served.drcheck(number, size, "sha256sum"),
            "drcheck, hashing alone": served.digests(number, size, "sha256sum"),
            "paramiko": served.paramiko("naive", number, size, number // _NAIVE),
            "ssh xargs by hand": served.by_hand(number),
        },
        goals=(AtLeast("paramiko", 15), AtLeast("ssh xargs by hand", 0.8), Peak(128)),
    )


def _rate(size: int) -> Callable[[str], float]:
    """Bytes a second, of what a process of ours says of its seconds."""
    return lambda said: size / float(json.loads(said)["seconds"])


def _says(count: str, number: int, said: str) -> bool:
    spoken: Mapping[str, object] = json.loads(said)
    return spoken.get(count) == number


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _path() -> str:
    """The programs of this Python's environment before all others."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
