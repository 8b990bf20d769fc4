"""
The source archive and the wheel of one commit, the same bytes wherever and whenever they are built.

Only what is committed goes in. Every member's time is SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch), that of the
commit; owners, modes and the order of members, which differ between machines, are set anew. Compressed bytes are those of this machine's zlib:
another version of it may compress otherwise, and then the members are still the same.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

_EARLIEST = 315_532_800
"""1980-01-01: a zip archive knows no earlier time."""
_RUNS = 0o100


class NotBuilt(Exception):
    """The archives could not be built; the message says why and what to do."""


def commit_time(root: Path) -> int:
    """
    SOURCE_DATE_EPOCH where it is set, else the time of the last commit: seconds since 1970.

    Raises:
        NotBuilt: neither can be had.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "log", "-1", "--format=%ct").decode("ascii").strip()
    if not (given.isascii() and given.isdigit()) or int(given) < _EARLIEST:
        raise NotBuilt(f"SOURCE_DATE_EPOCH is {given!r}; give whole seconds since 1970, not before 1980")
    return int(given)


def uncommitted(root: Path) -> list[str]:
    """What differs from the last commit, or is not known to it: none of that is built."""
    return _git(root, "status", "--porcelain", "--untracked-files=normal").decode("utf-8", "replace").splitlines()


def build(root: Path, into: Path, epoch: int, work: Path) -> tuple[Path, Path]:
    """
    The source archive and the wheel of the last commit of the checkout at `root`, put into the folder `into`. `work` is an empty folder to work in.

    The wheel is built from the source archive, so that it holds nothing that the other lacks.

    Raises:
        NotBuilt: git or the build failed; the message has what they said.
    """
    source = work / "source"
    source.mkdir()
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", "HEAD"))) as archive:
        archive.extractall(source, filter="data")
    made = work / "made"
    # Not in an environment of its own: the tools are those of the `dist` extra, so that nothing is fetched from anywhere.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(source)]
    done = subprocess.run(command, env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}, capture_output=True, check=False, text=True, errors="replace")
    if done.returncode:
        raise NotBuilt(f"the build ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    (sdist,), (wheel,) = made.glob("*.tar.gz"), made.glob("*.whl")
    into.mkdir(parents=True, exist_ok=True)
    return _same_tar(sdist, into / sdist.name, epoch), _same_wheel(wheel, into / wheel.name, epoch)


def _same_tar(made: Path, path: Path, epoch: int) -> Path:
    plain = io.BytesIO()
    with tarfile.open(made) as given, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as kept:
        for member in sorted(given.getmembers(), key=lambda one: one.name):
            if not (member.isfile() or member.isdir()):
                raise NotBuilt(f"{made.name}: {member.name} is neither a file nor a folder")
            again = tarfile.TarInfo(member.name)
            again.type, again.size, again.mtime = member.type, member.size, epoch
            again.mode = _mode(member.mode, folder=member.isdir())
            kept.addfile(again, given.extractfile(member) if member.isfile() else None)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=epoch) as packed:
        shutil.copyfileobj(io.BytesIO(plain.getvalue()), packed)
    return path


def _same_wheel(made: Path, path: Path, epoch: int) -> Path:
    # RECORD holds digests of the members, which stay as they are, and says nothing of times, modes or order.
    moment = datetime.fromtimestamp(epoch, UTC)
    with zipfile.ZipFile(made) as given, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
        for member in sorted(given.infolist(), key=_records_last):
            again = zipfile.ZipInfo(member.filename, (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
            again.create_system = 3  # Unix, so that the modes mean something
            again.external_attr = (0o100000 | _mode(member.external_attr >> 16, folder=False)) << 16
            again.compress_type = zipfile.ZIP_DEFLATED
            kept.writestr(again, given.read(member))
    return path


def _records_last(member: zipfile.ZipInfo) -> tuple[bool, str]:
    # The specification of wheels asks for the folder with the metadata at the end.
    return ".dist-info/" in member.filename, member.filename


def _mode(mode: int, *, folder: bool) -> int:
    return 0o755 if folder or mode & _RUNS else 0o644


def _git(root: Path, *arguments: str) -> bytes:
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        raise NotBuilt(f"{root}: is no git checkout, or git is not installed; archives are built from a commit")
    done = subprocess.run([git, "-C", str(root), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise NotBuilt(f"git {arguments[0]} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
