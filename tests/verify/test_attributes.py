"""Promises held against what a place says of its objects' checksums: nothing is read, and nothing counts as read."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Computed, Connector, Entry, Options, Stored
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.digests import digest
from drcheck.errors import AccessDenied, ConnectorError, TimedOut, Unreachable
from drcheck.model import ObjectResult, ObjectVerdict
from drcheck.model.stored import Span, StoredChecksum
from drcheck.secrets import resolve
from drcheck.verify.attributes import attributes
from drcheck.verify.wanted import Promised, Wanted
from tests.connectors.moto_server import moto_endpoint
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN, seaweed

__all__ = ["moto_endpoint", "seaweed"]

CONTENT = b"the content of an object"
ENTRY = Entry("object", len(CONTENT), datetime(2026, 3, 1, tzinfo=UTC), "etag")
AT = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """One server after the other."""
    return str(request.getfixturevalue(request.param))


def of(algorithm: str, content: bytes = CONTENT) -> str:
    return digest([content], [algorithm]).hex[algorithm]


def wanted(entry: Entry = ENTRY, size: int | None = None, /, **promised: str) -> Wanted:
    return Wanted(entry, tuple(Promised(algorithm, hexed, size, "SUMS", "") for algorithm, hexed in promised.items()))


def full(algorithm: str, content: bytes = CONTENT, *, sure: bool = True) -> StoredChecksum:
    return StoredChecksum(algorithm, of(algorithm, content), Span.FULL, sure=sure, origin="HeadObject")


def computed(algorithm: str, content: bytes = CONTENT) -> Computed:
    return Computed(StoredChecksum(algorithm, of(algorithm, content), Span.FULL, origin="computed by S3"), AT)


class Told(Connector):
    """A place that says of every object what the test says; it cannot be read."""

    kind = "told"

    def __init__(self, *answers: Stored | ConnectorError) -> None:
        super().__init__(Options(), secrets=resolve, deadline=Deadline(30), calls=CallLog("told"))
        self._answers = iter(answers)

    def _stored(self, entry: Entry) -> Stored:
        answer = next(self._answers)
        if isinstance(answer, ConnectorError):
            raise answer
        return answer


def one(asked: Wanted, *answers: Stored | ConnectorError) -> ObjectVerdict | None:
    ((back, found),) = attributes(Told(*answers), [asked])
    assert back is asked
    return found


OTHER = b"other content, of no account"


@pytest.mark.parametrize(
    ("promised", "stored", "result", "there"),
    [
        ({"sha256": of("sha256")}, Stored((full("sha256"),)), ObjectResult.NOT_READ, False),
        ({"sha256": of("sha256", OTHER)}, Stored((full("sha256"),)), ObjectResult.MISMATCH, False),
        ({"md5": of("md5", OTHER)}, Stored((full("md5", sure=False),)), None, False),
        ({"md5": of("md5")}, Stored((full("md5", sure=False),)), ObjectResult.NOT_READ, False),
        ({"sha512": of("sha512")}, Stored((full("sha256"),)), None, False),
        ({"sha256": of("sha256")}, Stored(()), None, False),
        # One promise that is surely broken outweighs any that hold.
        ({"sha256": of("sha256"), "crc32": of("crc32", OTHER)}, Stored((full("sha256"), full("crc32"))), ObjectResult.MISMATCH, False),
        # What the place computed later is its own word.
        ({"sha256": of("sha256")}, Stored((), (computed("sha256"),)), ObjectResult.MATCH, True),
        ({"sha256": of("sha256", OTHER)}, Stored((), (computed("sha256"),)), ObjectResult.MISMATCH, True),
        # It agrees with what was uploaded, and the place found other bytes since: that is rot.
        ({"sha256": of("sha256")}, Stored((full("sha256"),), (computed("sha256", OTHER),)), ObjectResult.MISMATCH, True),
        ({"sha256": of("sha256")}, Stored((), (computed("sha256"), computed("sha256", OTHER))), ObjectResult.MISMATCH, True),
        # A weak one does not stand in for the strong promise beside it.
        ({"sha256": of("sha256"), "crc32": of("crc32")}, Stored((), (computed("crc32"),)), ObjectResult.NOT_READ, False),
        ({"crc32": of("crc32")}, Stored((), (computed("crc32"),)), ObjectResult.MATCH, True),
        ({"sha256": of("sha256"), "crc32": of("crc32")}, Stored((full("crc32"),), (computed("sha256"),)), ObjectResult.MATCH, True),
    ],
)
def test_what_is_said_means(promised: dict[str, str], stored: Stored, result: ObjectResult | None, there: bool) -> None:
    found = one(wanted(**promised), stored)
    assert (found.result if found else None) == result
    if found is not None:
        assert found.there is there
        assert found.detail
        assert (found.result is ObjectResult.MATCH) <= found.there, "agreement of kept checksums is never a match"


def test_the_detail_names_where_the_checksum_came_from() -> None:
    found = one(wanted(sha256=of("sha256", OTHER)), Stored((full("sha256"),)))
    assert found is not None
    assert "HeadObject" in found.detail
    assert (found.algorithm, found.promised, found.found) == ("sha256", of("sha256", OTHER), of("sha256"))
    agrees = one(wanted(sha256=of("sha256")), Stored((full("sha256"),)))
    assert agrees is not None
    assert "no byte was read" in agrees.detail


def test_a_wrong_size_is_a_mismatch() -> None:
    found = one(wanted(ENTRY, 5, sha256=of("sha256")), Stored((full("sha256"),)))
    assert found is not None
    assert found.result is ObjectResult.MISMATCH
    assert "5 bytes were promised" in found.detail


def test_what_cannot_be_asked_says_nothing_and_what_is_gone_is_missing() -> None:
    assert one(wanted(sha256=of("sha256")), AccessDenied("no")) is None
    client = LocalConnector(LocalOptions.model_construct(root=Path("/")), secrets=resolve, deadline=Deadline(5), calls=CallLog("t"))
    assert [verdict for _, verdict in attributes(client, [wanted(sha256=of("sha256"))])] == [None]


def test_a_lost_place_ends_it_and_one_lost_answer_does_not() -> None:
    asked = [wanted(Entry(str(number), len(CONTENT), None), sha256=of("sha256")) for number in range(4)]
    good = Stored((full("sha256"),))
    found = list(attributes(Told(good, Unreachable("x"), good, good), asked))
    assert [verdict is not None for _, verdict in found] == [True, False, True, True]
    with pytest.raises(Unreachable):
        list(attributes(Told(good, Unreachable("x"), Unreachable("x"), good), asked))


# Real servers


def put(client: Any, bucket: str, key: str, content: bytes, **options: Any) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=content, **options)


def by_key(connector: Connector, asked: list[Wanted]) -> dict[str, ObjectVerdict | None]:
    found = {back.entry.key: verdict for back, verdict in attributes(connector, asked)}
    assert len(found) == len(asked)
    assert "s3:GetObject" not in dict(connector.calls.counts())
    return found


def test_archived_objects_are_compared_without_being_read(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    put(client, bucket, "cold", CONTENT, StorageClass="DEEP_ARCHIVE", ChecksumAlgorithm="SHA256")
    put(client, bucket, "rotten", CONTENT, StorageClass="GLACIER", ChecksumAlgorithm="SHA256")
    with s3_connector(moto_endpoint, bucket, ADMIN) as connector:
        asked = [wanted(entry, sha256=of("sha256", CONTENT if entry.key == "cold" else OTHER)) for entry in connector.list()]
        assert all(one.entry.archived for one in asked)
        found = by_key(connector, asked)
    assert {key: verdict.result for key, verdict in found.items() if verdict} == {"cold": ObjectResult.NOT_READ, "rotten": ObjectResult.MISMATCH}


def test_many_objects_with_one_request_each(endpoint: str) -> None:
    client, bucket = new_bucket(endpoint)
    for number in range(60):
        put(client, bucket, f"k{number:02d}", b"%d" % number, ChecksumAlgorithm="SHA256")
    with s3_connector(endpoint, bucket, ADMIN, connections=8) as connector:
        entries = list(connector.list())
        asked = [wanted(entry, sha256=hashlib.sha256(b"%d" % number).hexdigest()) for number, entry in enumerate(entries)]
        asked[7] = wanted(entries[7], sha256=of("sha256"))
        client.delete_object(Bucket=bucket, Key="k09")
        put(client, bucket, "k11", b"replaced", ChecksumAlgorithm="SHA256")
        before = dict(connector.calls.counts())
        found = by_key(connector, asked)
        spent = {call: count - before.get(call, 0) for call, count in connector.calls.counts()}
    results = {key: verdict.result for key, verdict in found.items() if verdict}
    assert {key: result for key, result in results.items() if result is not ObjectResult.NOT_READ} == {
        "k07": ObjectResult.MISMATCH,
        "k09": ObjectResult.MISSING,
    }
    assert found["k11"] is None, "another object than was listed says nothing of it"
    assert spent["s3:HeadObject"] == 60
    assert spent["s3:ListObjectsV2"] == 1


def test_memory_does_not_grow_with_what_is_asked(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    put(client, bucket, "object", CONTENT)
    drawn = 0

    def endless(entry: Entry) -> Iterator[Wanted]:
        nonlocal drawn
        while True:
            drawn += 1
            yield wanted(Entry(f"{entry.key}-{drawn}", entry.size, None, "none"), sha256=of("sha256"))

    with s3_connector(moto_endpoint, bucket, ADMIN, connections=4) as connector:
        (entry,) = connector.list()
        answers = attributes(connector, endless(entry))
        for _ in range(5):
            next(answers)
        assert drawn <= 5 + 2 * 4
        answers.close()  # type: ignore[attr-defined]
    end = time.monotonic() + 30
    while any(thread.name == "asking" for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [thread for thread in threading.enumerate() if thread.name == "asking"]


def test_the_deadline_ends_it(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    put(client, bucket, "object", CONTENT)
    with s3_connector(moto_endpoint, bucket, ADMIN) as connector:
        (entry,) = connector.list()
        connector.deadline = Deadline(0)
        with pytest.raises(TimedOut):
            list(attributes(connector, [wanted(entry, sha256=of("sha256"))]))
