"""
The files of a pack, wherever they are: a folder, a `.tar.gz` or a `.zip`.

A pack may come from a stranger, so nothing of it is unpacked and nothing in it is believed: files are read where they are, once and in their order,
and what could do harm is refused before it is read: paths that lead elsewhere, links and devices, two names that are one on some machine, encrypted
entries, and archives that grow beyond all measure.
"""

from __future__ import annotations

import errno
import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from drcheck.errors import BadPack, EvidenceError
from drcheck.evidence.bag import check_name
from drcheck.model import printable

CHUNK = 1 << 20
_AT_ONCE = 4 * CHUNK


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a stranger's pack is read."""

    files: int = 200_000
    bytes: int = 1 << 36
    """Of everything in it, unpacked."""
    ratio: int = 200
    """How many times larger than its archive it may be; text such as ours packs to a fiftieth at best."""
    floor: int = 64 << 20
    """Bytes up to which the ratio is not looked at."""
    header: int = 64 << 10
    """Bytes that one entry's name and attributes may take."""
    directory: int = 16 << 20
    """Bytes of a zip archive's list of entries, of which it has 65,535 at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a pack; its bytes can be read until the next entry is asked for."""

    name: str
    """Relative to the pack, parts joined by `/`."""
    root: str
    """The folder that the pack is in its archive; empty where it is no archive."""
    chunks: Iterator[bytes]
    executable: bool = False


LIMITS = Limits()
_HOLES = ("GNU.sparse.", "SCHILY.realsize", "SUN.holesdata")
"""Attributes of an entry in a tar archive by which some programs give it another name, or other bytes."""
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the standard library raises where an archive is not as it should be."""


def kind_of(path: Path) -> str:
    """`tar.gz`, `zip` or `dir`, by the name."""
    name = path.name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        return "tar.gz"
    return "zip" if name.endswith(".zip") else "dir"


def entries(path: Path, limits: Limits = LIMITS) -> Iterator[Entry]:
    """
    Every file of the pack at `path`, in its own order.

    Raises:
        BadPack: something in it is refused; it says which file and why.
        EvidenceError: it cannot be read at all.
    """
    try:
        if path.is_dir():
            found: Iterator[Entry] = _of_folder(path)
        elif not path.is_file():
            raise EvidenceError(f"{path}: there is no such pack")
        else:
            with path.open("rb") as opened:
                magic = opened.read(4)
            if magic[:2] == b"\x1f\x8b":
                found = _of_tar(path, limits)
            elif magic in (b"PK\x03\x04", b"PK\x05\x06"):
                found = _of_zip(path, limits)
            else:
                raise BadPack(f"{path}: is neither a folder nor a .tar.gz nor a .zip archive")
    except OSError as error:
        raise EvidenceError(f"{path}: could not be read: {error.strerror or error}") from error
    with _as_bad(path):
        yield from _within(found, path, limits)


def _within(found: Iterator[Entry], path: Path, limits: Limits) -> Iterator[Entry]:
    """The entries, as long as they keep within the limits and no two of them are one."""
    archive = path.stat().st_size if path.is_file() else 0
    names: dict[str, str] = {}
    seen = [0]

    def counted(entry: Entry) -> Iterator[bytes]:
        with _as_bad(path):
            for chunk in entry.chunks:
                seen[0] += len(chunk)
                if seen[0] > limits.bytes:
                    raise BadPack(f"{path}: {entry.name}: the pack has more than {limits.bytes:,} bytes")
                if archive and seen[0] > max(limits.floor, limits.ratio * archive):
                    raise BadPack(f"{path}: {entry.name}: unpacks to more than {limits.ratio} times its archive, which no honest pack does")
                yield chunk

    for entry in found:
        check_name(entry.name)
        before = names.get(entry.name.lower())
        if before is not None:
            one = "is there twice" if before == entry.name else f"and {before} are one file on machines that know no capitals"
            raise BadPack(f"{path}: {entry.name} {one}")
        names[entry.name.lower()] = entry.name
        if len(names) > limits.files:
            raise BadPack(f"{path}: has more than {limits.files:,} files")
        chunks = counted(entry)
        yield Entry(entry.name, entry.root, chunks, entry.executable)
        for _ in chunks:  # what was not read is counted all the same
            pass


def _of_folder(folder: Path) -> Iterator[Entry]:
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        for each in sorted(os.scandir(place), key=lambda each: each.name):
            name = prefix + each.name
            if each.is_symlink():
                raise BadPack(f"{folder}: {printable(name)}: is a link, which a pack never has")
            if each.is_dir(follow_symlinks=False):
                check_name(name)
                waiting.append((Path(each.path), f"{name}/"))
            elif each.is_file(follow_symlinks=False):
                yield Entry(name, "", _read(Path(each.path)), bool(each.stat(follow_symlinks=False).st_mode & 0o100))
            else:
                raise BadPack(f"{folder}: {printable(name)}: is neither a file nor a folder")


def _read(file: Path) -> Iterator[bytes]:
    # A link that took the file's place since is not followed, and a pipe is not waited for.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as opened:
        yield from iter(lambda: opened.read(CHUNK), b"")


def _rooted(name: str, path: Path, roots: set[str]) -> tuple[str, str]:
    """The archive's own folder, which is one for all, and the path in it; an empty path for the folder itself."""
    root, _, inner = name.rstrip("/").partition("/")
    check_name(root)
    roots.add(root)
    if len(roots) > 1:
        raise BadPack(f"{path}: holds {' and '.join(sorted(roots))}; a pack is one folder")
    return root, inner


