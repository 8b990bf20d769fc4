"""Manifests that are written are read back as they were meant, here and by the programs that their kinds come from."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.digests import hasher
from drcheck.errors import ManifestError
from drcheck.manifests import read_manifest
from drcheck.manifests.base import digits_of, relative
from drcheck.manifests.writing import Line, insist_on_file_name, written, written_name

NAMES = {
    "plain.img": b"one",
    "with space and  two.img": b"two",
    "new\nline": b"three",
    "ends in cr\r": b"four",
    "back\\slash\\n": b"five",
    "\\begins with one": b"five and a half",
    "a) = b": b"six",
    "*star": b"seven",
    "-dash": b"eight",
    "-": b"nine",
    "# hash": b"ten",
    "; semicolon, comma": b"eleven",
    " begins with a space": b"twelve",
    "Röntgen-中文": b"thirteen",
    "not utf-8 \udcff": b"fourteen",
    "\ufeffbyte-order mark": b"fifteen",
    "sub/deep/file": b"sixteen",
    "C:/drive": b"seventeen",
    "empty": b"",
    "0123abcd": b"eighteen",
    "0123456789abcdef0123456789abcdef  x": b"nineteen",
}
ON_ONE_LINE = {name: content for name, content in NAMES.items() if "\n" not in name and "\r" not in name}


def hexdigest(algorithm: str, content: bytes) -> str:
    each = hasher(algorithm)
    each.update(content)
    return each.hexdigest()


def lines(files: dict[str, bytes], *algorithms: str) -> list[Line]:
    return [Line(name, {each: hexdigest(each, content) for each in algorithms}, len(content)) for name, content in files.items()]


def manifest(files: dict[str, bytes], kind: str, *algorithms: str, zero: bool = False) -> bytes:
    return b"".join(written(lines(files, *algorithms), kind=kind, algorithms=algorithms, zero=zero))


def promised(content: bytes, file: str = "SUMS") -> set[tuple[str, str, str, int | None]]:
    return {(each.name, each.algorithm, each.digest, each.size) for each in read_manifest([content], file=file).promises}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in NAMES.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(content)
    return tmp_path / "data"


NAME = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name).map(lambda name: name.decode("utf-8", "surrogateescape"))
FORMS = st.sampled_from(
    [
        ("gnu", ("sha256",), False),
        ("gnu", ("sha512",), True),
        ("gnu", ("md5",), False),
        ("bsd", ("sha256",), False),
        ("bsd", ("blake2b", "md5", "sha3-256"), False),
        ("bsd", ("blake2b-256", "blake3", "crc32"), True),
        ("hashdeep", ("md5", "sha1", "sha256"), False),
        ("hashdeep", ("sha256",), False),
        ("sfv", ("crc32",), False),
    ]
)


@settings(max_examples=600)
@given(names=st.lists(NAME, min_size=1, max_size=5, unique=True), form=FORMS, step=st.integers(1, 64))
def test_what_is_written_is_read_back_or_refused(names: list[str], form: tuple[str, tuple[str, ...], bool], step: int) -> None:
    kind, algorithms, zero = form
    kept = []
    for name in names:
        try:
            written_name(name, kind, zero=zero)
        except ManifestError:
            assert not understood(name) or kind in ("hashdeep", "sfv")
        else:
            kept.append(name)
    if not kept:
        return
    wanted = [Line(name, {each: "ab" * (digits_of(each) // 2) for each in algorithms}, number) for number, name in enumerate(kept)]
    content = b"".join(written(wanted, kind=kind, algorithms=algorithms, zero=zero))
    reading = read_manifest((content[start : start + step] for start in range(0, len(content), step)), file="SUMS")
    found = list(reading.promises)
    assert reading.kind == kind
    assert sorted((each.name, each.algorithm) for each in found) == sorted((name, each) for name in kept for each in algorithms)
    if kind == "hashdeep":
        assert {each.name: each.size for each in found} == {line.name: line.size for line in wanted}


def understood(name: str) -> bool:
    """Whether a name can be promised at all, if need be as `./name`."""
    for spelling in (name, f"./{name}"):
        try:
            if relative(spelling, "x", 1) == name:
                return True
        except ManifestError:
            continue
    return False


@pytest.mark.program("sha256sum")
@pytest.mark.parametrize(
    ("program", "kind", "algorithm"), [("sha256sum", "gnu", "sha256"), ("sha512sum", "gnu", "sha512"), ("sha256sum", "bsd", "sha256")]
)
def test_coreutils_checks_it(folder: Path, tmp_path: Path, program: str, kind: str, algorithm: str) -> None:
    sums = tmp_path / "sums"
    sums.write_bytes(manifest(NAMES, kind, algorithm))
    check = [program, "--check", "--strict", "--quiet", str(sums)]
    done = subprocess.run(check, cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (folder / "plain.img").write_bytes(b"two")
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 1


@pytest.mark.program("sha256sum")
@pytest.mark.parametrize(("kind", "zero"), [("gnu", False), ("gnu", True), ("bsd", False), ("bsd", True)])
def test_it_is_what_coreutils_writes(folder: Path, kind: str, zero: bool) -> None:
    names = [name for name in NAMES if name not in ("-", "C:/drive", "\\begins with one")]  # those are written as ./name
    options = ["--tag"] * (kind == "bsd") + ["--zero"] * zero
    done = subprocess.run(["sha256sum", *options, "--", *names], cwd=folder, capture_output=True, check=True)
    assert manifest({name: NAMES[name] for name in names}, kind, "sha256", zero=zero) == done.stdout


@pytest.mark.program("b2sum")
def test_b2sum_checks_tags(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sums").write_bytes(manifest(NAMES, "bsd", "blake2b"))
    subprocess.run(["b2sum", "--check", "--strict", "--quiet", str(tmp_path / "sums")], cwd=folder, capture_output=True, check=True)
    assert hexdigest("blake2b", b"x") == hashlib.blake2b(b"x").hexdigest()


@pytest.mark.program("hashdeep")
def test_hashdeep_audits_it(folder: Path, tmp_path: Path) -> None:
    for name in NAMES.keys() - ON_ONE_LINE.keys():
        (folder / name).unlink()
    known = tmp_path / "known"
    known.write_bytes(manifest(ON_ONE_LINE, "hashdeep", "md5", "sha256"))
    audit = ["hashdeep", "-l", "-a", "-r", "-k", str(known), "."]
    done = subprocess.run(audit, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    (folder / "plain.img").write_bytes(b"two")
    assert subprocess.run(audit, cwd=folder, capture_output=True, check=False).returncode != 0


@pytest.mark.program("crc32")
def test_sfv_holds_what_crc32_says(folder: Path) -> None:
    names = ("plain.img", "sub/deep/file", "0123abcd")
    said = subprocess.run(["crc32", *names], cwd=folder, capture_output=True, check=True).stdout.decode()
    digests = {line.partition("\t")[2]: line.partition("\t")[0] for line in said.splitlines()}
    assert promised(manifest({name: NAMES[name] for name in names}, "sfv", "crc32")) == {
        (name, "crc32", digest, None) for name, digest in digests.items()
    }
    assert digests["plain.img"] == f"{zlib.crc32(b'one'):08x}"


@pytest.mark.parametrize(
    ("kind", "algorithms", "says"),
    [
        ("sfv", ("sha256",), "kind sfv cannot hold sha256, only crc32"),
        ("hashdeep", ("sha512",), "kind hashdeep cannot hold sha512, only md5, sha1, sha256"),
        ("gnu", ("crc32",), "kind gnu cannot hold crc32"),
        ("gnu", ("md5", "sha256"), "holds one algorithm, and these are md5 and sha256"),
    ],
)
def test_an_algorithm_that_a_kind_cannot_hold_is_refused(kind: str, algorithms: tuple[str, ...], says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        manifest({"a": b"a"}, kind, *algorithms)


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("new\nline", "hashdeep", "line end"),
        ("car\rriage", "sfv", "line end"),
        ("back\\slash", "sfv", "backslash"),
        ("ends in space ", "sfv", "ends with a space"),
        ("a/../b", "gnu", "no path below a folder"),
        ("a//b", "gnu", "no path below a folder"),
        ("folder/", "bsd", "no path below a folder"),
        ("", "gnu", "no path below a folder"),
        ("x" * 40_000, "gnu", "too long"),
    ],
)
def test_a_name_that_a_kind_cannot_hold_is_refused(name: str, kind: str, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        written_name(name, kind)


def test_a_line_that_lacks_something_is_refused() -> None:
    line = Line("a", {"md5": "0" * 32}, None)
    with pytest.raises(ManifestError, match="nothing of sha256 is promised for a"):
        list(written([line], kind="gnu", algorithms=["sha256"]))
    with pytest.raises(ManifestError, match="holds the size"):
        list(written([line], kind="hashdeep", algorithms=["md5"]))
    with pytest.raises(ManifestError, match="cannot end in NUL"):
        list(written([line], kind="hashdeep", algorithms=["md5"], zero=True))


@pytest.mark.parametrize(
    ("algorithm", "file"), [("sha256", "x"), ("sha512", "x.sums"), ("blake2b", "B2SUMS"), ("blake3", "x.blake3"), ("blake3", "x.b3")]
)
def test_a_file_name_that_tells_the_algorithm(algorithm: str, file: str) -> None:
    insist_on_file_name("gnu", algorithm, file)
    content = manifest({"a": b"a"}, "gnu", algorithm)
    assert promised(content, file) == {("a", algorithm, hexdigest(algorithm, b"a"), None)}


@pytest.mark.parametrize(
    ("algorithm", "file"), [("blake2b", "x"), ("blake3", "x.sums"), ("sha512", "SHA256SUMS"), ("sha3-256", "x"), ("sha256", "B2SUMS")]
)
def test_a_file_name_with_which_digests_would_be_misread_is_refused(algorithm: str, file: str) -> None:
    insist_on_file_name("bsd", algorithm, file)
    with pytest.raises(ManifestError, match=f"do not say that they are {algorithm}"):
        insist_on_file_name("gnu", algorithm, file)
