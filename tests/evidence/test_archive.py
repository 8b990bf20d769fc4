"""Archives of strangers: what could do harm is refused, by its name, before it does any."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.errors import BadPack, EvidenceError
from drcheck.evidence.archive import Limits, entries
from drcheck.evidence.contents import read_contents
from drcheck.evidence.packing import put, unpack
from drcheck.evidence.verify import verify
from tests.evidence.packs import tar_of


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    """One entry of a tar archive."""
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def in_tar(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: object) -> bytes:
    """An archive with a file as it should be, and this entry."""
    return tar_of([(member("pack/bagit.txt"), b"x"), (member(name, kind, **fields), content)])


def in_zip(name: str, *, mode: int = 0o100644, flags: int = 0, content: bytes = b"x", kind: int = zipfile.ZIP_STORED, extra: bytes = b"") -> bytes:
    """The same as a zip archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        archive.writestr("pack/bagit.txt", b"x")
        entry = zipfile.ZipInfo(name)
        entry.external_attr, entry.compress_type, entry.extra = mode << 16, kind, extra
        archive.writestr(entry, content)
    made = bytearray(written.getvalue())
    if flags:
        place = made.rfind(b"PK\x01\x02")
        struct.pack_into("<H", made, place + 8, flags)
        struct.pack_into("<H", made, made.rfind(b"PK\x03\x04") + 6, flags)
    return bytes(made)


