"""Checksums that a place keeps with an object. To ask for one is not to read the bytes: it is what the uploader said, or the place computed once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Span(StrEnum):
    """What a stored checksum was computed over."""

    FULL = "full-object"
    COMPOSITE = "composite"
    """Over the digests of the parts that it was uploaded in, one after the other."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of an object, as it was uploaded."""

    size: int
    """Bytes."""
    digest: str
    """Hex; empty where the place does not tell it."""


@dataclass(frozen=True, slots=True)
class StoredChecksum:
    """One checksum that a place keeps with an object."""

    algorithm: str
    """As in manifests: `sha256`, `sha1`, `md5`, `crc32`; `crc32c` and `crc64nvme` besides."""
    digest: str
    """Hex, lower case."""
    span: Span
    parts: tuple[StoredPart, ...] = ()
    """Those of a composite one, in order, where the place tells them."""
    count: int = 0
    """How many parts a composite one has; 0 where that is not told."""
    sure: bool = True
    """Whether another digest means other bytes. False for what is only usually a checksum, such as an ETag."""
    origin: str = ""
    """Where it was found, such as `HeadObject` or `ETag`."""
