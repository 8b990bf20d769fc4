"""Checksums that S3 keeps, asked for on real servers and held against promises; no object is read."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest

from drcheck.connectors.base import Entry
from drcheck.connectors.s3 import S3Connector
from drcheck.connectors.s3_stored import from_head, with_parts
from drcheck.digests import digest
from drcheck.errors import AccessDenied, InProgress, Malformed, NotThere
from drcheck.manifests.stored import Agreement, compare_stored
from drcheck.model.stored import Span, StoredChecksum
from tests.connectors.rig import MIB
from tests.connectors.s3_faults import Answer, Asked, denied, proxy, refusal
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN

CONTENT = b"the content of an object"


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """One server after the other."""
    return str(request.getfixturevalue(request.param))


def asked(connector: S3Connector, key: str = "object") -> tuple[Entry, dict[str, StoredChecksum]]:
    (entry,) = connector.list(key)
    found = {one.algorithm: one for one in connector.stored_checksums(entry)}
    assert "s3:GetObject" not in dict(connector.calls.counts())
    return entry, found


def agreement(algorithm: str, content: bytes, stored: dict[str, StoredChecksum]) -> Agreement:
    return compare_stored(algorithm, digest([content], [algorithm]).hex[algorithm], stored.values(), size=len(content)).agreement


def uploaded_in_parts(client: Any, bucket: str, parts: list[bytes], **options: Any) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key="object", **options)["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        algorithm = {"ChecksumAlgorithm": options["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in options else {}
        answer = client.upload_part(Bucket=bucket, Key="object", UploadId=upload, PartNumber=number, Body=part, **algorithm)
        given = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        done.append({"PartNumber": number, "ETag": answer["ETag"], **given})
    client.complete_multipart_upload(Bucket=bucket, Key="object", UploadId=upload, MultipartUpload={"Parts": done})


@pytest.mark.parametrize(("name", "algorithm"), [("SHA256", "sha256"), ("SHA1", "sha1"), ("CRC32", "crc32")])
def test_a_stored_checksum_agrees_and_another_promise_does_not(endpoint: str, name: str, algorithm: str) -> None:
    client, bucket = new_bucket(endpoint)
    client.put_object(Bucket=bucket, Key="object", Body=CONTENT, ChecksumAlgorithm=name)
    with s3_connector(endpoint, bucket, ADMIN) as connector:
        _, stored = asked(connector)
    assert stored[algorithm].span is Span.FULL
    assert agreement(algorithm, CONTENT, stored) is Agreement.AGREES
    assert agreement(algorithm, b"other", stored) is Agreement.DISAGREES


def test_an_etag_can_agree_and_proves_no_difference(endpoint: str) -> None:
    client, bucket = new_bucket(endpoint)
    client.put_object(Bucket=bucket, Key="object", Body=CONTENT)
    with s3_connector(endpoint, bucket, ADMIN) as connector:
        _, stored = asked(connector)
    assert agreement("md5", CONTENT, stored) is Agreement.AGREES
    assert agreement("md5", b"other", stored) is Agreement.UNKNOWN
    assert agreement("sha256", CONTENT, {"md5": stored["md5"]}) is Agreement.UNKNOWN


def test_an_upload_in_parts_has_an_etag_of_its_parts(endpoint: str) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    client, bucket = new_bucket(endpoint)
    uploaded_in_parts(client, bucket, parts)
    with s3_connector(endpoint, bucket, ADMIN) as connector:
        _, stored = asked(connector)
    expected = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert (stored["md5"].digest, stored["md5"].span, stored["md5"].count) == (expected, Span.COMPOSITE, 3)
    assert agreement("md5", b"".join(parts), stored) is Agreement.UNKNOWN


def test_sha256_of_parts_cannot_be_held_against_one_of_the_whole(moto_endpoint: str) -> None:
    parts = [os.urandom(5 * MIB), b"end"]
    client, bucket = new_bucket(moto_endpoint)
    uploaded_in_parts(client, bucket, parts, ChecksumAlgorithm="SHA256")
    with s3_connector(moto_endpoint, bucket, ADMIN) as connector:
        _, stored = asked(connector)
    assert stored["sha256"].span is Span.COMPOSITE
    assert agreement("sha256", b"".join(parts), stored) is Agreement.UNKNOWN


def test_what_was_replaced_or_is_gone_has_no_checksums(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    client.put_object(Bucket=bucket, Key="object", Body=CONTENT)
    with s3_connector(moto_endpoint, bucket, ADMIN) as connector:
        entry, _ = asked(connector)
        with pytest.raises(InProgress):
            connector.stored_checksums(entry._replace(version="another"))
        with pytest.raises(InProgress):
            connector.stored_checksums(entry._replace(size=entry.size + 1))
        with pytest.raises(NotThere):
            connector.stored_checksums(entry._replace(key="absent"))


# Answers that no server here gives


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


CRC_PARTS = [b"first part", b"second part"]


def attributes(*parts: bytes, truncated: bool = False, number: Callable[[int], int] = lambda number: number) -> bytes:
    told = "".join(
        f"<Part><PartNumber>{number(at)}</PartNumber><Size>{len(part)}</Size>"
        f"<ChecksumCRC32C>{b64(bytes.fromhex(digest([part], ['crc32c']).hex['crc32c']))}</ChecksumCRC32C></Part>"
        for at, part in enumerate(parts, 1)
    )
    return (
        f"<GetObjectAttributesResponse><ObjectParts><IsTruncated>{str(truncated).lower()}</IsTruncated>{told}</ObjectParts></GetObjectAttributesResponse>"
    ).encode()


def crc_head() -> StoredChecksum:
    joined = b"".join(bytes.fromhex(digest([part], ["crc32c"]).hex["crc32c"]) for part in CRC_PARTS)
    text = b64(bytes.fromhex(digest([joined], ["crc32c"]).hex["crc32c"]))
    (found,) = from_head({"ChecksumCRC32C": f"{text}-2", "ChecksumType": "COMPOSITE"}, aws=True)
    return found


def told_of_parts(endpoint: str, answer: Answer) -> tuple[StoredChecksum, ...]:
    """The checksum of `crc_head` with what the server tells of its parts."""
    client, bucket = new_bucket(endpoint)
    client.put_object(Bucket=bucket, Key="object", Body=b"".join(CRC_PARTS))

    def answered(asked: Asked) -> Answer | None:
        return answer if "attributes" in asked.query else None

    with proxy(endpoint, answered) as url, s3_connector(url, bucket, ADMIN) as connector:
        assert connector.client is not None
        return with_parts(connector.client, "object", (crc_head(),))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, attributes(*CRC_PARTS)), Agreement.AGREES),
        (Answer(200, attributes(CRC_PARTS[0])), Agreement.UNKNOWN),
        (Answer(200, attributes()), Agreement.UNKNOWN),
        (refusal("AccessDenied", 403), Agreement.UNKNOWN),
        (refusal("NotImplemented", 501), Agreement.UNKNOWN),
    ],
)
def test_parts_of_a_crc_are_asked_for(moto_endpoint: str, answer: Answer, expected: Agreement) -> None:
    stored = told_of_parts(moto_endpoint, answer)
    found = compare_stored("crc32c", digest(CRC_PARTS, ["crc32c"]).hex["crc32c"], stored, size=21)
    assert found.agreement is expected, found


@pytest.mark.parametrize("body", [attributes(*CRC_PARTS, truncated=True), attributes(*CRC_PARTS, number=lambda _: 1), attributes(truncated=True)])
def test_parts_without_order_or_end_are_malformed(moto_endpoint: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        told_of_parts(moto_endpoint, Answer(200, body))


@pytest.mark.parametrize(
    ("head", "algorithms"),
    [
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6"'}, {"md5": True}),
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6"', "ServerSideEncryption": "AES256"}, {"md5": True}),
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6-2"'}, {"md5": False}),
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6"', "ServerSideEncryption": "aws:kms"}, {}),
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6"', "ServerSideEncryption": "aws:kms:dsse"}, {}),
        ({"ETag": '"9dd4e461268c8034f5c8564e155c67a6"', "SSECustomerAlgorithm": "AES256"}, {}),
        ({"ETag": '"some-other-mark"'}, {}),
        ({"ETag": 'W/"9dd4e461268c8034f5c8564e155c67a6"'}, {}),
        ({"ChecksumCRC64NVME": b64(b"8 bytes!"), "ChecksumType": "FULL_OBJECT"}, {"crc64nvme": True}),
        ({}, {}),
    ],
)
def test_what_an_answer_of_amazons_means(head: dict[str, str], algorithms: dict[str, bool]) -> None:
    assert {one.algorithm: one.sure for one in from_head(head, aws=True)} == algorithms
    assert not [one for one in from_head(head, aws=False) if one.algorithm == "md5" and one.sure]


@pytest.mark.parametrize("text", ["not base64!", b64(b"short"), b64(b"x" * 33)])
def test_a_checksum_that_is_none_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        from_head({"ChecksumSHA256": text}, aws=True)


def test_a_denied_object_is_denied(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    client.put_object(Bucket=bucket, Key="object", Body=b"x")
    with proxy(moto_endpoint, denied(lambda asked: asked.method == "HEAD")) as url, s3_connector(url, bucket, ADMIN) as connector:
        (entry,) = connector.list()
        with pytest.raises(AccessDenied):
            connector.stored_checksums(entry)
