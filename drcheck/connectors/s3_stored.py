"""
The checksums that S3 keeps with an object, asked for without reading it (`HeadObject` with checksum mode, `GetObjectAttributes`).

An ETag is an MD5 of the content only sometimes: not where a key of KMS or of the customer's own encrypts, and other makers' servers promise nothing.
So one that differs proves nothing, unless Amazon made it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from drcheck.connectors.s3_client import S3Client
from drcheck.errors import AccessDenied, Malformed, Unsupported
from drcheck.model import printable
from drcheck.model.stored import Span, StoredChecksum, StoredPart

ALGORITHMS = {"CRC32": ("crc32", 4), "CRC32C": ("crc32c", 4), "CRC64NVME": ("crc64nvme", 8), "SHA1": ("sha1", 20), "SHA256": ("sha256", 32)}
"""What S3 calls them, what manifests do, and the bytes of a digest."""
COMBINED = frozenset({"crc32", "crc32c", "crc64nvme"})
"""Those whose parts can be put together to the checksum of the whole."""
_PAGES = 10
_COMPOSITE = re.compile(r"([0-9A-Za-z+/=]+)-(\d{1,5})")
_ETAG = re.compile(r"([0-9a-f]{32})(?:-(\d{1,5}))?")


def from_head(head: Mapping[str, Any], *, aws: bool) -> tuple[StoredChecksum, ...]:
    """The checksums in an answer to HeadObject; `aws` says whether Amazon gave it. Raises Malformed."""
    found = []
    kind = head.get("ChecksumType")
    etag = _ETAG.fullmatch(str(head.get("ETag") or "").strip('"'))
    uploaded_in = int(etag[2] or 0) if etag else 0
    for name, (algorithm, length) in ALGORITHMS.items():
        text = str(head.get(f"Checksum{name}") or "")
        if not text:
            continue
        parts = _COMPOSITE.fullmatch(text)
        digest = _digest(parts[1] if parts else text, length)
        # Some servers do not say of which kind it is; of an upload in parts it can be either, and so prove no difference.
        told = bool(kind or parts or not uploaded_in)
        span = Span.COMPOSITE if parts or kind == "COMPOSITE" or not told else Span.FULL
        count = int(parts[2]) if parts else uploaded_in if span is Span.COMPOSITE else 0
        found.append(StoredChecksum(algorithm, digest, span, count=count, sure=told, origin="HeadObject"))
    encrypted = head.get("SSECustomerAlgorithm") or str(head.get("ServerSideEncryption") or "AES256") != "AES256"
    if etag and not encrypted:
        span = Span.COMPOSITE if uploaded_in else Span.FULL
        found.append(StoredChecksum("md5", etag[1], span, count=uploaded_in, sure=aws and not uploaded_in, origin="ETag"))
    return tuple(found)


def with_parts(client: S3Client, key: str, stored: tuple[StoredChecksum, ...]) -> tuple[StoredChecksum, ...]:
    """
    The same, those that can be put together from their parts with these, where the server tells them.

    `key` is the object's name in the bucket. Raises ConnectorError.
    """
    if not any(one.span is Span.COMPOSITE and one.algorithm in COMBINED for one in stored):
        return stored
    try:
        told = _parts(client, key)
    except (AccessDenied, Unsupported):
        return stored  # which can be compared less often then
    return tuple(_with(one, told) if one.span is Span.COMPOSITE and one.algorithm in COMBINED else one for one in stored)


def _with(stored: StoredChecksum, told: list[dict[str, Any]]) -> StoredChecksum:
    name, length = next((name, length) for name, (algorithm, length) in ALGORITHMS.items() if algorithm == stored.algorithm)
    parts = []
    for part in told:
        text, size = str(part.get(f"Checksum{name}") or ""), part.get("Size")
        if not isinstance(size, int):
            return stored
        parts.append(StoredPart(size, _digest(text, length) if text else ""))
    return StoredChecksum(stored.algorithm, stored.digest, stored.span, tuple(parts), stored.count or len(parts), stored.sure, "GetObjectAttributes")


def _parts(client: S3Client, key: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    marker = 0
    for _ in range(_PAGES):
        answer = client.ask(
            "GetObjectAttributes",
            f'asking for the parts of "{printable(key)}"',
            Key=key,
            ObjectAttributes=["ObjectParts"],
            PartNumberMarker=marker or None,
            MaxParts=1000,
        )
        told = (answer or {}).get("ObjectParts") or {}
        found = told.get("Parts") or []
        numbers = [part.get("PartNumber") for part in found]
        if not all(isinstance(number, int) for number in numbers) or sorted({marker, *numbers}) != [marker, *numbers]:
            raise Malformed(f'asking for the parts of "{printable(key)}": they do not come in order')
        parts += found
        if not told.get("IsTruncated"):
            return parts
        if not numbers:
            break
        marker = numbers[-1]
    raise Malformed(f'asking for the parts of "{printable(key)}": there is no end to them')


def _digest(text: str, length: int) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != length:
        raise Malformed(f'the server keeps the checksum "{printable(text)}", which is none')
    return digest.hex()
