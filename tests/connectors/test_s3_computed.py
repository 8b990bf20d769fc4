"""Reports of Compute checksum jobs, written by the tests as S3 writes them, on real servers."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from drcheck.clock import format_moment
from drcheck.connectors.base import Stored
from drcheck.connectors.s3 import S3Connector
from drcheck.digests import digest
from drcheck.model import ObjectResult
from drcheck.model.stored import Span
from drcheck.verify.attributes import attributes
from drcheck.verify.wanted import Promised, Wanted
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN

NOW = datetime.now(UTC)
CONTENT = b"the content of an object"
ETAG = hashlib.md5(CONTENT).hexdigest()
EXAMPLE = (
    'amzn-s3-demo-bucket1,s3-standard-1mb-test-object,,succeeded,200,,"{""checksum_base64"":""bS9TOQ\\u003d\\u003d"",'
    '""etag"":""3c3c1813042989094598e4b57ecbdc82"",""checksumAlgorithm"":""CRC32"",""checksumType"":""FULL_OBJECT"",""checksum_hex"":""6D2F5339""}"\n'
)
"""The row of the S3 User Guide."""


def result(algorithm: str, content: bytes = CONTENT, *, etag: str = ETAG, kind: str = "FULL_OBJECT", **more: Any) -> str:
    hexed = digest([content], [algorithm.lower()]).hex[algorithm.lower()]
    told = {
        "checksum_base64": base64.b64encode(bytes.fromhex(hexed)).decode(),
        "etag": etag,
        "checksumAlgorithm": algorithm,
        "checksumType": kind,
        "checksum_hex": hexed.upper(),
    }
    return json.dumps({**told, **more})


def row(bucket: str, key: str, message: str, status: str = "succeeded") -> list[str]:
    return [bucket, quote_plus(key, safe="/"), "", status, "200", "", message]


def publish(
    client: Any,
    bucket: str,
    rows: Sequence[Sequence[str]] | bytes,
    *,
    job: str = "job-1",
    made: datetime = NOW,
    told: Mapping[str, Any] | None = None,
) -> str:
    """Put one completion report into a bucket; gives the URL of its folder, for the option `checksum_reports`."""
    if isinstance(rows, bytes):
        content = rows
    else:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        content = text.getvalue().encode()
    key = f"checksums/{job}/results/0a.csv"
    client.put_object(Bucket=bucket, Key=key, Body=content)
    failed = {"TaskExecutionStatus": "failed", "Bucket": bucket, "MD5Checksum": "0" * 32, "Key": "never/asked/for.csv"}
    manifest = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": made.strftime("%Y-%m-%dT%H:%M:%S.725Z"),
        "Results": [{"TaskExecutionStatus": "succeeded", "Bucket": bucket, "MD5Checksum": hashlib.md5(content).hexdigest(), "Key": key}, failed],
        "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage",
        **(told or {}),
    }
    client.put_object(Bucket=bucket, Key=f"checksums/{job}/manifest.json", Body=json.dumps(manifest).encode())
    return f"s3://{bucket}/checksums"


def filled(endpoint: str, *keys: str) -> tuple[Any, str]:
    client, bucket = new_bucket(endpoint)
    for key in keys or ("object",):
        client.put_object(Bucket=bucket, Key=key, Body=CONTENT)
    return client, bucket


def stored(connector: S3Connector) -> dict[str, Stored]:
    """What is said of each object outside the folder of reports."""
    entries = [entry for entry in connector.list() if not entry.key.startswith("checksums/")]
    found = dict(connector.stored(entries))
    assert all(isinstance(answer, Stored) for answer in found.values()), found
    return {entry.key: answer for entry, answer in found.items() if isinstance(answer, Stored)}


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "MD5", "SHA1", "SHA256", "SHA512"])
def test_what_was_computed_is_known_with_its_moment(moto_endpoint: str, algorithm: str) -> None:
    client, bucket = filled(moto_endpoint)
    url = publish(client, bucket, [row(bucket, "object", result(algorithm))])
    with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        (found,) = stored(connector)["object"].computed
    assert (found.checksum.algorithm, found.checksum.span, found.checksum.sure) == (algorithm.lower(), Span.FULL, True)
    assert found.checksum.digest == digest([CONTENT], [algorithm.lower()]).hex[algorithm.lower()]
    assert format_moment(found.at) == format_moment(NOW)
    assert "job-1" in found.checksum.origin


def test_the_row_of_the_user_guide_is_understood(moto_endpoint: str) -> None:
    client, bucket = filled(moto_endpoint, "s3-standard-1mb-test-object")
    content = EXAMPLE.replace("amzn-s3-demo-bucket1", bucket).replace("3c3c1813042989094598e4b57ecbdc82", ETAG).encode()
    url = publish(client, bucket, content)
    with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        (found,) = stored(connector)["s3-standard-1mb-test-object"].computed
    assert (found.checksum.algorithm, found.checksum.digest) == ("crc32", "6d2f5339")


def test_it_counts_as_the_servers_word_and_never_as_read(moto_endpoint: str) -> None:
    client, bucket = filled(moto_endpoint, "good", "rotten")
    rows = [row(bucket, "good", result("SHA256")), row(bucket, "rotten", result("SHA256", b"what S3 found there"))]
    url = publish(client, bucket, rows)
    promised = (Promised("sha256", hashlib.sha256(CONTENT).hexdigest(), None, "SUMS", ""),)
    with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        asked = [Wanted(entry, promised) for entry in connector.list() if not entry.key.startswith("checksums/")]
        found = {one.entry.key: verdict for one, verdict in attributes(connector, asked)}
    assert {key: (verdict.result, verdict.there) for key, verdict in found.items() if verdict} == {
        "good": (ObjectResult.MATCH, True),
        "rotten": (ObjectResult.MISMATCH, True),
    }


@pytest.mark.parametrize("name", ["with space+plus", "a%20b", "é", "tab\there", "a/b"])
def test_names_are_decoded(moto_endpoint: str, name: str) -> None:
    client, bucket = filled(moto_endpoint, name)
    url = publish(client, bucket, [row(bucket, name, result("SHA256"))])
    with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        assert len(stored(connector)[name].computed) == 1


def test_what_says_nothing_of_the_object_as_it_is_now_is_passed_over(moto_endpoint: str) -> None:
    client, bucket = filled(moto_endpoint)
    rows = [
        row(bucket, "object", result("SHA256", etag="0" * 32)),
        row("another-bucket", "object", result("SHA256")),
        row(bucket, "another-object", result("SHA256")),
        row(bucket, "object", result("SHA256"), status="failed"),
        row(bucket, "object", "{u'CopyObjectResult': 1}"),
        row(bucket, "object", json.dumps(["checksum_base64"])),
        row(bucket, "object", result("SHA256", checksumAlgorithm="XXHASH3")),
        row(bucket, "object", result("SHA256", checksumType="HALF")),
        row(bucket, "object", result("SHA256", checksum_base64="!")),
        row(bucket, "object", result("SHA256", checksum_base64=base64.b64encode(b"short").decode())),
        row(bucket, "object", result("SHA256", checksum_hex="00" * 32)),
        row(bucket, "object", result("SHA256", etag="a\tb")),
        row(bucket, "object", ""),
        ["too", "short"],
    ]
    url = publish(client, bucket, rows)
    with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        assert stored(connector)["object"].computed == ()
        assert stored(connector)["object"].kept, "what is kept with it is told all the same"


def test_several_jobs_are_all_heard_and_old_ones_are_not(moto_endpoint: str) -> None:
    client, bucket = filled(moto_endpoint)
    for job, days, algorithm in (("job-a", 40, "MD5"), ("job-b", 20, "SHA1"), ("job-c", 1, "SHA256")):
        url = publish(client, bucket, [row(bucket, "object", result(algorithm))], job=job, made=NOW - timedelta(days=days))
    client.put_object(Bucket=bucket, Key="checksums/job-unfinished/results/x.csv", Body=b"")
    for age, expected in (("30d", {"sha1", "sha256"}), ("90d", {"md5", "sha1", "sha256"})):
        with s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url, checksum_reports_max_age=age) as connector:
            assert {found.checksum.algorithm for found in stored(connector)["object"].computed} == expected


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"Format": "Report_CSV_20300101"}, "not a completion report"),
        ({"ReportSchema": "Bucket, Key"}, "not a completion report"),
        ({"ReportCreationDate": "yesterday"}, "not a moment"),
        ({"ReportCreationDate": "2999-01-01T00:00:00Z"}, "in the future"),
        ({"Results": "none"}, "does not name its files"),
        ({"Results": [{"TaskExecutionStatus": "succeeded", "Bucket": "elsewhere", "Key": "k", "MD5Checksum": "0" * 32}]}, "in another bucket"),
    ],
)
def test_a_damaged_report_is_left_out_with_a_warning(moto_endpoint: str, told: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture) -> None:
    client, bucket = filled(moto_endpoint)
    publish(client, bucket, [row(bucket, "object", result("SHA1"))], job="job-bad", told=told)
    url = publish(client, bucket, [row(bucket, "object", result("SHA256"))], job="job-good")
    with caplog.at_level(logging.WARNING), s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        assert [found.checksum.algorithm for found in stored(connector)["object"].computed] == ["sha256"]
    assert says in caplog.text


def test_a_report_with_another_md5_is_not_used_even_in_part(moto_endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    client, bucket = filled(moto_endpoint)
    url = publish(client, bucket, [row(bucket, "object", result("SHA256"))])
    client.put_object(Bucket=bucket, Key="checksums/job-1/results/0a.csv", Body=b",".join([b"x"] * 7))
    with caplog.at_level(logging.WARNING), s3_connector(moto_endpoint, bucket, ADMIN, checksum_reports=url) as connector:
        assert stored(connector)["object"].computed == ()
    assert "its manifest says" in caplog.text


def test_without_the_folder_the_kept_checksums_are_told(seaweed: str, caplog: pytest.LogCaptureFixture) -> None:
    _, bucket = filled(seaweed)
    with caplog.at_level(logging.WARNING), s3_connector(seaweed, bucket, ADMIN, checksum_reports="s3://no-such-bucket-here/x") as connector:
        assert stored(connector)["object"].computed == ()
    assert "no checksum report is used" in caplog.text