class _Headers(tarfile.TarInfo):
    """
    Entries of an archive of which none may be a long header, or anything else than a file, a folder or a longer name.

    An entry has one longer name at most: of two each program takes another, and so would unpack other files than those that were read here. Whether
    one was read is kept in the class, so each archive has one of its own.
    """

    longest = LIMITS.header
    renamed = False

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            if not 0 <= found.size <= cls.longest:
                raise BadPack(f"{printable(found.name)}: has a header of {found.size:,} bytes")
            if cls.renamed:
                raise BadPack(f"{printable(found.name)}: is a second longer name of one entry")
            cls.renamed = True
        elif found.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
            raise BadPack(f"{printable(found.name)}: is neither a file nor a folder, but of type {found.type!a}")
        else:
            cls.renamed = False
        return found


class _Unpacked:
    """
    What a gzip stream unpacks to.

    Attributes:
        left: bytes that may be read before somebody looks at what was read; headers have no other bound.
    """

    def __init__(self, opened: IO[bytes], path: Path, limits: Limits) -> None:
        self.left = _AT_ONCE
        self._ratio = limits.ratio
        # Files are counted where they are read; this bounds headers, and zeros after the end, of which nobody sees anything.
        self._all = max(limits.floor, limits.ratio * path.stat().st_size) + _AT_ONCE
        self._stream = gzip.GzipFile(fileobj=opened, mode="rb")
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        """As much of what it unpacks to."""
        found = self._stream.read(size)
        self.left -= len(found)
        self._all -= len(found)
        if self._all < 0:
            raise BadPack(f"{self._path}: unpacks to more than {self._ratio} times its archive, which no honest pack does")
        if self.left < 0:
            raise BadPack(f"{self._path}: has a header that is too long")
        return found


def _of_tar(path: Path, limits: Limits) -> Iterator[Entry]:
    roots: set[str] = set()

    class Headers(_Headers):
        """Those of this archive."""

    with path.open("rb") as packed:
        stream = _Unpacked(packed, path, limits)
        readable: Any = stream
        with tarfile.open(fileobj=readable, mode="r|", tarinfo=Headers, bufsize=CHUNK, encoding="utf-8", errors="strict") as archive:
            for member in _members(archive, stream, path, limits):
                root, inner = _rooted(member.name, path, roots)
                if member.issparse() or any(key.startswith(_HOLES) for key in member.pax_headers):
                    raise BadPack(f"{path}: {printable(member.name)}: is full of holes, which no file of a pack is")
                if member.isdir():
                    if inner:
                        check_name(inner)
                    continue
                if member.name.endswith("/") or member.pax_headers.get("path", "").endswith("/"):
                    raise BadPack(f"{path}: {printable(member.name)}: is a file that other programs take for a folder")
                yield Entry(inner, root, _content(archive.extractfile(member), stream), bool(member.mode & 0o100))
            if any(chunk.strip(b"\0") for chunk in _content(archive.fileobj, stream)):
                raise BadPack(f"{path}: goes on after its end")


