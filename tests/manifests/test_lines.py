"""Single lines and whole files of checksums: what is understood, what is refused and with which words."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest

from drcheck.errors import ManifestError
from drcheck.manifests import is_weak, read_manifest
from drcheck.manifests.base import LONGEST_LINE, algorithm_in_name, known_algorithm
from tests.manifests.reading import kind_of, read, refused, told

MD5, SHA1, SHA256, SHA512 = (hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha256", "sha512"))
HEADER = "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /srv\n## $ hashdeep\n##\n"


def line(name: str, digest: str = SHA256) -> bytes:
    return f"{digest}  {name}\n".encode()


@pytest.mark.parametrize(
    ("content", "name", "algorithm"),
    [
        (line("a"), "a", "sha256"),
        (line("a").rstrip(b"\n"), "a", "sha256"),
        (line("a").upper().replace(b"A\n", b"a\n"), "a", "sha256"),
        (f"{SHA256} *a\n".encode(), "a", "sha256"),
        (line("a").replace(b"\n", b"\r\n"), "a", "sha256"),
        (b"\xef\xbb\xbf" + line("a"), "a", "sha256"),
        (b"# a comment\n\n  " + line("a"), "a", "sha256"),
        (line("./x//y/./a"), "x/y/a", "sha256"),
        (line("~$letter.docx"), "~$letter.docx", "sha256"),
        (line("a..b"), "a..b", "sha256"),
        (line(" a "), " a ", "sha256"),
        (line("a", MD5), "a", "md5"),
        (line("a", SHA1), "a", "sha1"),
        (line("a", "0a1b2c3d"), "a", "crc32"),
        (f"\\{SHA256}  a\\nb\\\\c\\rd\n".encode(), "a\nb\\c\rd", "sha256"),
        (f"{SHA256}  a\\nb\n".encode(), "a\\nb", "sha256"),
        (f"{SHA256}  a\nb\0".encode(), "a\nb", "sha256"),
        (f"SHA256 (a) = {SHA256}\n".encode(), "a", "sha256"),
        (f"SHA2-256(a)= {SHA256}\n".encode(), "a", "sha256"),
        (f"SHA3-256(a)= {SHA256}\n".encode(), "a", "sha3-256"),
        (f"BLAKE2b-256 (a) = {SHA256}\n".encode(), "a", "blake2b-256"),
        (f"MD5 (a) = b) = {MD5}\n".encode(), "a) = b", "md5"),
        (f"\\SHA256 (a\\nb) = {SHA256}\n".encode(), "a\nb", "sha256"),
        (b"; generated\na b.img 0A1B2C3D\n", "a b.img", "crc32"),
        (b"a\\b\t0a1b2c3d\r\n", "a/b", "crc32"),
    ],
)
def test_a_line_is_understood(content: bytes, name: str, algorithm: str) -> None:
    (promise,) = read(content)
    assert (promise.name, promise.algorithm, promise.spelt) == (name, algorithm, "")
    assert promise.digest == promise.digest.lower()
    assert promise.digest in (MD5, SHA1, SHA256, "0a1b2c3d")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"# none\n", "comments only"),
        (b"; none\n", "promises nothing"),
        (b"hello\n", "no known kind"),
        (line("a") + b"rubbish\n", "line 2"),
        (line("a") + SHA256[:40].encode(), "line 2"),
        (line("a", SHA256[:-1]), "63 digits"),
        (f"{SHA256} a\n".encode(), "no known kind"),
        (f"{SHA256}  \n".encode(), "no known kind"),
        (line("../a"), "contains .."),
        (line("a/../b"), "contains .."),
        (line("a\\..\\b"), "contains .."),
        (line(".."), "contains .."),
        (line("/a"), "absolute"),
        (line("\\\\server\\share"), "absolute"),
        (line("c:/a"), "absolute"),
        (line("C:\\a"), "absolute"),
        (line("."), "names no file"),
        (line("./"), "names no file"),
        (line("folder/"), "names no file"),
        (line("-"), "pipe"),
        (f"\\{SHA256}  a\\tb\n".encode(), "unknown escape"),
        (f"\\{SHA256}  a\\\n".encode(), "unknown escape"),
        (f"\\{SHA256}  \\0\n".encode(), "unknown escape"),
        (b"WHIRLPOOL (a) = 00\n", "WHIRLPOOL is unknown"),
        (f"SHA256 (a) = {MD5}\n".encode(), "64 digits, not 32"),
        (b"\xff\xfeh\0i\0", "UTF-16"),
        (line("a" * (LONGEST_LINE + 1)), "longer than"),
        (b"a" * (3 * LONGEST_LINE), "longer than"),
        (b"good 0a1b2c3d\nbad 0a1b2c3\n", "line 2"),
        (b"-----BEGIN PGP SIGNED MESSAGE-----\n", "no known kind"),
    ],
)
def test_a_line_is_refused(content: bytes, says: str) -> None:
    assert says in refused(content)


def test_the_line_is_told() -> None:
    assert [promise.line for promise in read(b"# one\n" + line("a") + b"\n" + line("b"))] == [2, 4]


def test_windows_line_ends_are_told_by_the_first_line() -> None:
    assert [name for name, _, _ in told(line("a").replace(b"\n", b"\r\n") + line("b"))] == ["a", "b"]
    assert [name for name, _, _ in told(line("a") + line("b\r"))] == ["a", "b\r"]


def test_names_that_are_not_utf_8_keep_their_bytes() -> None:
    ((name, _, _),) = told(SHA256.encode() + b"  scan\xff\n")
    assert name.encode("utf-8", "surrogateescape") == b"scan\xff"


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("SHA256SUMS", "sha256"),
        ("sha512sums.txt", "sha512"),
        ("a/b.sha1", "sha1"),
        ("md5s/x.sha-256", "sha256"),
        ("MD5SUMS", "md5"),
        ("b2sums", "blake2b"),
        ("x.b2", "blake2b"),
        ("blake2b.txt", "blake2b"),
        ("SHA3-256SUMS", "sha3-256"),
        ("manifest-sha224.txt", "sha224"),
        ("CHECKSUMS", ""),
        ("md5-and-sha256.txt", ""),
        ("sha2560", ""),
    ],
)
def test_a_files_name_tells_the_algorithm(file: str, algorithm: str) -> None:
    assert algorithm_in_name(file) == algorithm


def test_what_the_name_says_must_fit_and_the_estate_has_the_last_word() -> None:
    assert "according to its file name" in refused(line("a", MD5), file="SHA256SUMS")
    assert told(line("a", MD5), file="SHA256SUMS", algorithm="md5") == [("a", "md5", MD5)]
    assert "according to the estate" in refused(line("a"), algorithm="md5")
    assert told(line("a", SHA512), file="b2sums") == [("a", "blake2b", SHA512)]
    assert "no BLAKE2b digest" in refused(line("a", SHA256[:33]), algorithm="blake2b")


@pytest.mark.parametrize(("file", "digest"), [("sums.crc32c", "0a1b2c3d"), ("CRC-32C.txt", "0a1b2c3d"), ("a.crc64nvme", "0a1b2c3d0a1b2c3d")])
def test_a_crc_of_object_stores_is_not_taken_for_another_digest(file: str, digest: str) -> None:
    assert "which drcheck does not compute" in refused(line("a", digest), file=file, kind="gnu")
    assert told(line("a", "0a1b2c3d"), file="sums.crc32c", kind="gnu", algorithm="crc32") == [("a", "crc32", "0a1b2c3d")]
    assert told(line("a"), file="crc32c-and-sha256.txt") == [("a", "sha256", SHA256)]


def test_a_lone_digest_speaks_of_the_sidecars_object() -> None:
    assert told(f"{SHA256}\n".encode(), about="x.dump") == [("x.dump", "sha256", SHA256)]
    assert "no known kind" in refused(f"{SHA256}\n".encode())


@pytest.mark.parametrize("word", ["SHA256", "sha-256", "SHA2-256", "sha_256"])
def test_one_algorithm_has_many_spellings(word: str) -> None:
    assert known_algorithm(word) == "sha256"


@pytest.mark.parametrize("word", ["", "sha", "sha257", "sm3", "tiger", "whirlpool", "blake2b-7", "blake2b-520", "blake2b-0", "rmd160", "crc"])
def test_what_cannot_be_computed_is_unknown(word: str) -> None:
    assert known_algorithm(word) == ""


def test_weak_algorithms_are_called_weak() -> None:
    weak = {"md5", "sha1", "crc32", "blake2b-8", "blake2b-128"}
    strong = {"sha224", "sha256", "sha384", "sha512", "sha3-256", "blake2b", "blake2b-256"}
    assert {algorithm for algorithm in weak | strong if is_weak(algorithm)} == weak


def test_hashdeep_lines_hold_several_promises() -> None:
    content = f"{HEADER}7,{MD5},{SHA256},/srv/a, b, c\n# comment\n\n0,{MD5},{SHA256},./d\n".encode()
    promises = read(content)
    assert [(promise.name, promise.algorithm, promise.size, promise.line) for promise in promises] == [
        ("a, b, c", "md5", 7, 6),
        ("a, b, c", "sha256", 7, 6),
        ("d", "md5", 0, 9),
        ("d", "sha256", 0, 9),
    ]
    assert kind_of(content) == "hashdeep"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{HEADER}7,{MD5},{SHA256},/other/a\n", "absolute"),
        (f"{HEADER}7,{MD5},{SHA256}\n", "3 of 4 columns"),
        (f"{HEADER}x,{MD5},{SHA256},a\n", "not a number"),
        (f"{HEADER}-1,{MD5},{SHA256},a\n", "not a number"),
        (f"{HEADER}9999999999999999999,{MD5},{SHA256},a\n", "not a number"),
        (f"{HEADER}٣,{MD5},{SHA256},a\n", "not a number"),
        (f"{HEADER}7,{SHA256},{MD5},a\n", "no md5 digest"),
        (f"{HEADER}7,{MD5},{'z' * 64},a\n", "no sha256 digest"),
        (HEADER, "promises nothing"),
        (f"%%%% HASHDEEP-1.0\n7,{MD5},{SHA256},a\n", "columns is missing"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,filename\n7,{MD5},a\n", "columns are not"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,md5,filename\n7,{MD5},{MD5},a\n", "columns are not"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,tiger,filename\n7,{MD5},00,a\n", "'tiger' cannot be computed"),
    ],
)
def test_hashdeep_files_are_refused(content: str, says: str) -> None:
    assert says in refused(content.encode())


def test_a_kind_that_is_declared_is_not_guessed() -> None:
    odd = f"{SHA256}  x 0a1b2c3d\n".encode()
    assert kind_of(odd) == "gnu"
    assert read_manifest([odd], file="x", kind="sfv").kind == "sfv"
    assert [name for name, _, _ in told(odd, kind="sfv")] == [f"{SHA256}  x"]
    assert "header of hashdeep" in refused(line("a"), kind="hashdeep")
    assert "manifest-ALGORITHM.txt" in refused(line("a"), kind="bagit")


def test_promises_are_streamed() -> None:
    def chunks() -> Iterator[bytes]:
        yield line("a") * 3000
        raise AssertionError("asked for more than was needed")

    promises = read_manifest(chunks(), file="x").promises
    assert [next(promises).name for _ in range(2000)] == ["a"] * 2000


def test_what_the_source_raises_passes_through() -> None:
    def chunks() -> Iterator[bytes]:
        yield line("a")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        list(read_manifest(chunks(), file="x").promises)


def test_a_manifest_larger_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.manifests.base.LARGEST", 100_000)
    with pytest.raises(ManifestError, match="larger than"):
        list(read_manifest([line("a")] * 2000, file="x").promises)


HOSTILE = LONGEST_LINE - 100


@pytest.mark.parametrize("kind", ["gnu", "bsd", "sfv", "hashdeep", "auto"])
@pytest.mark.parametrize(
    "content",
    [
        b"a" + b" " * HOSTILE + b"x",
        b"a" * HOSTILE,
        b"SHA256 (" + b") = a" * (HOSTILE // 5) + b"x",
        b"SHA256 (" * (HOSTILE // 8),
        b"\\" * HOSTILE,
        SHA256.encode() + b"  " + b"../" * (HOSTILE // 3),
        b"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n" + b"," * HOSTILE,
    ],
)
def test_no_line_takes_long(content: bytes, kind: str) -> None:
    begun = time.process_time()
    with pytest.raises(ManifestError):
        list(read_manifest([content], file="x", kind=kind).promises)
    assert time.process_time() - begun < 1
