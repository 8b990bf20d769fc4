"""Manifests as the real programs write them are read back to what is there, with every kind of name."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest

from drcheck.manifests import read_manifest
from tests.manifests.reading import kind_of, told

NAMES = {
    "plain.img": b"one",
    "with space and  two.img": b"two",
    "new\nline": b"three",
    "car\rriage": b"four",
    "ends in cr\r": b"four and a half",
    "back\\slash\\n": b"five",
    "quote\" and ' and `": b"six",
    "a) = b": b"seven",
    "*star": b"eight",
    "-dash": b"nine",
    "# hash": b"ten",
    "; semicolon, comma": b"eleven",
    "Röntgen-中文": b"twelve",
    "sub/deep/file": b"thirteen",
    "empty": b"",
    "0123abcd": b"fourteen",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in NAMES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def run(folder: Path, *command: str, names: tuple[str, ...] = tuple(NAMES)) -> bytes:
    return subprocess.run([*command, *names], cwd=folder, check=True, capture_output=True).stdout


def expected(algorithm: str) -> list[tuple[str, str, str]]:
    return [(name, algorithm, hashlib.new(algorithm, content).hexdigest()) for name, content in NAMES.items()]


@pytest.mark.parametrize(
    ("program", "algorithm", "options"),
    [
        ("md5sum", "md5", []),
        ("sha1sum", "sha1", ["-b"]),
        ("sha224sum", "sha224", []),
        ("sha256sum", "sha256", []),
        ("sha256sum", "sha256", ["--binary"]),
        ("sha256sum", "sha256", ["--zero"]),
        ("sha256sum", "sha256", ["--tag"]),
        ("sha256sum", "sha256", ["--tag", "--zero"]),
        ("sha384sum", "sha384", ["-z", "-b"]),
        ("sha512sum", "sha512", ["--tag"]),
        ("b2sum", "blake2b", ["--tag"]),
    ],
)
@pytest.mark.program("sha256sum")
@pytest.mark.program("b2sum")
def test_coreutils(folder: Path, program: str, algorithm: str, options: list[str]) -> None:
    content = run(folder, program, *options, "--")
    assert told(content) == expected(algorithm)
    assert kind_of(content) == ("bsd" if "--tag" in options else "gnu")


@pytest.mark.program("b2sum")
def test_b2sum_needs_to_be_told_where_the_digest_does_not_tell(folder: Path) -> None:
    content = run(folder, "b2sum", "--")
    assert told(content, file="B2SUMS") == told(content, algorithm="blake2b") == expected("blake2b")
    assert {algorithm for _, algorithm, _ in told(content)} == {"sha512"}
    short = run(folder, "b2sum", "-l", "256", "--")
    digests = [(name, "blake2b-256", hashlib.blake2b(content, digest_size=32).hexdigest()) for name, content in NAMES.items()]
    assert told(short, algorithm="blake2b") == told(run(folder, "b2sum", "-l", "256", "--tag", "--")) == digests


@pytest.mark.program("cksum")
def test_cksum_writes_tags(folder: Path) -> None:
    assert told(run(folder, "cksum", "-a", "sha256", "--")) == expected("sha256")
    assert told(run(folder, "cksum", "-a", "sha1", "--untagged", "--")) == expected("sha1")


@pytest.mark.program("openssl")
def test_openssl(folder: Path) -> None:
    names = ("plain.img", "with space and  two.img", "a) = b", "sub/deep/file")
    wanted = [(name, algorithm, digest) for name, algorithm, digest in expected("sha256") if name in names]
    assert told(run(folder, "openssl", "dgst", "-sha256", names=names)) == wanted
    assert told(run(folder, "openssl", "dgst", "-r", "-sha256", names=names)) == wanted


@pytest.mark.program("hashdeep")
@pytest.mark.parametrize("options", [["-l"], []])
def test_hashdeep(folder: Path, options: list[str]) -> None:
    for name in ("new\nline", "ends in cr\r"):  # hashdeep 4.4 writes both raw, and a line end cannot be told from a name's
        (folder / name).unlink()
    content = run(folder, "hashdeep", *options, "-c", "md5,sha1,sha256", "-r", names=(".",))
    assert kind_of(content) == "hashdeep"
    reading = list(read_manifest([content], file="sums").promises)
    wanted = {
        (name, algorithm, hashlib.new(algorithm, content).hexdigest(), len(content))
        for name, content in NAMES.items()
        for algorithm in ("md5", "sha1", "sha256")
        if (folder / name).exists()
    }
    assert {(promise.name, promise.algorithm, promise.digest, promise.size) for promise in reading} == wanted


@pytest.mark.program("crc32")
def test_crc32_as_sfv_and_as_it_is(folder: Path) -> None:
    names = ("plain.img", "with space and  two.img", "sub/deep/file")
    lines = [line.split(b"\t") for line in run(folder, "crc32", names=names).splitlines()]
    sfv = b"; made by crc32\r\n" + b"".join(b"%s %s\r\n" % (name, digest.upper()) for digest, name in lines)
    wanted = [(name, "crc32", f"{zlib.crc32(NAMES[name]):08x}") for name in names]
    assert told(sfv) == wanted
    assert kind_of(sfv) == "sfv"
    assert told(sfv.replace(b"/", b"\\")) == wanted


@pytest.mark.program("sha256sum")
def test_what_is_read_is_what_coreutils_checks(folder: Path) -> None:
    content = run(folder, "sha256sum", "--") + run(folder, "sha256sum", "--tag", "--")
    (folder / "mixed").write_bytes(content)
    assert told(content) == expected("sha256") * 2
    subprocess.run(["sha256sum", "--check", "--strict", "mixed"], cwd=folder, check=True, capture_output=True)


@pytest.mark.program("sha256sum")
def test_one_file_may_mix_algorithms(folder: Path) -> None:
    content = run(folder, "md5sum", "--tag", "--") + run(folder, "sha512sum", "--tag", "--") + run(folder, "sha1sum", "--")
    assert told(content) == expected("md5") + expected("sha512") + expected("sha1")
