"""Objects that are not read are asked for the checksum that is kept with them, and are not read for all that."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline, now
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import ObjectResult, ObjectVerdict, Observed, Verification
from drcheck.store import Store, open_store
from drcheck.verify import verify
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked
from tests.connectors.moto_server import moto_endpoint
from tests.connectors.s3_rig import new_bucket
from tests.connectors.seaweed import ADMIN
from tests.verify.nights import DAY, Nights
from tests.verify.places import copy_of, estate_of, sums

__all__ = ["moto_endpoint"]

LATER = now() + timedelta(hours=2)
"""When nobody is writing any more what the tests upload."""
FILES = {f"f{number}.img": f"content {number}".encode() for number in range(6)}


class Bucket:
    """A bucket with promised objects, and nights over it."""

    def __init__(self, endpoint: str, base: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client: Any
        self.client, self.name = new_bucket(endpoint)
        self._nights = Nights(base, store)
        self._sums = base / "SHA256SUMS"
        self._sums.write_bytes(sums(FILES))
        monkeypatch.setenv("KEY", ADMIN.access_key)
        monkeypatch.setenv("SECRET", ADMIN.secret_key)
        self._options = {"endpoint": endpoint, "bucket": self.name, "region": "us-east-1", "access_key": "env:KEY", "secret_key": "env:SECRET"}
        self._base = base

    def put(self, name: str, content: bytes, *, archived: bool = False) -> None:
        """Upload one object with its checksum."""
        kept = base64.b64encode(hashlib.sha256(content).digest()).decode()
        more = {"StorageClass": "GLACIER"} if archived else {}
        self.client.put_object(Bucket=self.name, Key=name, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=kept, **more)

    @property
    def estate(self) -> Estate:
        """The estate that declares it."""
        return estate_of(copy_of({"path": str(self._sums)}), base=self._base, connector="s3", options=self._options)

    def night(self, number: int, budget: Budget | None = None) -> Verification:
        """What a night made of it."""
        (facts,) = self._nights.look(self.estate, LATER + number * DAY, Asked(30 * DAY, budget or Budget()))
        assert isinstance(facts.verification, Observed), facts.verification
        return facts.verification.value


@pytest.fixture
def bucket(moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket."""
    with open_store(tmp_path / "store.db") as store:
        yield Bucket(moto_endpoint, tmp_path, store, monkeypatch)


def test_archived_objects_are_asked_for_once_and_stay_unread(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content, archived=name < "f3")
    first = bucket.night(0)
    assert (first.count(ObjectResult.MATCH), first.count(ObjectResult.NOT_READ), first.kept) == (3, 3, 3)
    again = bucket.night(1)
    assert (again.count(ObjectResult.MATCH), again.count(ObjectResult.NOT_READ), again.kept) == (3, 3, 3)
    assert all("no byte was read" in problem.detail for problem in again.problems), again.problems


def test_a_kept_checksum_that_differs_is_a_mismatch_without_reading(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, b"x" + content[1:], archived=True)
    found = bucket.night(0)
    assert (found.count(ObjectResult.MISMATCH), found.objects_read, found.bytes_read) == (6, 0, 0)


def test_what_the_budget_leaves_out_is_asked_for_and_still_read_later(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content)
    size = len(FILES["f0.img"])
    first = bucket.night(0, Budget(bytes=2 * size))
    assert (first.count(ObjectResult.MATCH), first.kept, first.count(ObjectResult.NOT_READ)) == (2, 4, 4)
    second = bucket.night(1, Budget(bytes=2 * size))
    assert (second.count(ObjectResult.MATCH), second.kept) == (4, 2)
    third = bucket.night(2, Budget(bytes=2 * size))
    assert third.count(ObjectResult.MATCH) == 6


def test_a_budget_of_requests_bounds_the_questions(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content, archived=True)
    found = bucket.night(0, Budget(requests={"head": 2}))
    assert (found.kept, found.count(ObjectResult.NOT_READ)) == (2, 6)


def test_without_a_store_archived_objects_are_asked_for_too(bucket: Bucket) -> None:
    for name, content in FILES.items():
        bucket.put(name, content, archived=name == "f0.img")
    copies = inspect(bucket.estate, now=LATER, seconds=20, workers=2, run=Deadline(60))[1]
    fact = verify(bucket.estate, copies, now=LATER, workers=2, run=Deadline(60))[0].verification
    assert isinstance(fact, Observed)
    assert (fact.value.count(ObjectResult.MATCH), fact.value.kept) == (5, 1)
    (problem,) = fact.value.problems
    assert isinstance(problem, ObjectVerdict)
    assert problem.kept
