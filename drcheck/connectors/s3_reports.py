"""
Reading the reports that S3 writes into a bucket: their manifests, and CSV files of any length in constant memory.

Whoever can write to that bucket can write anything there, so every size is bounded and every checksum is compared. They show accidents, never
attacks: MD5 is all that S3 gives.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from drcheck.connectors.s3_client import S3Client
from drcheck.connectors.s3_options import Folder
from drcheck.errors import Malformed, Unreachable
from drcheck.model import printable

MOST_MANIFEST = 16 * 2**20
"""Bytes of the largest manifest that is read."""
MOST_FILES = 100_000
MOST_BYTES = 2**40
"""Bytes of the largest file of a report that is read."""
MOST_LINE = 2**20
"""Bytes of the longest line of a report, and of the longest row, which quoted line ends can spread over many lines."""
RATIO = 200
"""How many times larger than its compressed file a report may be. Reports come to about ten times; what bombs come to is a thousand."""
_CHUNK = 2**18
_PAGES = 100
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


def folders(client: S3Client, at: Folder, wanted: re.Pattern[str]) -> list[str]:
    """The names of the folders right below `at` that look as wanted, in order. Raises ConnectorError."""
    found: list[str] = []
    token = ""
    for _ in range(_PAGES):
        page = client.page(at.prefix, delimiter="/", token=token, size=1000, at=at)
        names = (folder[len(at.prefix) :].rstrip("/") for folder in page.folders if folder.startswith(at.prefix))
        found += [name for name in names if wanted.fullmatch(name)]
        if not page.truncated:
            return sorted(found)
        token = page.token
    raise Malformed(f"listing {printable(str(at))}: there is no end to it; name the folder of the reports themselves")


def small(client: S3Client, at: Folder, key: str, most: int) -> bytes | None:
    """The content of one small object; None where it is not there. Raises ConnectorError, Malformed where it is larger than `most` bytes."""
    answer = client.ask("GetObject", f'reading "{printable(key)}"', absent={"NoSuchKey"}, at=at, Key=key)
    if answer is None:
        return None
    return b"".join(_chunks(client, at, key, answer, most))


def manifest(content: bytes, name: str) -> dict[str, Any]:
    """The JSON object in a manifest. Raises Malformed."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed(f"{name}: is not JSON") from None
    if not isinstance(parsed, dict):
        raise Malformed(f"{name}: is not what S3 writes there")
    return parsed


def is_md5(text: object) -> bool:
    """Whether it is an MD5 in hexadecimal digits."""
    return isinstance(text, str) and _MD5.fullmatch(text) is not None


def rows(client: S3Client, at: Folder, key: str, *, md5: str, size: int | None, packed: bool) -> Iterator[list[str]]:
    """
    The rows of one CSV file of a report, in their order.

    What was given is not to be used before the last one is reached: only then are size and MD5 known to be right. Raises ConnectorError.

    Args:
        at: the bucket that it lies in.
        size: its bytes, where the manifest tells them.
        packed: whether it is compressed with gzip.
    """
    name = f"s3://{at.bucket}/{printable(key)}"
    answer, length = _opened(client, at, key, size)
    seen = hashlib.md5(usedforsecurity=False)
    content = _noted(_chunks(client, at, key, answer, length), seen.update)
    plain = _unpacked(content, name, length) if packed else content
    lines = _Lines(plain, name)
    try:
        for row in csv.reader(lines, strict=True):
            lines.row = 0
            yield row
    except csv.Error as error:
        raise Malformed(f"{name}: is not CSV ({error})") from None
    for _ in content:
        pass  # what is behind the end of the compressed part counts for the MD5
    _compare(seen.hexdigest(), md5, name)


