"""
S3 Inventory in place of listing: the newest report of a bucket's objects, checked, put in key order on disk, and read as a listing.

A report says what was there when S3 began to scan the bucket, hours or days ago. Its moment goes with all that is told from it, and one that is older
than allowed tells nothing. Its format is that of the S3 User Guide, "Locating your inventory list" and "Amazon S3 Inventory list". That guide
promises neither an order of keys nor that a report is complete at one moment, so neither is relied on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from drcheck.clock import format_duration, format_moment, now
from drcheck.connectors import s3_columnar as columnar
from drcheck.connectors import s3_reports as reports
from drcheck.connectors.s3_client import S3Client
from drcheck.connectors.s3_listing import Listed, in_bytes, read_entry
from drcheck.connectors.s3_options import Folder
from drcheck.connectors.sorted_lines import SortedLines
from drcheck.errors import ConnectorError, Malformed, Unsupported, Untrusted
from drcheck.model import SKEW, printable

VERSION = "2016-11-30"
_DATED = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)Z", re.ASCII)
_TRIED = 14
"""Dated folders that are looked into for a complete report, newest first: those of today may still be being written."""
_NEEDED = ("Bucket", "Key", "Size", "LastModifiedDate")
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as its manifest describes it."""

    name: str
    """Where its manifest lies, for messages."""
    at: datetime
    """When S3 began to scan the bucket, UTC."""
    kind: str
    """`CSV`, or one of `drcheck.connectors.s3_columnar.FORMATS`."""
    schema: tuple[str, ...]
    """The columns as its files have them."""
    columns: dict[str, int]
    """The place in a row of each column that is read, by its name in CSV."""
    files: tuple[dict[str, Any], ...]


class Inventory:
    """
    The objects of one bucket as its newest report tells them. Nothing is asked before it is needed; then it is kept until `close`.

    Costs one ListObjectsV2 for a thousand dated folders, two small GetObjects for each folder that is looked into, and one GetObject a file.
    """

    def __init__(self, client: S3Client, place: Folder, *, root: str, max_age: timedelta) -> None:
        """`root` is what every key of the target begins with: others are not kept."""
        self._client, self._place, self._root, self._max_age = client, place, root, max_age
        self._report: Report | None = None
        self._sorted: SortedLines | None = None

    def made_at(self) -> datetime:
        """
        The moment that the listing shows, UTC.

        Raises:
            Malformed: there is no complete report, the newest is older than allowed or from the future, or it is damaged.
            Untrusted: it is of another bucket.
            Unsupported: it is in a format, or without a column, that cannot be read.
        """
        return self._found().at

    def below(self, prefix: str) -> Iterator[Listed]:
        """Every object whose key begins with `prefix`, in key order. Raises ConnectorError."""
        start = in_bytes(prefix)
        last = b""
        for name, words in self._loaded().from_name(start):
            if not name.startswith(start):
                return
            if name == last:
                key = printable(name.decode("utf-8", "surrogateescape"))
                raise Malformed(f'{self._found().name}: names "{key}" twice; let the report be made again')
            last = name
            size, modified, storage_class, etag = words.decode("utf-8").split("\t")
            yield read_entry(name.decode("utf-8", "surrogateescape"), size, modified, etag, storage_class)

    def close(self) -> None:
        """Let go of what was read. Never raises."""
        if self._sorted is not None:
            self._sorted.close()
        self._report = self._sorted = None

    def _found(self) -> Report:
        if self._report is None:
            self._report = self._newest()
        report = self._report
        # Asked each time: a report can grow too old while it is used.
        age, moment = now() - report.at, format_moment(report.at)
        if age > self._max_age:
            raise Malformed(
                f"{report.name}: the newest report is of {moment}, {format_duration(age)} ago; allowed are {format_duration(self._max_age)} "
                "(inventory_max_age): see whether the inventory is still switched on, or list the bucket"
            )
        if age < -SKEW:
            raise Malformed(f"{report.name}: says that it was made at {moment}, which is in the future; its age cannot be known")
        return report

    def _newest(self) -> Report:
        names = reports.folders(self._client, self._place, _DATED)
        for name in reversed(names[-_TRIED:]):
            prefix = f"{self._place.prefix}{name}/"
            content = reports.small(self._client, self._place, f"{prefix}manifest.json", reports.MOST_MANIFEST)
            promised = reports.small(self._client, self._place, f"{prefix}manifest.checksum", 1024)
            if content is None or promised is None:
                continue  # it is still being written
            return self._read(content, promised.decode("ascii", "replace").strip(), name)
        where = f"among the newest {_TRIED} of {len(names)} dated folders" if names else "nor any dated folder"
        raise Malformed(
            f"{printable(str(self._place))}: no complete inventory report is there, {where}; name the folder of those such as 2026-03-01T00-00Z"
        )

    def _read(self, content: bytes, promised: str, folder: str) -> Report:
        name = printable(f"{self._place}{folder}/manifest.json")
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != promised.lower():
            raise Malformed(f"{name}: has the MD5 {found}, and manifest.checksum beside it says {printable(promised[:64])}")
        told = reports.manifest(content, name)
        bucket = self._client.options.bucket
        if told.get("sourceBucket") != bucket:
            raise Untrusted(f"{name}: is of bucket {printable(str(told.get('sourceBucket')))}, not of {bucket}; correct inventory")
        if told.get("version") != VERSION:
            raise Unsupported(f"{name}: is of version {printable(str(told.get('version')))}; known is {VERSION}")
        at, kind, schema = _moment(told.get("creationTimestamp"), folder, name), str(told.get("fileFormat")), str(told.get("fileSchema"))
        if kind == "CSV":
            names = read = tuple(column.strip() for column in schema.split(","))
            _complete(names, name)
        elif kind in columnar.FORMATS:
            columnar.require(kind, name)
            names = columnar.names(schema, kind, name)
            _complete([columnar.CANONICAL.get(column, column) for column in names], name)
            read = tuple(columnar.CANONICAL[column] for column in columnar.wanted(names))
        else:
            raise Unsupported(f"{name}: is in the format {printable(kind)}, which is not read; let the inventory be written as CSV, Parquet or ORC")
        return Report(name, at, kind, names, {column: place for place, column in enumerate(read)}, _files(told.get("files"), name))

    def _loaded(self) -> SortedLines:
        report = self._found()
        if self._sorted is None:
            with _room():
                found = SortedLines()
                try:
                    for file in report.files:
                        self._load(report, file, found)
                    found.settle(self._client.tick)
                except BaseException:
                    found.close()
                    raise
                self._sorted = found
        return self._sorted

    def _rows(self, report: Report, file: dict[str, Any]) -> Iterator[list[str]]:
        if report.kind == "CSV":
            return reports.rows(self._client, self._place, file["key"], md5=file["MD5checksum"], size=file["size"], packed=True)
        return columnar.rows(self._client, self._place, file, kind=report.kind, columns=report.schema)

    def _load(self, report: Report, file: dict[str, Any], found: SortedLines) -> None:
        columns, wide, root = report.columns, len(report.columns), self._root
        bucket, key, size, modified = (columns[name] for name in _NEEDED)
        latest, marker, etag, storage = (columns.get(name, -1) for name in ("IsLatest", "IsDeleteMarker", "ETag", "StorageClass"))
        name = f"s3://{self._place.bucket}/{printable(file['key'])}"
        whole = self._client.options.bucket
        encoded = report.kind == "CSV"
        for row in self._rows(report, file):
            if len(row) != wide:
                raise Malformed(f"{name}: has a row of {len(row)} columns, and its manifest names {wide}; let the report be made again")
            if row[bucket] != whole:
                raise Untrusted(f"{name}: has an object of bucket {printable(row[bucket])}, not of {whole}")
            if (latest >= 0 and not _flag(row[latest], name)) or (marker >= 0 and _flag(row[marker], name)):
                continue
            spelt = row[key]
            if encoded and ("%" in spelt or "+" in spelt):
                spelt = unquote_plus(spelt, errors="surrogateescape")
            if not spelt:
                raise Malformed(f"{name}: has an object without a name")
            if not spelt.startswith(root):
                continue
            words = "\t".join((row[size], row[modified], row[storage] if storage >= 0 else "", row[etag] if etag >= 0 else ""))
            if words.count("\t") != 3 or "\n" in words:
                raise Malformed(f'{name}: gives "{printable(spelt)}" words with a tab or a line end in them')
            read_entry(spelt, row[size], row[modified], "", "")  # which raises where one of them is none
            found.add(in_bytes(spelt), words.encode())


