"""
What every reader of promised checksums shares: the promise, the algorithms, bounded lines, and names that stay below their root.

Readers are pure: they are given the chunks of a manifest and yield promises, whatever it says. A manifest is written by others, and whoever can
write to a target can write one there: lines and files are bounded, and arbitrary bytes raise nothing but `ManifestError`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from drcheck.digests import has_blake3
from drcheck.errors import ManifestError
from drcheck.model import WEAK_ALGORITHMS, printable

LONGEST_LINE = 64 * 1024
"""Bytes. The longest path of any common system is 32 KiB (Windows, in UTF-16 units) and of an S3 key 1 KiB."""
LARGEST = 4 * 1024**3
"""Bytes. Some 20 million lines; a larger file is not a manifest."""

DIGITS = {
    "crc32": 8,
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3-224": 56,
    "sha3-256": 64,
    "sha3-384": 96,
    "sha3-512": 128,
    "blake3": 64,
}
"""Hex digits of each algorithm's digest. `blake2b` (512 bits) and `blake2b-N` (N bits, a multiple of 8) are known besides."""

_BY_DIGITS = {8: "crc32", 32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_LEAST_BLAKE2_BITS = 224
_BLAKE2 = re.compile(r"blake2b(?:-(\d{1,3}))?")
_IN_NAMES = re.compile(
    r"sha3[-_]?(?:224|256|384|512)|sha[-_]?(?:224|256|384|512|1)(?!\d)|md5|blake3|b3sum|\.b3$|blake2b?|b2sum|\.b2$|crc[-_]?32(?!c)"
)
_OTHER_CRC = re.compile(r"crc[-_]?(?:32c|64)(?:[-_]?nvme)?")
_PLAIN = re.compile(r"(?:\w[^/\\:\0]*/)*\w[^/\\:\0.]*(?:\.\w+)*")
"""Names that nothing can be wrong with, as almost all are: no part begins with a dot or is empty, and there is no drive letter."""
_WINDOWS = os.sep == "\\"
_BAD_START = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Promise:
    """One promised checksum."""

    name: str
    """The path below the manifest's root, parts joined by `/`; bytes that are not UTF-8 are surrogate escapes."""
    algorithm: str
    """A key of `DIGITS`, `blake2b` or `blake2b-N`."""
    digest: str
    """Hex, lower case."""
    size: int | None
    """Bytes, where the manifest says it."""
    line: int
    spelt: str = ""
    """The name before percent-decoding, where that changed it: some writers do not encode, and mean it literally."""


def error(file: str, line: int, what: str, remedy: str) -> ManifestError:
    """The error for one line: which file and line, what is wrong, what to do."""
    return ManifestError(f"{printable(file)}: line {line}: {what}; {remedy}")


def lines(chunks: Iterable[bytes], file: str, end: bytes = b"\n") -> Iterator[tuple[int, bytes]]:
    """
    The numbered lines of a manifest, without their ends and without a UTF-8 byte-order mark.

    Where the first line ends in CR LF, a CR at the end of every line is part of the line's end; otherwise it is part of the name.

    Raises:
        ManifestError: a line or the file is too large, or it is UTF-16.
    """
    windows = False
    for number, content in enumerate(_split(chunks, file, end), 1):
        line = content
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ManifestError(f"{printable(file)}: is written in UTF-16; write it again as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
            windows = end == b"\n" and line.endswith(b"\r")
        yield number, line.removesuffix(b"\r") if windows else line


def _split(chunks: Iterable[bytes], file: str, end: bytes) -> Iterator[bytes]:
    rest, total = b"", 0
    for chunk in chunks:
        total += len(chunk)
        if total > LARGEST:
            raise ManifestError(f"{printable(file)}: is larger than {LARGEST} bytes; split it, or name the right file")
        *whole, rest = (rest + chunk).split(end)
        for line in (*whole, rest):
            if len(line) > LONGEST_LINE:
                raise ManifestError(f"{printable(file)}: has a line longer than {LONGEST_LINE} bytes; it is no manifest, name the right file")
        yield from whole
    if rest:
        yield rest


def text(name: bytes) -> str:
    """A name as drcheck keeps it: UTF-8, with surrogate escapes for bytes that are not."""
    return name.decode("utf-8", "surrogateescape")


def relative(name: str, file: str, line: int) -> str:
    """
    The name without `./` and doubled slashes.

    Raises:
        ManifestError: it is absolute, has a drive letter, contains `..` or NUL, or names a folder or nothing.
    """
    if _PLAIN.fullmatch(name):
        return name
    shown = f'"{printable(name)}"'
    parts = [part for part in name.split("/") if part not in ("", ".")]
    # ./ before a backslash or a letter with a colon says that they are part of a file's name, which no file of Windows can have.
    if _BAD_START.match(name) or (_WINDOWS and _BAD_START.match("/".join(parts))):
        raise error(
            file, line, f"the name {shown} is absolute", "names must be relative to the folder of the data; write the manifest from inside it"
        )
    if ".." in re.split(r"[/\\]", name):
        raise error(file, line, f"the name {shown} contains .. and could leave its folder", "write the manifest from inside the folder of the data")
    if name == "-":
        raise error(file, line, "the name - is that of a pipe", "write the manifest again with the name of the file")
    if "\0" in name:
        raise error(file, line, f"the name {shown} contains a NUL byte", "no file can be called that; write the manifest again")
    if not parts or name.endswith(("/", "/.")):
        raise error(file, line, f"the name {shown} names no file", "write the manifest again; every line needs the name of a file")
    return "/".join(parts)


def known_algorithm(word: str) -> str:
    """The algorithm that a tag, option or file name means, such as `sha256` for `SHA2-256`; empty where it is unknown."""
    plain = word.lower().replace("_", "-")
    plain = re.sub(r"^sha-?2?-(?=\d)", "sha", plain)
    plain = re.sub(r"^sha3-?(?=\d)", "sha3-", plain)
    plain = {
        "crc-32": "crc32",
        "b2sum": "blake2b",
        ".b2": "blake2b",
        "blake2": "blake2b",
        "blake2b-512": "blake2b",
        "b3sum": "blake3",
        ".b3": "blake3",
    }.get(plain, plain)
    if plain in DIGITS:
        return plain
    match = _BLAKE2.fullmatch(plain)
    if match and (match[1] is None or (int(match[1]) % 8 == 0 and 8 <= int(match[1]) <= 512)):
        return plain
    return ""


def digits_of(algorithm: str) -> int:
    """How many hex digits a digest of this known algorithm has."""
    match = _BLAKE2.fullmatch(algorithm)
    if match:
        return int(match[1] or 512) // 4
    return DIGITS[algorithm]


@lru_cache(maxsize=256)
def algorithm_in_name(file: str) -> str:
    """
    The one algorithm that a manifest's own name speaks of, such as `sha256` for `SHA256SUMS`; empty where it names none or several. A CRC that object
    stores use, `crc32c` or `crc64nvme`, is named too, though no manifest's digests are held against it.
    """
    base = re.split(r"[/\\]", file.lower())[-1]
    found = {known_algorithm(word) for word in _IN_NAMES.findall(base)} | {*_OTHER_CRC.findall(base)}
    return found.pop() if len(found) == 1 else ""


def algorithm_of(digest: str, told: str, file: str, line: int) -> str:
    """
    The algorithm of a digest whose line does not say: what the estate `told`, else what the file's name says, else by its length.

    Raises:
        ManifestError: what is said does not fit the digest's length, or nothing has that length.
    """
    said = told or algorithm_in_name(file)
    count = len(digest)
    if _OTHER_CRC.fullmatch(said):
        # As long as other digests are: taken for one of them, every good object would be called bad.
        remedy = "write it with sha256sum, or set `algorithm` of this copy's manifest if its name misleads"
        raise error(file, line, f"its file name says {said}, which drcheck does not compute of what a manifest names", remedy)
    if said == "blake2b":
        if count % 2 == 0 and 2 <= count <= 128:
            return "blake2b" if count == 128 else f"blake2b-{count * 4}"
        raise error(file, line, f"the digest has {count} digits, which no BLAKE2b digest has", "the line may be cut short; write the manifest again")
    if said and digits_of(said) != count:
        by = "the estate" if told else "its file name"
        raise error(
            file,
            line,
            f"the digest has {count} digits, but it is {said} according to {by}, which has {digits_of(said)}",
            "write the manifest again, or set `algorithm` of this copy's manifest",
        )
    algorithm = said or _BY_DIGITS.get(count, "")
    if not algorithm:
        raise error(file, line, f"a digest of {count} digits belongs to no known algorithm", "the line may be cut short; write the manifest again")
    return algorithm


def insist_on_blake3(file: str) -> None:
    """Raises ManifestError where BLAKE3 cannot be computed here: a promise that cannot be checked is not dropped."""
    if not has_blake3():
        raise ManifestError(f"{printable(file)}: promises BLAKE3 digests, which need an extra; install it: pip install 'drcheck[blake3]'")


def is_weak(algorithm: str) -> bool:
    """Whether a match of this algorithm shows that there was no accident, but not that there was no attack."""
    match = _BLAKE2.fullmatch(algorithm)
    if match:
        # Half the bits resist collisions; 112 of them is NIST's floor (SP 800-57 part 1).
        return int(match[1] or 512) < _LEAST_BLAKE2_BITS
    return algorithm in WEAK_ALGORITHMS