def chunks(client: S3Client, at: Folder, key: str, *, md5: str, size: int) -> Iterator[bytes]:
    """The bytes of one file of a report. Not to be used before the last one, as in `rows`. Raises ConnectorError."""
    answer, length = _opened(client, at, key, size)
    seen = hashlib.md5(usedforsecurity=False)
    yield from _noted(_chunks(client, at, key, answer, length), seen.update)
    _compare(seen.hexdigest(), md5, f"s3://{at.bucket}/{printable(key)}")


def _opened(client: S3Client, at: Folder, key: str, size: int | None) -> tuple[dict[str, Any], int]:
    """The answer that a file's bytes come in, and how many they are to be."""
    name = f"s3://{at.bucket}/{printable(key)}"
    answer = client.ask("GetObject", f"reading {name}", absent={"NoSuchKey"}, at=at, Key=key)
    if answer is None:
        raise Malformed(f"{name}: is not there, though its manifest names it")
    length = answer.get("ContentLength")
    if not isinstance(length, int) or length > MOST_BYTES:
        raise Malformed(f"{name}: its size is not told, or is larger than {MOST_BYTES} bytes")
    if size is not None and length != size:
        answer["Body"].close()
        raise Malformed(f"{name}: has {length} bytes, and its manifest says {size}; let the report be made again")
    return answer, length


def _compare(found: str, promised: str, name: str) -> None:
    if found != promised.lower():
        raise Malformed(f"{name}: has the MD5 {found}, and its manifest says {promised.lower()}; let the report be made again")


def _chunks(client: S3Client, at: Folder, key: str, answer: dict[str, Any], most: int) -> Iterator[bytes]:
    from botocore.exceptions import IncompleteReadError, ResponseStreamingError

    from drcheck.connectors.s3_errors import RAISED

    what, body, seen = f"reading s3://{at.bucket}/{printable(key)}", answer["Body"], 0
    length = answer.get("ContentLength")
    try:
        while True:
            client.tick()
            try:
                chunk = body.read(_CHUNK)
            except (IncompleteReadError, ResponseStreamingError):
                raise Unreachable(f"{what}: it ended after {seen} of {length} bytes") from None
            except RAISED as error:
                raise client.explain(error, what, at) from None
            if not chunk:
                break
            seen += len(chunk)
            if seen > most:
                raise Malformed(f"{what}: is larger than {most} bytes")
            yield chunk
    finally:
        body.close()
    if length not in (None, seen):
        raise Unreachable(f"{what}: it ended after {seen} of {length} bytes")


def _noted(chunks: Iterable[bytes], note: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in chunks:
        note(chunk)
        yield chunk


def _unpacked(chunks: Iterable[bytes], name: str, length: int) -> Iterator[bytes]:
    """What gzip members hold, one after the other (RFC 1952), a bounded piece at a time."""
    most, seen = RATIO * length + MOST_LINE, 0
    member = zlib.decompressobj(wbits=31)
    begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise Malformed(f"{name}: cannot be unpacked ({error})") from None
            begun = True
            seen += len(piece)
            if seen > most:
                raise Malformed(f"{name}: comes to more than {RATIO} times its size when it is unpacked")
            if piece:
                yield piece
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not begun or not member.eof:
        raise Malformed(f"{name}: its compressed content ends early")


class _Lines:
    """
    The lines of a file, without their ends.

    Attributes:
        row: characters of the row that is being read. Whoever takes a row sets it to 0.
    """

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        self.row = 0
        self._chunks = chunks
        self._name = name

    def __iter__(self) -> Iterator[str]:
        rest = b""
        for chunk in self._chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > MOST_LINE:
                raise Malformed(f"{self._name}: has a line of more than {MOST_LINE} bytes")
            for line in whole:
                yield self._counted(line)
        if rest:
            yield self._counted(rest)

    def _counted(self, line: bytes) -> str:
        self.row += len(line) + 1
        if self.row > MOST_LINE + 1:
            raise Malformed(f"{self._name}: has a row of more than {MOST_LINE} bytes")
        return _text(line, self._name)


def _text(line: bytes, name: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{name}: holds what is not UTF-8") from None
