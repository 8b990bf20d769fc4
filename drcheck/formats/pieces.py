"""Pieces: what one listed object is to its copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from drcheck.connectors.base import Connector, Entry
from drcheck.errors import Malformed
from drcheck.formats.base import StoredObject
from drcheck.model import printable

_CHECKSUM_FILE = re.compile(
    r".+\.(?:md5|sha1|sha224|sha256|sha384|sha512|b2|b2sum|blake2b|b3|b3sum|blake3|sfv|hashdeep)(?:sums?)?(?:\.txt)?"
    r"|(?:md5|sha1|sha224|sha256|sha384|sha512|b2|blake2b|b3|blake3|check)sums?(?:\.txt)?"
    r"|(?:tag)?manifest-[a-z0-9]+\.txt",
    re.IGNORECASE | re.DOTALL,
)
_CHECKSUM_ENDING = re.compile(
    r"\.(?:md5|sha1|sha224|sha256|sha384|sha512|b2|b2sum|blake2b|b3|b3sum|blake3|sfv|hashdeep)(?:sums?)?(?:\.txt)?", re.IGNORECASE
)
_CHECKSUM_LAST = (
    *("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "b2", "b2sum", "blake2b", "b3", "b3sum", "blake3", "sfv", "hashdeep"),
    *("sum", "sums", ".txt"),
)
"""How the name of every checksum file ends, in the fold of its case."""


class Role(StrEnum):
    """What one object is."""

    PAYLOAD = "payload"
    PARTIAL = "partial"
    """Payload whose name says that it is being written."""
    MARKER = "marker"
    """A marker or stamp of the format."""
    CHECKSUMS = "checksums"
    """A file of checksums beside the data, known by its name."""
    UNRECOGNISED = "unrecognised"


_MARKER, _CHECKSUMS = Role.MARKER, Role.CHECKSUMS  # looked up once: that takes longer than asking


class Piece(NamedTuple):
    """One listed object, and what it is to its copy."""

    entry: Entry
    role: Role
    point: str = ""
    """The id of its recovery point; empty where it belongs to none."""
    time: datetime | None = None
    """The moment that its recovery point's name tells, UTC."""

    def stored(self) -> StoredObject:
        """The object for verification."""
        return StoredObject(self.entry, self.point, auxiliary(self.role))


def listing(connector: Connector, path: str) -> Iterator[Entry]:
    """
    Every object at or below `path`.

    Raises:
        Malformed: a key came twice or out of order. Recovery points are told apart by the order; what cannot be told apart is not guessed.
    """
    previous = b""
    for entry in connector.list(path):
        key = entry.key.encode("utf-8", "surrogateescape")
        if key <= previous:
            raise Malformed(f"the listing of {printable(path) or 'the root'} is not in key order at {printable(entry.key)}")
        previous = key
        yield entry


def auxiliary(role: Role) -> bool:
    """Whether it is a file of the format itself, for which no promise is expected."""
    return role is _MARKER or role is _CHECKSUMS


class Endings:
    """Whether a name, or a folder that it lies in, has one of some endings. Asked in key order: what a folder has is kept for the next name."""

    def __init__(self, endings: tuple[str, ...]) -> None:
        self._endings = endings
        self._known = ("", False)

    def found(self, name: str) -> bool:
        """Whether any part of the name ends so."""
        above, _, last = name.rpartition("/")
        known, inside = self._known
        if above != known:
            inside = any(part.endswith(self._endings) for part in above.split("/"))
            self._known = above, inside
        return inside or last.endswith(self._endings)


def within(key: str, path: str) -> str:
    """The key relative to a copy's path; empty for the path itself."""
    return key[len(path) + 1 :] if path else key


def below(path: str, name: str) -> str:
    """The key of `name` below a copy's path."""
    return f"{path}/{name}" if path and name else path or name


def is_checksum_file(key: str) -> bool:
    """Whether the name is one that files of checksums have: `*.sha256`, `SHA256SUMS`, `manifest-sha512.txt`."""
    # Asked of every object there is: most are told by their last letters already.
    return key[-8:].casefold().endswith(_CHECKSUM_LAST) and _CHECKSUM_FILE.fullmatch(key.rpartition("/")[2]) is not None


def promised_by_name(name: str) -> str:
    """The name that a checksum file's own name is made of: `a.dump` for `a.dump.sha256`; the name itself where it has no such ending."""
    endings = list(_CHECKSUM_ENDING.finditer(name))
    return name[: endings[-1].start()] if endings and endings[-1].end() == len(name) else name


def without_ending(name: str, endings: tuple[str, ...]) -> str:
    """The name without the one of `endings` that it has; empty where it has none or is nothing else."""
    return next((name[: -len(ending)] for ending in endings if name.endswith(ending)), "")
