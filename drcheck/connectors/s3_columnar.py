"""
Files of S3 Inventory in Apache Parquet and Apache ORC, with the extra `inventory`.

They cannot be read as they come, because what stands at their end says where everything is: each is put into a temporary file without a name, its
size and MD5 are compared, and a process of its own reads it (drcheck/connectors/columnar_worker.py). Columns and their types are those of the S3
User Guide, "Locating your inventory list"; keys are not URL-encoded there, as they are in CSV ("Amazon S3 Inventory list").
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from drcheck.connectors import columnar_worker as worker
from drcheck.connectors import s3_reports as reports
from drcheck.connectors.s3_client import S3Client
from drcheck.connectors.s3_options import Folder
from drcheck.errors import ConnectorError, Malformed, Unsupported
from drcheck.model import printable

FORMATS = ("Parquet", "ORC")
CANONICAL: Mapping[str, str] = {
    "bucket": "Bucket",
    "key": "Key",
    "version_id": "VersionId",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
    "size": "Size",
    "last_modified_date": "LastModifiedDate",
    "e_tag": "ETag",
    "etag": "ETag",
    "storage_class": "StorageClass",
}
"""Names of columns that mean something to us, and what they are called in CSV."""
MOST_BYTES = 2**33
"""Bytes of the largest file, which has to lie on disk as a whole. S3 writes some hundred million."""
_UNREAD = frozenset({"version_id"})
_LEFT = ("LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZDIR")
"""Of the environment, what the process is given: nothing that may hold a secret."""
_LONGEST = 2**15
"""Characters of the longest fileSchema."""
_LOOK = 0.5
"""Seconds between two looks at the deadline."""
_MESSAGE = re.compile(r"message\s+[\w.]+\s*\{([^{}]*)\}\s*", re.ASCII)
_FIELD = re.compile(r"\s*(?:required|optional)\s+\w+\s+(\w+)\s*(?:\([\w(), ]*\))?\s*", re.ASCII)
_STRUCT = re.compile(r"\s*struct<([^<>]*)>\s*", re.ASCII)
_MEMBER = re.compile(r"\s*(\w+)\s*:\s*\w+\s*", re.ASCII)


def names(schema: str, kind: str, name: str) -> tuple[str, ...]:
    """The columns that a manifest's `fileSchema` names for its files, in their order. Raises Malformed."""
    outer, inner, between = (_MESSAGE, _FIELD, ";") if kind == "Parquet" else (_STRUCT, _MEMBER, ",")
    found = outer.fullmatch(" ".join(schema.split())) if len(schema) <= _LONGEST else None
    fields = [inner.fullmatch(field) for field in found[1].split(between) if field.strip()] if found else [None]
    if None in fields:
        raise Malformed(f"{name}: its fileSchema is not that of {kind}")
    return tuple(field[1] for field in fields if field)


def wanted(columns: Sequence[str]) -> tuple[str, ...]:
    """Those of the columns that are read."""
    return tuple(column for column in columns if column in CANONICAL and column not in _UNREAD)


def require(kind: str, name: str) -> None:
    """Raises Unsupported where files of this format cannot be read on this machine."""
    if find_spec("pyarrow") is None:
        raise Unsupported(
            f"{name}: is in the format {kind}, which needs an extra; run: pip install 'drcheck[inventory]', or let the inventory be written as CSV"
        )


def rows(client: S3Client, at: Folder, file: Mapping[str, Any], *, kind: str, columns: Sequence[str]) -> Iterator[list[str]]:
    """
    The rows of one file of a report, in its order: the texts of its `wanted` columns. Raises ConnectorError, OSError where the disk is full.

    Args:
        at: the bucket that it lies in.
        file: its key, size and MD5, as the manifest tells them.
        columns: all that it must have.
    """
    name = f"s3://{at.bucket}/{printable(file['key'])}"
    if file["size"] > MOST_BYTES:
        raise Unsupported(f"{name}: has {file['size']} bytes; files of {kind} are read up to {MOST_BYTES}")
    with tempfile.TemporaryFile(prefix="drcheck-") as content, tempfile.TemporaryFile(prefix="drcheck-") as found:
        for chunk in reports.chunks(client, at, file["key"], md5=file["MD5checksum"], size=file["size"]):
            content.write(chunk)
        content.seek(0)
        most = reports.RATIO * file["size"] + reports.MOST_LINE
        _run(client, name, {"kind": kind, "names": columns, "wanted": wanted(columns), "most": most}, content, found)
        found.seek(0)
        for line in found:
            yield from map(list, zip(*json.loads(line), strict=True))


def _run(client: S3Client, name: str, asked: Mapping[str, Any], content: IO[bytes], found: IO[bytes]) -> None:
    """Have `content` read by a process that leaves its rows in `found`."""
    settings = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}  # which take no more addresses than they need
    command = [sys.executable, "-P", "-S", "-c", worker.START, json.dumps(asked), *sys.path, str(Path(__file__).parents[2])]
    try:
        process = subprocess.Popen(  # noqa: S603 - this very Python
            command,
            stdin=content,
            stdout=found,
            stderr=subprocess.DEVNULL,
            env={**{key: os.environ[key] for key in _LEFT if key in os.environ}, **settings},
        )
    except OSError as error:
        raise ConnectorError(f"{name}: no process could be started to read it: {error.strerror or error}") from None
    try:
        while (code := _ended(process)) is None:
            client.tick()
    finally:
        process.kill()
        process.wait()
    if code == 0:
        return
    found.seek(0)
    why = printable(found.read(1000).decode("utf-8", "replace"))
    if code == worker.NO_READER:
        raise Unsupported(f"{name}: {why}; or let the inventory be written as CSV")
    if code == worker.NO_ROOM:
        raise ConnectorError(f"{name}: its rows could not be written to the temporary folder: {why}")
    if code != worker.DAMAGED:
        why = f"brought down the process that read it ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
    raise Malformed(f"{name}: {why}; let the report be made again")


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    """Its exit code; None where it has not ended within half a second."""
    try:
        return process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return None
