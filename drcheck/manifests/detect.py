"""Telling one kind of manifest from another, and reading it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from drcheck.errors import ManifestError
from drcheck.manifests import bagit, bsd, gnu, hashdeep, sfv
from drcheck.manifests.base import LONGEST_LINE, Promise, error, insist_on_blake3, lines
from drcheck.model import printable

_SUMS = ("gnu", "bsd")


@dataclass(frozen=True, slots=True)
class Reading:
    """A manifest about to be read."""

    kind: str
    """`gnu`, `bsd`, `sfv`, `hashdeep` or `bagit`."""
    promises: Iterator[Promise]
    """At least one; duplicates included. Raises `ManifestError` where something is not understood: then none of them count."""


def read_manifest(chunks: Iterable[bytes], *, file: str, kind: str = "auto", algorithm: str = "", about: str = "") -> Reading:
    """
    The promises of one manifest, streamed.

    Args:
        chunks: its bytes, in chunks of any size.
        file: its name, for messages and for the algorithm that it may speak of.
        kind: `auto`, or the kind that the estate names. `gnu` and `bsd` lines may be mixed, as GNU's own `--check` allows.
        algorithm: the algorithm, for lines that do not say.
        about: the object that a lone digest speaks of; empty where there can be none.

    Raises:
        ManifestError: it is empty, or its kind cannot be told. Whatever `chunks` raises passes through.
    """
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) > LONGEST_LINE:
            break
    if not head.strip():
        raise ManifestError(f"{printable(file)}: is empty and promises nothing; write it again")
    found = kind if kind != "auto" else detect(head, file, about)
    whole = chain([head], rest)
    promises: Iterator[Promise]
    if found == "sfv":
        promises = sfv.read(whole, file)
    elif found == "hashdeep":
        promises = hashdeep.read(whole, file)
    elif found == "bagit":
        promises = _bag_manifest(whole, file)
    else:
        promises = _sums(whole, file, b"\0" if b"\0" in head else b"\n", algorithm, about)
    return Reading(found, _some(promises, file))


def detect(head: bytes, file: str, about: str = "") -> str:
    """
    The kind of the manifest that begins with `head`, from its first line that is no comment.

    Raises:
        ManifestError: it looks like none that is known.
    """
    zero = b"\0" in head
    for number, line in lines([head[: 2 * LONGEST_LINE]], file, b"\0" if zero else b"\n"):
        if number == 1 and line.rstrip() == hashdeep.MAGIC:
            return "hashdeep"
        if line.startswith(b";"):
            return "sfv"
        if not line.strip() or line.startswith(b"#"):
            continue
        content = line.lstrip(b" \t")
        if re.match(rb"\\?[0-9A-Fa-f]{32,} [ *].", content, re.DOTALL) or (about and re.fullmatch(rb"[0-9A-Fa-f]{8,}", content)):
            return "gnu"
        if re.match(rb"\\?[A-Za-z][A-Za-z0-9/-]* ?\(.+\) ?= [0-9A-Fa-f]+", content, re.DOTALL):
            return "bsd"
        if not zero and sfv.parted(line):
            return "sfv"
        if re.match(rb"\\?[0-9A-Fa-f]+ [ *].", content, re.DOTALL):
            return "gnu"
        raise error(file, number, "looks like no known kind of manifest", "write it with sha256sum, or set `kind` of this copy's manifest")
    raise ManifestError(f"{printable(file)}: holds comments only and promises nothing; write it again")


def _sums(chunks: Iterable[bytes], file: str, end: bytes, algorithm: str, about: str) -> Iterator[Promise]:
    escapes = end == b"\n"
    for number, line in lines(chunks, file, end):
        content = line.lstrip(b" \t")
        if not content.strip() or content.startswith(b"#"):
            continue
        promise = gnu.parse(content, file=file, number=number, told=algorithm, escapes=escapes, about=about)
        promise = promise or bsd.parse(content, file=file, number=number, escapes=escapes)
        if promise is None:
            raise error(
                file, number, "is neither `digest  name` nor `ALGORITHM (name) = digest`", "the line may be cut short; write the manifest again"
            )
        yield promise


def _bag_manifest(chunks: Iterable[bytes], file: str) -> Iterator[Promise]:
    """One manifest of a bag that is kept away from it, so that its `bagit.txt` is not at hand."""
    found = bagit.manifest_of(re.split(r"[/\\]", file)[-1])
    if found is None:
        raise ManifestError(f"{printable(file)}: a bag's manifest is called manifest-ALGORITHM.txt; rename it, or set `kind` of this copy's manifest")
    tag, algorithm = found
    yield from bagit.read_manifest(chunks, file, algorithm, tag=tag, declaration=bagit.Declaration())


def _some(promises: Iterator[Promise], file: str) -> Iterator[Promise]:
    known = empty = True
    for promise in promises:
        if promise.algorithm == "blake3" and known:
            insist_on_blake3(file)
            known = False
        empty = False
        yield promise
    if empty:
        raise ManifestError(f"{printable(file)}: promises nothing; write it again")