def _members(archive: tarfile.TarFile, stream: _Unpacked, path: Path, limits: Limits) -> Iterator[tarfile.TarInfo]:
    for _ in range(2 * limits.files):
        stream.left = _AT_ONCE
        member = archive.next()
        if member is None:
            return
        archive.members = []  # type: ignore[attr-defined] # kept for looking up, which nobody does here
        yield member
    raise BadPack(f"{path}: has more than {limits.files:,} files")


def _content(opened: Any, stream: _Unpacked) -> Iterator[bytes]:
    while opened is not None:
        stream.left = _AT_ONCE
        chunk = opened.read(CHUNK)
        if not chunk:
            return
        yield chunk


def _of_zip(path: Path, limits: Limits) -> Iterator[Entry]:
    roots: set[str] = set()
    _check_directory(path, limits)
    with zipfile.ZipFile(path) as archive:
        _check_places(path, archive)
        for member in archive.infolist():
            name = member.orig_filename
            root, inner = _rooted(name, path, roots)
            mode = member.external_attr >> 16
            if member.flag_bits & 0x41:
                raise BadPack(f"{path}: {printable(name)}: is encrypted")
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadPack(f"{path}: {printable(name)}: is neither a file nor a folder")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BadPack(f"{path}: {printable(name)}: is packed in another way than deflate")
            if name.endswith("/"):
                if inner:
                    check_name(inner)
                if member.file_size:
                    raise BadPack(f"{path}: {printable(name)}: is a folder with bytes of its own")
                continue
            yield Entry(inner, root, _unzipped(archive, member), bool(mode & 0o100))


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as opened:
        yield from iter(lambda: opened.read(CHUNK), b"")


def _check_directory(path: Path, limits: Limits) -> None:
    """Refuse a zip archive whose list of entries, which is read as a whole, is too long to be read."""
    with path.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - (1 << 16) - 22))
        tail = opened.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        raise BadPack(f"{path}: is a zip archive without its end")
    if tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):
        raise BadPack(f"{path}: is a zip archive of the 64-bit form; a pack that large is a .tar.gz")
    count, directory = struct.unpack_from("<HL", tail, end + 10)
    if directory > min(limits.directory, count * (46 + limits.header)):
        raise BadPack(f"{path}: has more than {limits.files:,} files")


def _check_places(path: Path, archive: zipfile.ZipFile) -> None:
    """
    Refuse a zip archive in which its list and its bytes do not tell the same: programs that read one or the other would show other files.

    So each byte before the list is of one entry, what stands before an entry is what the list says of it, and nothing comes before or after.
    """
    place = 0
    with path.open("rb") as opened:
        for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
            name = printable(member.orig_filename)
            if member.header_offset != place:
                raise BadPack(f"{path}: {name}: there are bytes before it that are in no entry, or two entries that share some")
            opened.seek(place)
            mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = struct.unpack("<4s5H3L2H", opened.read(30))
            told = opened.read(name_length).decode("utf-8" if flags & 0x800 else "cp437"), flags, method
            extra = opened.read(extra_length)
            streamed = bool(flags & 8) and method == zipfile.ZIP_DEFLATED
            sizes = (0, 0, 0) if streamed and not packed else (member.CRC, member.compress_size, member.file_size)
            same = told == (member.orig_filename, member.flag_bits, member.compress_type) and (crc, packed, size) == sizes
            if mark != b"PK\x03\x04" or not same or _renames(extra) or _renames(member.extra):
                raise BadPack(f"{path}: {name}: the archive's list says something else than what stands before the file")
            place += 30 + name_length + extra_length + member.compress_size
            if flags & 8:
                opened.seek(place)
                place += 16 if opened.read(4) == b"PK\x07\x08" else 12
    if place != archive.start_dir or archive.comment:
        raise BadPack(f"{path}: has bytes that are in no entry, which other programs may take for files")


def _renames(extra: bytes) -> bool:
    """Whether an entry's extra field gives it another name (Info-ZIP's Unicode path, 0x7075) or other sizes (0x0001), or is damaged."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind in (0x0001, 0x7075) or length + 4 > len(extra):
            return True
        extra = extra[4 + length :]
    return bool(extra)


@contextmanager
def _as_bad(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise BadPack(f"{path}: is damaged: {printable(str(error)) or type(error).__name__}") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # it points to before its own beginning
            raise BadPack(f"{path}: is damaged: {error.strerror}") from error
        raise EvidenceError(f"{path}: could not be read: {error.strerror or error}") from error
