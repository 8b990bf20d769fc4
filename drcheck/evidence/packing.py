"""Folders as archives: the same files give the same bytes, whoever packs them and when."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drcheck.errors import EvidenceError, OutputError
from drcheck.evidence.archive import CHUNK, entries, kind_of
from drcheck.evidence.leftovers import working_folder

_MOMENT = (1980, 1, 1, 0, 0, 0)
_SECONDS = 315_532_800
"""The same moment since 1970: the first that a zip archive can tell. What is in a pack says when it was made."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """
    A folder that only this user can enter, on the file system of `path`; thrown away at the end.

    What one that was killed left behind there is thrown away first, see `drcheck.evidence.leftovers`.

    Raises:
        OutputError: none can be made, or what is done in it fails for want of room or rights.
    """
    try:
        with working_folder(path.absolute().parent) as folder:
            yield folder
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}") from error


def refuse_existing(path: Path) -> None:
    """
    Return where a pack can be put at `path`: nothing is there, or an empty folder where it is to be one.

    Raises:
        OutputError: something is.
    """
    try:
        if path.exists() and (kind_of(path) != "dir" or any(path.iterdir())):
            raise OutputError(f"{path}: is there already; evidence is never written over, name another file")
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}") from error


def put(folder: Path, path: Path, root: str, *, replace: bool = False) -> None:
    """
    Put the files of `folder` at `path`, as a folder or as the archive that its name says, whole or not at all.

    Args:
        root: the folder that they are in an archive.
        replace: whether an archive that is there already is replaced.

    Raises:
        OutputError: it could not be written, or something is there.
        EvidenceError: it is too large for a zip archive.
    """
    kind = kind_of(path)
    try:
        if not replace:
            refuse_existing(path)
        for each in _files(folder):
            each.chmod(_mode(each))
        if kind == "dir":
            for place in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
                place.chmod(0o755)
            folder.replace(path)
            return
        packed = folder.with_name(f"{folder.name}.packed")
        try:
            (_write_zip if kind == "zip" else _write_tar)(folder, packed, root)
            with packed.open("rb") as written:
                os.fsync(written.fileno())
            packed.replace(path)
        finally:
            packed.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}") from error
    except zipfile.LargeZipFile as error:
        raise EvidenceError(f"{path}: is too large for a zip archive; name a .tar.gz") from error


def unpack(path: Path, folder: Path) -> str:
    """
    Put the files of the archive at `path` into an empty folder; returns the folder that they are in it.

    Raises:
        BadPack: something in it is refused.
    """
    root = ""
    for entry in entries(path):
        root = entry.root
        file = folder / entry.name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as opened:
            opened.writelines(entry.chunks)
    return root


def _files(folder: Path) -> list[Path]:
    return sorted((each for each in folder.rglob("*") if each.is_file()), key=lambda each: each.relative_to(folder).as_posix())


def _mode(file: Path) -> int:
    return 0o755 if file.suffix == ".sh" else 0o644


def _write_tar(folder: Path, packed: Path, root: str) -> None:
    with (
        packed.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as archive,
    ):
        for file in _files(folder):
            member = tarfile.TarInfo(f"{root}/{file.relative_to(folder).as_posix()}")
            member.size, member.mode, member.mtime = file.stat().st_size, _mode(file), _SECONDS
            with file.open("rb") as opened:
                archive.addfile(member, opened)


def _write_zip(folder: Path, packed: Path, root: str) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for file in _files(folder):
            member = zipfile.ZipInfo(f"{root}/{file.relative_to(folder).as_posix()}", _MOMENT)
            member.create_system, member.compress_type = 3, zipfile.ZIP_DEFLATED
            member.external_attr = (stat.S_IFREG | _mode(file)) << 16
            member.file_size = file.stat().st_size
            with file.open("rb") as opened, archive.open(member, "w") as target:
                shutil.copyfileobj(opened, target, CHUNK)