def _moment(stamp: object, folder: str, name: str) -> datetime:
    """When the scan began: the earlier of what the manifest and the folder's name say."""
    text = str(stamp)
    dated = _DATED.fullmatch(folder)
    try:
        if not _MILLISECONDS.fullmatch(text) or dated is None:
            raise ValueError(text)
        year, month, day, hour, minute = map(int, dated.groups())
        return min(datetime.fromtimestamp(int(text) / 1000, UTC), datetime(year, month, day, hour, minute, tzinfo=UTC))
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{name}: its creationTimestamp {printable(text[:64])}, or its folder's name, is no moment") from None


def _complete(columns: Sequence[str], name: str) -> None:
    """Raises Malformed or Unsupported where these columns, by their names in CSV, are not what a listing needs."""
    if len(set(columns)) != len(columns):
        raise Malformed(f"{name}: its fileSchema names a column twice")
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise Unsupported(f"{name}: the report has no {' and no '.join(missing)}; add that to the optional fields of the inventory")
    if "VersionId" in columns and not {"IsLatest", "IsDeleteMarker"} <= set(columns):
        raise Malformed(f"{name}: its fileSchema has VersionId without IsLatest and IsDeleteMarker")


def _files(told: object, name: str) -> tuple[dict[str, Any], ...]:
    if not isinstance(told, list) or len(told) > reports.MOST_FILES:
        raise Malformed(f"{name}: does not name its files, or more than {reports.MOST_FILES}")
    keys = set()
    for file in told:
        good = isinstance(file, dict) and isinstance(file.get("key"), str) and file["key"] and reports.is_md5(file.get("MD5checksum"))
        if not good or type(file.get("size")) is not int or not 0 <= file["size"] <= reports.MOST_BYTES:
            raise Malformed(f"{name}: has a file without a name, MD5 or size, or one larger than {reports.MOST_BYTES} bytes")
        keys.add(file["key"])
    if len(keys) != len(told):
        raise Malformed(f"{name}: names a file twice")
    return tuple(told)


def _flag(text: str, name: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Malformed(f'{name}: has "{printable(text)}" where true or false is written')
    return text.lower() == "true"


@contextmanager
def _room() -> Iterator[None]:
    """Where this machine's disk is full, the error says so."""
    try:
        yield
    except OSError as error:
        raise ConnectorError(f"the inventory report could not be put in order in the temporary folder: {error.strerror or error}") from error
