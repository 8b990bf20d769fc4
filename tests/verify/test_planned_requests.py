"""What a plan says of requests is never less than what the night makes: listing, manifests, reports, reading, and asking for kept checksums."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline, now
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import Observed
from drcheck.store import Store, open_store
from drcheck.verify import Forecast, Memory, plan, verify
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked
from tests.connectors.inventory_reports import COLUMNS, csv_of, publish, rows_of
from tests.connectors.moto_server import moto_endpoint
from tests.connectors.s3_rig import new_bucket
from tests.connectors.seaweed import ADMIN
from tests.verify.nights import DAY
from tests.verify.places import copy_of, estate_of, sums

__all__ = ["moto_endpoint"]

LATER = now() + timedelta(hours=2)
FILES = {f"f{number}.img": f"content {number}".encode() for number in range(6)}
SIZE = len(FILES["f0.img"])
CLASSES = {"s3:ListObjectsV2": "list", "s3:GetObject": "get", "s3:HeadObject": "head", "s3:GetObjectAttributes": "head"}
PART = 5 << 20


class Bucket:
    """A bucket with promised objects, of which nights are planned and then had."""

    def __init__(self, endpoint: str, base: Path, store: Store) -> None:
        self.client: Any
        self.client, self.name = new_bucket(endpoint)
        self.base, self.store = base, store
        self.files: dict[str, bytes] = {}
        self.options: dict[str, Any] = {
            "endpoint": endpoint,
            "bucket": self.name,
            "region": "us-east-1",
            "access_key": "env:KEY",
            "secret_key": "env:SECRET",
        }

    def put(self, name: str, content: bytes, **more: str) -> None:
        """Upload one object with its checksum."""
        kept = base64.b64encode(hashlib.sha256(content).digest()).decode()
        self.client.put_object(Bucket=self.name, Key=name, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=kept, **more)
        self.files[name] = content

    def put_in_parts(self, name: str, contents: list[bytes], **more: str) -> None:
        """Upload one object in parts, each with a CRC."""
        made = self.client.create_multipart_upload(Bucket=self.name, Key=name, ChecksumAlgorithm="CRC32", **more)["UploadId"]
        told = []
        for number, content in enumerate(contents, 1):
            crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
            answer = self.client.upload_part(Bucket=self.name, Key=name, UploadId=made, PartNumber=number, Body=content, ChecksumCRC32=crc)
            told.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc})
        self.client.complete_multipart_upload(Bucket=self.name, Key=name, UploadId=made, MultipartUpload={"Parts": told})
        self.files[name] = b"".join(contents)

    def night(self, budget: Budget, manifest: dict[str, str] | None = None, number: int = 0) -> tuple[Forecast, Counter[str]]:
        """What is planned of a night, and the requests that it then makes, by class."""
        (self.base / "SHA256SUMS").write_bytes(sums(self.files))
        estate = self.estate(manifest or {"path": str(self.base / "SHA256SUMS")})
        at, made = LATER + number * DAY, Counter[str]()

        def note(_: datetime, target: str, call: str, subject: str, times: int) -> None:
            made[CLASSES.get(call, "")] += times

        copies = inspect(estate, now=at, seconds=20, workers=2, run=Deadline(60))[1]
        memory = Memory(self.store, Asked(30 * DAY, budget), clock=lambda: at)
        with memory.night(estate, copies, keep=False) as rolling:
            (planned,) = plan(estate, copies, now=at, workers=2, run=Deadline(60), rolling=rolling)
        with memory.night(estate, copies) as rolling:
            (facts,) = verify(estate, copies, now=at, workers=2, run=Deadline(60), rolling=rolling, sink=note)
        assert isinstance(facts.verification, Observed), facts.verification
        assert facts.verification.value.stopped is None
        made.pop("", None)
        return planned, made

    def estate(self, manifest: dict[str, str]) -> Estate:
        """The estate that declares it."""
        return estate_of(copy_of(manifest), base=self.base, connector="s3", options=self.options)


@pytest.fixture
def bucket(moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket."""
    monkeypatch.setenv("KEY", ADMIN.access_key)
    monkeypatch.setenv("SECRET", ADMIN.secret_key)
    with open_store(tmp_path / "store.db") as store:
        yield Bucket(moto_endpoint, tmp_path, store)


@pytest.mark.parametrize(
    "budget",
    [Budget(), Budget(bytes=2 * SIZE), Budget(requests={"head": 1}), Budget(bytes=SIZE, requests={"head": 3})],
    ids=str,
)
def test_what_is_planned_is_what_is_made(bucket: Bucket, budget: Budget) -> None:
    for name, content in FILES.items():
        bucket.put(name, content, **({"StorageClass": "GLACIER"} if name < "f2" else {}))
    planned, made = bucket.night(budget)
    assert planned.cost.requests == made
    assert made["head"] == min(budget.requests.get("head", 6), 2 + 4 - planned.cost.objects)
    planned, made = bucket.night(budget, number=1)
    assert planned.cost.requests == made


def test_where_time_is_the_limit_whatever_may_not_be_read_is_reckoned_to_be_asked_for(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content)
    planned, made = bucket.night(Budget(seconds=0.0))
    assert planned.cost.requests == {"list": made["list"], "get": 6, "head": 6}
    assert (made["list"], made["get"], made["head"]) == (3, 1, 5), "it is opened once more when all copies had their turn"


def test_an_upload_in_parts_may_take_a_second_question(bucket: Bucket) -> None:
    bucket.put_in_parts("large.img", [b"a" * PART, b"b"], StorageClass="GLACIER")
    bucket.put("small.img", b"small", StorageClass="GLACIER")
    planned, made = bucket.night(Budget())
    assert planned.cost.requests["head"] == 3
    assert 2 <= made["head"] <= 3


def test_manifests_beside_the_data_are_reckoned_and_use_up_no_limit(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content)
    bucket.client.put_object(Bucket=bucket.name, Key="SHA256SUMS", Body=sums(FILES))
    planned, made = bucket.night(Budget(requests={"get": 2, "head": 4}), {"name": "SHA256SUMS"})
    assert planned.cost.objects == 2
    assert planned.cost.requests == made
    assert (made["get"], made["head"]) == (3, 5), "one of each for the manifest"


@pytest.mark.parametrize("etag", [True, False])
def test_an_inventory_is_reckoned(bucket: Bucket, etag: bool) -> None:
    for name, content in FILES.items():
        bucket.put(name, content)
    reports = new_bucket(bucket.client.meta.endpoint_url)[1]
    rows = [{**row, "LastModifiedDate": "2026-03-01T02:00:00.000Z"} for row in rows_of(bucket.client, bucket.name)]
    columns = [column for column in COLUMNS if etag or column != "ETag"]
    files = [csv_of(some, columns) for some in (rows[:3], rows[3:])]
    bucket.options["inventory"] = publish(bucket.client, reports, bucket.name, files, columns=columns)
    planned, made = bucket.night(Budget(bytes=SIZE))
    assert planned.cost.requests == made
    assert made["get"] == 2 + 2 + 1, "its manifest and checksum, its two files, and one object"
    assert made["head"] == 5 + (not etag), "five that are not read, and one that is without its ETag"
