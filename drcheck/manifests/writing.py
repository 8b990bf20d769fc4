"""
Writers of manifests: lines that the readers here, and the programs that a kind comes from, understand as they are meant.

A name or an algorithm that a kind cannot hold is refused: a line that is read back as something else is a false promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drcheck.errors import ManifestError
from drcheck.manifests import hashdeep
from drcheck.manifests.base import DIGITS, LONGEST_LINE, algorithm_in_name, algorithm_of, digits_of, relative
from drcheck.model import printable

KINDS = ("gnu", "bsd", "hashdeep", "sfv")
ZERO = frozenset({"gnu", "bsd"})
"""Kinds whose lines can end in NUL."""
_HELD = {"hashdeep": frozenset({"md5", "sha1", "sha256"}), "sfv": frozenset({"crc32"})}
_SFV_HEADER = b"; written by drcheck; name, CRC-32\n"
_ESCAPED = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}


@dataclass(frozen=True, slots=True)
class Line:
    """What is promised for one name."""

    name: str
    """The path below the manifest's root, parts joined by `/`; bytes that are not UTF-8 are surrogate escapes."""
    digests: Mapping[str, str]
    """The digest of each algorithm, hex, lower case."""
    size: int | None
    """Bytes, where it is known."""


def insist_on_algorithms(kind: str, algorithms: Iterable[str]) -> None:
    """Raises ManifestError where manifests of `kind` cannot hold digests of these algorithms, or not of all of them."""
    wanted = sorted(algorithms)
    held = _HELD.get(kind, frozenset(wanted) - ({"crc32"} if kind == "gnu" else set()))
    unheld = [algorithm for algorithm in wanted if algorithm not in held]
    if unheld:
        known = ", ".join(sorted(held if kind in _HELD else set(DIGITS) - {"crc32"}))
        raise ManifestError(f"a manifest of kind {kind} cannot hold {', '.join(unheld)}, only {known}")
    if kind == "gnu" and len(wanted) > 1:
        raise ManifestError(f"a manifest of kind gnu holds one algorithm, and these are {' and '.join(wanted)}; bsd holds several")


def insist_on_file_name(kind: str, algorithm: str, file: str) -> None:
    """
    Raises ManifestError where the digests of a manifest called `file` would be read back as those of another algorithm.

    Lines of kind gnu do not say of which algorithm they are: the file's name tells it, or else the digest's length.
    """
    if kind != "gnu":
        return
    named = algorithm_in_name(file)
    try:
        understood = algorithm_of("0" * digits_of(algorithm), named, file, 1)
    except ManifestError:
        understood = named
    if understood != algorithm:
        raise ManifestError(
            f"{printable(file)}: would be read as {understood}, for lines of kind gnu do not say that they are {algorithm}; "
            f"let the file's name say it, such as NAME.{algorithm.partition('-')[0] if algorithm.startswith('blake2b') else algorithm}, "
            "or choose the kind bsd"
        )


def written_name(name: str, kind: str, *, zero: bool = False) -> bytes:
    """
    The name as a line of this kind spells it, without escapes.

    Raises:
        ManifestError: no reader of the kind would understand it as it is meant.
    """
    held = _below_the_root(name)
    if kind == "hashdeep":
        held = held if held.startswith("./") else f"./{held}"  # as `hashdeep -l -r .` writes it; its audit compares names as they are spelt
    elif kind == "sfv" and name.startswith(";"):
        held = f"./{name}"
    raw = held.encode("utf-8", "surrogateescape")
    if kind not in ZERO and re.search(rb"[\r\n]", raw):
        raise _refused(name, kind, "has a line end in it")
    if kind == "sfv" and (b"\\" in raw or raw != raw.rstrip(b" \t")):
        raise _refused(name, kind, "has a backslash in it, or ends with a space")
    # Room for the digests, and for every byte being escaped.
    if len(raw) * (1 if zero else 2) > LONGEST_LINE - 1024:
        raise _refused(name, kind, "is too long")
    return raw


def written(lines: Iterable[Line], *, kind: str, algorithms: Iterable[str], zero: bool = False) -> Iterator[bytes]:
    """
    The bytes of a manifest, a line at a time.

    Args:
        algorithms: whose digests are written; each line has them all.
        zero: whether lines end in NUL and nothing is escaped.

    Raises:
        ManifestError: the kind cannot hold a name or a digest, or a line lacks a digest or the size that the kind needs.
    """
    chosen = tuple(sorted(algorithms))
    insist_on_algorithms(kind, chosen)
    if zero and kind not in ZERO:
        raise ManifestError(f"lines of kind {kind} cannot end in NUL; leave --zero out, or choose gnu or bsd")
    if kind == "hashdeep":
        yield hashdeep.MAGIC + b"\n%%%% size," + ",".join(chosen).encode() + b",filename\n"
    elif kind == "sfv":
        yield _SFV_HEADER
    for line in lines:
        lacking = [algorithm for algorithm in chosen if algorithm not in line.digests]
        if lacking and (kind != "bsd" or len(lacking) == len(chosen)):
            raise ManifestError(f"nothing of {', '.join(lacking)} is promised for {printable(line.name)}, so its line cannot be written")
        name = written_name(line.name, kind, zero=zero)
        if kind == "hashdeep":
            if line.size is None:
                raise ManifestError(f"a hashdeep line holds the size, and that of {printable(line.name)} is not promised; choose another kind")
            yield b"%d,%s,%s\n" % (line.size, ",".join(line.digests[algorithm] for algorithm in chosen).encode(), name)
        elif kind == "sfv":
            yield b"%s %s\n" % (name, line.digests["crc32"].encode())
        else:
            escaped = name if zero else re.sub(rb"[\\\n\r]", lambda match: _ESCAPED[match[0]], name)
            mark, end = b"\\" if escaped != name else b"", b"\0" if zero else b"\n"
            for algorithm in chosen:
                digest = line.digests.get(algorithm, "").encode()
                if digest and kind == "gnu":
                    yield b"%s%s  %s%s" % (mark, digest, escaped, end)
                elif digest:
                    yield b"%s%s (%s) = %s%s" % (mark, _tag(algorithm), escaped, digest, end)


def _tag(algorithm: str) -> bytes:
    # As coreutils, b3sum and OpenSSL spell them.
    return (algorithm.replace("blake2b", "BLAKE2b") if algorithm.startswith("blake2b") else algorithm.upper()).encode()


def _below_the_root(name: str) -> str:
    """The name in a spelling that the readers take for it: `-` is a pipe, and `./-` a file."""
    for spelling in (name, f"./{name}"):
        try:
            if relative(spelling, "", 0) == name:
                return spelling
        except ManifestError:
            continue
    raise _refused(name, "any", "is no path below a folder, such as one with .. or // in it")


def _refused(name: str, kind: str, why: str) -> ManifestError:
    return ManifestError(f'a manifest of {"any kind" if kind == "any" else f"kind {kind}"} cannot hold the name "{printable(name)}": it {why}')