def longer(name: str, kind: bytes, key: str = "path") -> bytes:
    """A header that gives the entry after it another name, of GNU's kind or as an attribute of POSIX's."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        content = name.encode() + b"\0"
        header = member("././@LongLink", kind, size=len(content)).tobuf(tarfile.GNU_FORMAT)
    else:
        content = f" {key}={name}\n".encode()
        digits = next(digits for digits in range(2, 9) if len(str(len(content) + digits)) == digits)
        content = str(len(content) + digits).encode() + content
        header = member("PaxHeaders/x", kind, size=len(content)).tobuf(tarfile.USTAR_FORMAT)
    return header + content + bytes(-len(content) % 512)


def named(*headers: bytes, name: str = "pack/own") -> bytes:
    """A tar archive with a file after these headers."""
    return gzip.compress(b"".join([*headers, member(name, size=1).tobuf(tarfile.USTAR_FORMAT), b"x" + bytes(511), bytes(1024)]))


def named_many(times: int, size: int) -> bytes:
    """Files with nothing in them, each after a header with so many bytes of a comment."""
    one = [longer("x" * size, X, "comment") + member(f"pack/{number}").tobuf(tarfile.USTAR_FORMAT) for number in range(times)]
    return b"".join([*one, bytes(1024)])


X, L = tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME


def renamed(archive: bytes) -> bytes:
    """The archive with another name before the file than in its list."""
    return archive.replace(b"x_y", b"x_z", 1)


REFUSED: dict[str, tuple[bytes, str]] = {
    "tar: two names of two kinds": (named(longer("pack/one", L), longer("pack/two", X)), "a second longer name"),
    "tar: two names of two kinds, the other way": (named(longer("pack/one", X), longer("pack/two", L)), "a second longer name"),
    "tar: two names of GNU's": (named(longer("pack/one", L), longer("pack/two", L)), "a second longer name"),
    "tar: two names of POSIX's": (named(longer("pack/one", X), longer("pack/two", X)), "a second longer name"),
    "tar: a file with a folder's name": (named(name="pack/own/"), "take for a folder"),
    "tar: a file with a folder's name of POSIX's": (named(longer("pack/own/", X)), "take for a folder"),
    "tar: a file with a folder's name of GNU's": (named(longer("pack/own/", L)), "take for a folder"),
    "tar: a name of a file with holes": (named(longer("pack/one", X, "GNU.sparse.name")), "full of holes"),
    "tar: an absolute path": (in_tar("/etc/passwd"), "is no path that a pack has"),
    "tar: a path that leads up": (in_tar("pack/../../etc/passwd"), "is no path that a pack has"),
    "tar: a path that leads up at once": (in_tar("../etc/passwd"), "is no path that a pack has"),
    "tar: a drive": (in_tar("pack/C:/x"), "is no path that a pack has"),
    "tar: other separators": (in_tar("pack/..\\x"), "is no path that a pack has"),
    "tar: a control character": (in_tar("pack/\x1b[2J"), "is no path that a pack has"),
    "tar: letters of another script": (in_tar("pack/\u0430.txt"), "is no path that a pack has"),
    "tar: the same in another form": (in_tar("pack/re\u0301sume\u0301"), "is no path that a pack has"),
    "tar: a symbolic link": (in_tar("pack/x", tarfile.SYMTYPE, linkname="/etc/passwd"), "neither a file nor a folder"),
    "tar: a hard link": (in_tar("pack/x", tarfile.LNKTYPE, linkname="pack/bagit.txt"), "neither a file nor a folder"),
    "tar: a device": (in_tar("pack/x", tarfile.BLKTYPE, devmajor=8), "neither a file nor a folder"),
    "tar: a pipe": (in_tar("pack/x", tarfile.FIFOTYPE), "neither a file nor a folder"),
    "tar: a file with holes": (in_tar("pack/x", tarfile.GNUTYPE_SPARSE), "neither a file nor a folder"),
    "tar: other capitals": (in_tar("pack/BAGIT.txt"), "one file on machines that know no capitals"),
    "tar: the same name": (in_tar("pack/bagit.txt"), "is there twice"),
    "tar: another folder": (in_tar("other/bagit.txt"), "a pack is one folder"),
    "tar: no folder": (in_tar("bagit.txt"), "a pack is one folder"),
    "tar: a long header": (in_tar("pack/" + "x" * 100_000), "has a header of"),
    "tar: a long path": (in_tar("pack/" + "x" * 300), "is no path that a pack has"),
    "tar: something after the end": (
        gzip.compress(gzip.decompress(in_tar("pack/x")) + b"\0" * 20_480 + b"hidden" * 10_000),
        "goes on after its end",
    ),
    "tar: something after the archive": (in_tar("pack/x") + b"hidden", "is damaged"),
    "tar: cut off": (in_tar("pack/x", content=os.urandom(50_000))[:-20_000], "is damaged"),
    "zip: an absolute path": (in_zip("/etc/passwd"), "is no path that a pack has"),
    "zip: a path that leads up": (in_zip("pack/../x"), "is no path that a pack has"),
    "zip: other separators": (in_zip("pack/..\\x"), "is no path that a pack has"),
    "zip: a name with its end inside": (in_zip("pack/x_y").replace(b"x_y", b"x\0y"), r"is no path that a pack has|is damaged"),
    "zip: a symbolic link": (in_zip("pack/x", mode=0o120777), "neither a file nor a folder"),
    "zip: a device": (in_zip("pack/x", mode=0o060600), "neither a file nor a folder"),
    "zip: an encrypted file": (in_zip("pack/x", flags=1), "is encrypted"),
    "zip: other capitals": (in_zip("pack/Bagit.TXT"), "one file on machines that know no capitals"),
    "zip: the same name": (in_zip("pack/bagit.txt"), "is there twice"),
    "zip: another folder": (in_zip("other/x"), "a pack is one folder"),
    "zip: another way to pack": (in_zip("pack/x", kind=zipfile.ZIP_LZMA), "packed in another way"),
    "zip: a folder with bytes": (in_zip("pack/x/"), "a folder with bytes of its own"),
    "zip: cut off": (in_zip("pack/x")[:-30], "without its end"),
    "zip: another archive before it": (in_zip("pack/x") + in_zip("pack/x"), "in no entry"),
    "zip: files before it that its list does not name": (in_zip("pack/x").partition(b"PK\x01\x02")[0] + in_zip("pack/x"), "in no entry"),
    "zip: a comment, which can be another archive": (in_zip("pack/x")[:-2] + b"\x05\0other", "in no entry"),
    "zip: another name before the file": (renamed(in_zip("pack/x_y")), "says something else|is damaged"),
    "zip: another name in the extra field": (in_zip("pack/x", extra=struct.pack("<HHBL", 0x7075, 11, 1, 0) + b"pack/y"), "says something else"),
    "neither": (b"BagIt-Version: 1.0\n", "neither a folder nor"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_could_do_harm_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    pack = tmp_path / "pack.tar.gz"
    pack.write_bytes(content)
    with pytest.raises(BadPack, match=said) as refused:
        read_contents(pack)
    assert refused.value.exit_code == 10
    assert "\x1b" not in str(refused.value)
    assert verify(pack).exit_code == 10
    with pytest.raises(BadPack):
        unpack(pack, tmp_path / "unpacked")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("kind", [X, L])
def test_one_longer_name_is_taken(tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "pack.tar.gz").write_bytes(named(longer("pack/one", kind)))
    assert [entry.name for entry in entries(tmp_path / "pack.tar.gz")] == ["one"]


def _zeros(size: int) -> bytes:
    return tar_of([(member("pack/bagit.txt"), bytes(size))])


def _zip_of_zeros(size: int) -> bytes:
    return in_zip("pack/data", content=bytes(size), kind=zipfile.ZIP_DEFLATED)


def _overlapping(times: int) -> bytes:
    """A zip archive whose many entries are the same bytes."""
    one = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bytes(1 << 20)
    packed = one.compress(content) + one.flush()
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, zlib.crc32(content), len(packed), len(content), 6, 0) + b"pack/x" + packed
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, zlib.crc32(content), len(packed), len(content), 6, 0, 0, 0, 0, 0, 0)
        + b"pack/x"
        for _ in range(times)
    )
    return local + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, times, times, len(directory), len(local), 0)


LIMITS = Limits(files=100, bytes=1 << 24, ratio=20, floor=1 << 20)
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "tar: zeros": (lambda: _zeros(1 << 23), "unpacks to more than 20 times"),
    "tar: more than is read": (lambda: _zeros((1 << 24) + 1), "more than"),
    "tar: many files": (lambda: tar_of([(member(f"pack/{number}"), b"") for number in range(101)]), "more than 100 files"),
    "tar: many folders": (lambda: tar_of([(member(f"pack/{number}", tarfile.DIRTYPE), b"") for number in range(300)]), "more than 100 files"),
    "tar: packed twice": (lambda: gzip.compress(gzip.compress(bytes(1 << 24))), "is damaged"),
    "tar: headers of headers": (
        lambda: gzip.compress(member("pack/x", tarfile.GNUTYPE_LONGNAME, size=1 << 33).tobuf(tarfile.GNU_FORMAT) + bytes(1 << 24)),
        "header of",
    ),
    "tar: one long attribute": (
        lambda: gzip.compress(member("pack/x", tarfile.XHDTYPE, size=1 << 30).tobuf() + b"9999 path=" + bytes(1 << 24)),
        "header of",
    ),
    "tar: zeros after its end": (
        lambda: gzip.compress(gzip.decompress(tar_of([(member("pack/x"), b"")])) + bytes(1 << 24)),
        "unpacks to more than 20 times",
    ),
    "tar: headers": (
        lambda: gzip.compress(named_many(99, 60_000)),
        "unpacks to more than 20 times",
    ),
    "zip: zeros": (lambda: _zip_of_zeros(1 << 23), "unpacks to more than 20 times"),
    "zip: one for many": (lambda: _overlapping(50), "entries that share some"),
    "zip: says less than it is": (lambda: _says_less(1 << 23), "is damaged|unpacks to more|says something else"),
}


def _says_less(size: int) -> bytes:
    made = bytearray(_zip_of_zeros(size))
    struct.pack_into("<L", made, made.rfind(b"PK\x01\x02") + 24, 10)
    return bytes(made)


@pytest.mark.parametrize(("make", "said"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, make: Callable[[], bytes], said: str) -> None:
    pack = tmp_path / "pack"
    pack.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(BadPack, match=said):
            read_contents(pack, LIMITS)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 48 << 20


def test_a_list_of_entries_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    made = bytearray(in_zip("pack/x"))
    struct.pack_into("<L", made, made.rfind(b"PK\x05\x06") + 12, (64 << 20) + 1)
    (tmp_path / "pack.zip").write_bytes(made)
    with pytest.raises(BadPack, match="more than 200,000 files"):
        read_contents(tmp_path / "pack.zip")
    end = made.rfind(b"PK\x05\x06")
    (tmp_path / "pack.zip").write_bytes(bytes(made[:end]) + b"PK\x06\x07" + bytes(16) + bytes(made[end:]))
    with pytest.raises(BadPack, match="of the 64-bit form"):
        read_contents(tmp_path / "pack.zip")


@pytest.mark.parametrize("make", ["link", "folder link", "pipe", "odd name", "capitals"])
def test_a_folder_is_as_strange_as_an_archive(tmp_path: Path, make: str) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "bagit.txt").write_bytes(b"x")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    match make:
        case "link":
            (pack / "x").symlink_to(secret)
        case "folder link":
            (pack / "data").symlink_to(tmp_path)
        case "pipe":
            os.mkfifo(pack / "x")
        case "odd name":
            (pack / "a b").write_bytes(b"")
        case "capitals":
            (pack / "BAGIT.txt").write_bytes(b"")
    with pytest.raises(BadPack, match=r"is a link|neither a file nor a folder|is no path|no capitals"):
        read_contents(pack)


def test_what_is_not_there_or_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="there is no such pack") as absent:
        read_contents(tmp_path / "nowhere")
    assert absent.value.exit_code == 12
    assert not isinstance(absent.value, BadPack)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"]), st.booleans())
def test_any_bytes_are_a_pack_or_are_refused(tmp_path: Path, content: bytes, magic: bytes, packed: bool) -> None:
    pack = tmp_path / "pack"
    pack.write_bytes(gzip.compress(content) if packed else magic + content)
    with pytest.raises(BadPack):
        read_contents(pack)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_altered_archive_is_a_pack_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    files = [(member("pack/bagit.txt"), b"x" * 30), (member("pack/data/record.json"), b"{}"), (member("pack/signatures/a.sig"), b"y")]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in files:
            archive.writestr(each.name, content)
    tarred = gzip.decompress(tar_of(files))
    made = bytearray(data.draw(st.sampled_from([tarred, zipped.getvalue()])))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(made) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        made[place] = byte
    pack = tmp_path / "pack"
    pack.write_bytes(gzip.compress(made) if bytes(made[:2]) != b"PK" else made)
    try:
        names = [entry.name for entry in entries(pack)]
    except BadPack:
        return
    assert all(".." not in name.split("/") and not name.startswith("/") for name in names)


@pytest.mark.parametrize("name", ["pack.tar.gz", "pack.tgz", "pack.zip", "pack"])
def test_what_is_packed_is_read_again(tmp_path: Path, name: str) -> None:
    files = {"bagit.txt": b"x", "verify.sh": b"#!/bin/sh\n", "data/nights/" + "n" * 90 + "/policies/" + "p" * 60 + ".toml": os.urandom(3 << 20)}
    folder = tmp_path / "from"
    for each, content in files.items():
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(content)
    put(folder, tmp_path / name, "root")
    read = {entry.name: (b"".join(entry.chunks), entry.executable) for entry in entries(tmp_path / name)}
    assert {each: content for each, (content, _) in read.items()} == files
    assert [each for each, (_, executable) in read.items() if executable] == ["verify.sh"]
