"""Whatever bytes a manifest holds: its promises, or a ManifestError, and no name that could leave its root."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.errors import ManifestError
from drcheck.manifests import bagit, read_manifest
from drcheck.manifests.bagit import Declaration
from tests.manifests.reading import read

SHA = hashlib.sha256(b"").hexdigest()
PIECES = st.sampled_from(
    [
        SHA.encode(),
        SHA[:32].encode(),
        b"  ",
        b" *",
        b"\\",
        b"\n",
        b"\r\n",
        b"\0",
        b"SHA256 (",
        b") = ",
        b";",
        b"#",
        b"%%%% HASHDEEP-1.0\n",
        b"%%%% size,md5,filename\n",
        b"## Invoked from: /\n",
        b"7,",
        b"../",
        b"/",
        b"data/",
        b"%0A",
        b"%25",
        b"a",
        b"0a1b2c3d",
        b"\xff",
        b"\xef\xbb\xbf",
        "é".encode(),
        b": ",
        b"BagIt-Version: 1.0\n",
        b"Payload-Oxum: ",
    ]
)
ANY = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(b"".join))
KINDS = st.sampled_from(["auto", "gnu", "bsd", "sfv", "hashdeep", "bagit"])
ALGORITHMS = st.sampled_from(["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b"])
FILES = st.sampled_from(["SUMS", "MD5SUMS", "x.sha256", "manifest-sha256.txt", "tagmanifest-md5.txt", "b2sums"])
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32", "ascii", "iso8859-1", "cp1252"])


def harmless(name: str) -> bool:
    return bool(name) and not name.startswith(("/", "\\")) and ".." not in name.replace("\\", "/").split("/") and "\0" not in name


@settings(max_examples=1000)
@given(content=ANY, kind=KINDS, algorithm=ALGORITHMS, file=FILES, about=st.sampled_from(["", "x"]), step=st.integers(1, 64))
def test_manifests(content: bytes, kind: str, algorithm: str, file: str, about: str, step: int) -> None:
    try:
        promises = read(content, file=file, kind=kind, algorithm=algorithm, about=about, step=step)
    except ManifestError:
        return
    assert promises
    for promise in promises:
        assert harmless(promise.name)
        assert promise.digest
        assert set(promise.digest) <= set("0123456789abcdef")


@settings(max_examples=300)
@given(content=ANY, step=st.integers(1, 64), encoding=ENCODINGS, version=st.sampled_from([(0, 97), (1, 0)]))
@pytest.mark.parametrize(
    "reader",
    [
        lambda chunks, _: [bagit.read_declaration(chunks, "bagit.txt").info],
        lambda chunks, declaration: [str(bagit.read_oxum(chunks, "bag-info.txt", declaration))],
        lambda chunks, declaration: list(bagit.read_fetch(chunks, "fetch.txt", declaration)),
        lambda chunks, declaration: [each.name for each in bagit.read_manifest(chunks, "m", "sha256", tag=False, declaration=declaration)],
        lambda chunks, declaration: [each.name for each in bagit.read_manifest(chunks, "m", "md5", tag=True, declaration=declaration)],
    ],
)
def test_files_of_bags(
    reader: Callable[[Iterable[bytes], Declaration], list[str]], content: bytes, step: int, encoding: str, version: tuple[int, int]
) -> None:
    chunks = (content[start : start + step] for start in range(0, len(content), step))
    try:
        names = reader(chunks, Declaration(version, codecs.lookup(encoding).name))
    except ManifestError:
        return
    assert all(map(harmless, names))


NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name)


@given(names=st.lists(NAMES, min_size=1, max_size=5, unique=True), form=st.sampled_from(["gnu", "bsd", "zero"]))
def test_any_name_that_may_be_promised_comes_back_as_it_was(names: list[bytes], form: str) -> None:
    names = [b"d/" + name.replace(b"/", b"_") for name in names]
    wanted = [name for name in names if b".." not in name.replace(b"\\", b"/").split(b"/") and name != b"d/."]
    content = b"".join(_line(name, form) for name in wanted)
    if not wanted:
        return
    found = [promise.name.encode("utf-8", "surrogateescape") for promise in read_manifest([content], file="x").promises]
    assert found == wanted


def _line(name: bytes, form: str) -> bytes:
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name and form != "zero" else b""
    if form == "bsd":
        return b"%sSHA256 (%s) = %s\n" % (mark, escaped, SHA.encode())
    if form == "zero":
        return b"%s  %s\0" % (SHA.encode(), name)
    return b"%s%s  %s\n" % (mark, SHA.encode(), escaped)
