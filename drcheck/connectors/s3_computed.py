"""
Checksums that S3 computed at rest, for jobs of the bucket's owner: the completion reports of the Batch Operation "Compute checksum".

S3 read the stored bytes then, as a server does that is asked to hash them: it is its word, and not a byte was read here. A report speaks of the
content that had the entity tag which it names; of any other it says nothing. The format is that of the S3 User Guide, "Examples: S3 Batch Operations
completion reports": rows of `Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage`, of which the last is JSON, keys
URL-encoded. drcheck starts no such job: that would write.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from drcheck.clock import format_moment, now, parse_moment
from drcheck.connectors import s3_reports as reports
from drcheck.connectors.base import Computed
from drcheck.connectors.s3_client import S3Client
from drcheck.connectors.s3_listing import in_bytes
from drcheck.connectors.s3_options import Folder
from drcheck.connectors.s3_stored import ALGORITHMS
from drcheck.connectors.sorted_lines import SortedLines
from drcheck.errors import ConnectorError, Malformed
from drcheck.model import SKEW, printable
from drcheck.model.stored import Span, StoredChecksum

log = logging.getLogger(__name__)

FORMAT = "Report_CSV_20180820"
COLUMNS = ("Bucket", "Key", "VersionId", "TaskStatus", "ErrorCode", "HTTPStatusCode", "ResultMessage")
_KNOWN = {**ALGORITHMS, "MD5": ("md5", 16), "SHA512": ("sha512", 64)}
_SPANS = {"FULL_OBJECT": Span.FULL, "COMPOSITE": Span.COMPOSITE}
_JOB = re.compile(r"job-[0-9A-Za-z_-]{1,64}", re.ASCII)
_MOST_JOBS = 1000


class ComputedReports:
    """
    What the jobs of one folder computed of one bucket. Read when first asked for; then it is kept until `close`.

    Costs one ListObjectsV2 for a thousand jobs, one small GetObject a job, and one GetObject for each file of those that are young enough.
    """

    def __init__(self, client: S3Client, place: Folder, *, root: str, max_age: timedelta) -> None:
        """`root` is what every key of the target begins with: others are not kept."""
        self._client, self._place, self._root, self._max_age = client, place, root, max_age
        self._sorted: SortedLines | None = None

    def load(self) -> None:
        """Read every report that is young enough; one that is damaged is left out, with a warning. Raises ConnectorError where none can be read."""
        if self._sorted is not None:
            return
        found = SortedLines()
        try:
            for job in reports.folders(self._client, self._place, _JOB)[:_MOST_JOBS]:
                self._load_job(f"{self._place.prefix}{job}/manifest.json", found)
            found.settle(self._client.tick)
        except OSError as error:
            found.close()
            raise ConnectorError(f"the checksum reports could not be put in order in the temporary folder: {error.strerror or error}") from error
        except BaseException:
            found.close()
            raise
        self._sorted = found

    def of(self, key: str, etag: str) -> tuple[Computed, ...]:
        """What was computed of the content that has this entity tag, under this name in the bucket. Nothing before `load`."""
        if self._sorted is None or not etag:
            return ()
        found, name = [], in_bytes(key)
        for other, words in self._sorted.from_name(name):
            if other != name:
                break
            stamp, tag, algorithm, digest, span, job = words.decode().split("\t")
            if tag == etag:
                at = datetime.fromtimestamp(float(stamp), UTC)
                origin = f"computed by S3, job {job}, reported {format_moment(at)}"
                found.append(Computed(StoredChecksum(algorithm, digest, Span(span), sure=True, origin=origin), at))
        return tuple(found)

    def close(self) -> None:
        """Let go of what was read. Never raises."""
        if self._sorted is not None:
            self._sorted.close()
        self._sorted = None

    def _load_job(self, key: str, found: SortedLines) -> None:
        collected = SortedLines()
        try:
            self._collect(key, collected)
            collected.settle(self._client.tick)
            for name, words in collected.from_name(b""):  # only when all of it turned out to be right
                found.add(name, words)
        except Malformed as error:
            log.warning("%s; this report is not used", error)
        finally:
            collected.close()

    def _collect(self, key: str, collected: SortedLines) -> None:
        name = printable(f"s3://{self._place.bucket}/{key}")
        content = reports.small(self._client, self._place, key, reports.MOST_MANIFEST)
        if content is None:
            return  # the job is not done
        told = reports.manifest(content, name)
        if told.get("Format") != FORMAT or [column.strip() for column in str(told.get("ReportSchema")).split(",")] != list(COLUMNS):
            raise Malformed(f"{name}: is not a completion report of the format {FORMAT}")
        try:
            at = parse_moment(str(told.get("ReportCreationDate")))
        except ValueError as error:
            raise Malformed(f"{name}: {error}") from None
        if now() - at > self._max_age:
            return
        if at - now() > SKEW:
            raise Malformed(f"{name}: says that it was made at {format_moment(at)}, which is in the future")
        for file in _succeeded(told.get("Results"), name, self._place.bucket):
            for row in reports.rows(self._client, self._place, file["Key"], md5=file["MD5Checksum"], size=None, packed=False):
                self._take(row, at, key.split("/")[-2], collected)

    def _take(self, row: list[str], at: datetime, job: str, collected: SortedLines) -> None:
        # The guide's own examples have the two columns before the last in either order; neither is needed.
        if len(row) != len(COLUMNS) or row[0] != self._client.options.bucket or row[3].lower() != "succeeded":
            return
        key = unquote_plus(row[1], errors="surrogateescape")
        computed = _computed(row[6])
        if computed is not None and key.startswith(self._root):
            collected.add(in_bytes(key), "\t".join((str(at.timestamp()), *computed, job)).encode())


def _succeeded(told: object, name: str, bucket: str) -> list[dict[str, Any]]:
    if not isinstance(told, list) or len(told) > reports.MOST_FILES:
        raise Malformed(f"{name}: does not name its files, or more than {reports.MOST_FILES}")
    files = [file for file in told if isinstance(file, dict) and file.get("TaskExecutionStatus") == "succeeded"]
    for file in files:
        if file.get("Bucket") != bucket or not isinstance(file.get("Key"), str) or not file["Key"] or not reports.is_md5(file.get("MD5Checksum")):
            raise Malformed(f"{name}: has a file without a name or MD5, or in another bucket")
    return files


def _computed(message: str) -> tuple[str, str, str, str] | None:
    """ETag, algorithm, digest (hex) and span in the result of one task; None where it is that of another operation, or of an unknown algorithm."""
    with suppress(ValueError, RecursionError):
        told = json.loads(message)
        if isinstance(told, dict) and isinstance(told.get("etag"), str):
            known, span = _KNOWN.get(str(told.get("checksumAlgorithm"))), _SPANS.get(str(told.get("checksumType")))
            with suppress(binascii.Error):
                digest = base64.b64decode(str(told.get("checksum_base64")), validate=True)
                etag = told["etag"].strip('"')
                same = str(told.get("checksum_hex", digest.hex())).lower() == digest.hex()
                if known and span and same and len(digest) == known[1] and etag.isprintable() and etag:
                    return etag, known[0], digest.hex(), span.value
    return None
