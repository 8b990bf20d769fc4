"""Reports of S3 Inventory as S3 writes them, put into a bucket by the tests."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
VERSIONS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag", "StorageClass")
FOLDER = "reports/source/daily"


def rows_of(client: Any, bucket: str) -> list[dict[str, str]]:
    """What a report says of every object that is in the bucket now."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [
        {
            "Bucket": bucket,
            "Key": found["Key"],
            "Size": str(found["Size"]),
            "LastModifiedDate": found["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "ETag": found["ETag"].strip('"'),
            "StorageClass": found.get("StorageClass", "STANDARD"),
        }
        for page in pages
        for found in page.get("Contents", ())
    ]


def csv_of(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> bytes:
    """The content of one file before it is compressed: every value in quotes, keys URL-encoded, no header."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in rows:
        writer.writerow([quote_plus(row["Key"], safe="/") if column == "Key" else row.get(column, "") for column in columns])
    return text.getvalue().encode()


def publish(
    client: Any,
    at: str,
    source: str,
    files: Sequence[bytes],
    *,
    begun: datetime | None = None,
    columns: Sequence[str] = COLUMNS,
    manifest: Mapping[str, Any] | None = None,
    file: Mapping[str, Any] | None = None,
    checksum: bytes | None = None,
    folder: str = FOLDER,
) -> str:
    """
    Put one report of bucket `source` into bucket `at`; gives the URL of its folder, for the option `inventory`.

    `files` are what is compressed. `manifest` and `file` replace what the manifest says, of itself and of each file; `checksum` is the content of
    manifest.checksum, empty for none.
    """
    begun = begun or datetime.now(UTC) - timedelta(hours=1)
    named = []
    for number, content in enumerate(files):
        packed = gzip.compress(content)
        key = f"{folder}/data/{begun:%Y%m%d%H%M}-{number}.csv.gz"
        client.put_object(Bucket=at, Key=key, Body=packed)
        named.append({"key": key, "size": len(packed), "MD5checksum": hashlib.md5(packed).hexdigest(), **(file or {})})
    told = {
        "sourceBucket": source,
        "destinationBucket": f"arn:aws:s3:::{at}",
        "version": "2016-11-30",
        "creationTimestamp": str(int(begun.timestamp() * 1000)),
        "fileFormat": "CSV",
        "fileSchema": ", ".join(columns),
        "files": named,
        **(manifest or {}),
    }
    body = json.dumps(told).encode()
    prefix = f"{folder}/{begun:%Y-%m-%dT%H-%MZ}/"
    client.put_object(Bucket=at, Key=f"{prefix}manifest.json", Body=body)
    if checksum != b"":
        client.put_object(Bucket=at, Key=f"{prefix}manifest.checksum", Body=checksum or hashlib.md5(body).hexdigest().encode())
    return f"s3://{at}/{folder}"
