"""Reports of S3 Inventory as S3 writes them, put into a bucket by the tests."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
VERSIONS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag", "StorageClass")
FOLDER = "reports/source/daily"
COLUMNAR = {
    "Bucket": "bucket",
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
    "StorageClass": "storage_class",
}
_PARQUET = {
    "IsLatest": "optional boolean {}",
    "IsDeleteMarker": "optional boolean {}",
    "Size": "optional int64 {}",
    "LastModifiedDate": "optional int64 {} (TIMESTAMP(MILLIS,true))",
}
_ORC = {"IsLatest": "boolean", "IsDeleteMarker": "boolean", "Size": "bigint", "LastModifiedDate": "timestamp"}


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


def table_of(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> Any:
    """The same as a table with the types that S3 writes; an empty text is null, and keys are as they are."""
    import pyarrow as pa

    kinds = {"IsLatest": pa.bool_(), "IsDeleteMarker": pa.bool_(), "Size": pa.int64(), "LastModifiedDate": pa.timestamp("ms", tz="UTC")}
    read: dict[str, Callable[[str], object]] = {
        "IsLatest": "true".__eq__,
        "IsDeleteMarker": "true".__eq__,
        "Size": int,
        "LastModifiedDate": datetime.fromisoformat,
    }
    given = list(rows)
    table = {}
    for column in columns:
        values = [read.get(column, str)(row[column]) if row.get(column) else None for row in given]
        table[COLUMNAR[column]] = pa.array(values, kinds.get(column, pa.string()))
    return pa.table(table)


def parquet_of(table: Any, **options: Any) -> bytes:
    """A table as Parquet, compressed with Snappy as S3 does."""
    from pyarrow import parquet

    content = io.BytesIO()
    parquet.write_table(table, content, **{"compression": "snappy", "store_schema": False, **options})
    return content.getvalue()


def orc_of(table: Any, **options: Any) -> bytes:
    """A table as ORC, compressed with zlib as S3 does."""
    from pyarrow import orc

    content = io.BytesIO()
    orc.write_table(table, content, **{"compression": "zlib", **options})
    return content.getvalue()


def schema_of(kind: str, columns: Sequence[str]) -> str:
    """What a manifest says of the columns."""
    if kind == "Parquet":
        fields = (_PARQUET.get(column, "optional binary {} (STRING)").format(COLUMNAR[column]) for column in columns)
        return f"message s3.inventory {{  {';  '.join(fields)};}}"
    if kind == "ORC":
        return f"struct<{','.join(COLUMNAR[column] + ':' + _ORC.get(column, 'string') for column in columns)}>"
    return ", ".join(columns)


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
    kind: str = "CSV",
) -> str:
    """
    Put one report of bucket `source` into bucket `at`; gives the URL of its folder, for the option `inventory`.

    `files` are what is compressed, or whole files of Parquet or ORC. `manifest` and `file` replace what the manifest says, of itself and of each
    file; `checksum` is the content of manifest.checksum, empty for none.
    """
    begun = begun or datetime.now(UTC) - timedelta(hours=1)
    named = []
    for number, content in enumerate(files):
        packed = gzip.compress(content) if kind == "CSV" else content
        key = f"{folder}/data/{begun:%Y%m%d%H%M}-{number}.{'csv.gz' if kind == 'CSV' else kind.lower()}"
        client.put_object(Bucket=at, Key=key, Body=packed)
        named.append({"key": key, "size": len(packed), "MD5checksum": hashlib.md5(packed).hexdigest(), **(file or {})})
    told = {
        "sourceBucket": source,
        "destinationBucket": f"arn:aws:s3:::{at}",
        "version": "2016-11-30",
        "creationTimestamp": str(int(begun.timestamp() * 1000)),
        "fileFormat": kind,
        "fileSchema": schema_of(kind, columns),
        "files": named,
        **(manifest or {}),
    }
    body = json.dumps(told).encode()
    prefix = f"{folder}/{begun:%Y-%m-%dT%H-%MZ}/"
    client.put_object(Bucket=at, Key=f"{prefix}manifest.json", Body=body)
    if checksum != b"":
        client.put_object(Bucket=at, Key=f"{prefix}manifest.checksum", Body=checksum or hashlib.md5(body).hexdigest().encode())
    return f"s3://{at}/{folder}"
