"""What is judged from an inventory report: known at its moment, attested, and never more than it can show."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import CopyFacts, Drill, Facts, ObjectResult, Observed, Outcome, PointState, Reason, Source, TargetFacts, Unobserved
from drcheck.policy import judge, load_pack
from drcheck.verify import verify
from tests.connectors.inventory_reports import csv_of, publish, rows_of
from tests.connectors.moto_server import moto_endpoint
from tests.connectors.s3_rig import new_bucket
from tests.connectors.seaweed import ADMIN

__all__ = ["moto_endpoint"]

BEGUN = (datetime.now(UTC) - timedelta(hours=20)).replace(second=0, microsecond=0)
"""When the report was begun."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY_ID", ADMIN.access_key)
    monkeypatch.setenv("TEST_KEY", ADMIN.secret_key)


def estate_at(endpoint: str, bucket: str, inventory: str, copy: Mapping[str, Any] | None = None, **more: Any) -> Estate:
    """One system with one copy in a bucket that is listed from its inventory; `copy` says more of the copy, and `more` of the target's options."""
    options = {"endpoint": endpoint, "bucket": bucket, "access_key": "env:TEST_KEY_ID", "secret_key": "env:TEST_KEY", "region": "us-east-1"}
    declared = {"system": "lab", "target": "cloud", "path": "lab", "format": "dated", "options": {"pattern": "%Y-%m-%dT%H-%M"}, **(copy or {})}
    return Estate.model_validate(
        {
            "schema": "drcheck.estate/1",
            "organisation": {"id": "trust", "name": "Trust", "country": "GB"},
            "sites": [{"id": "here", "name": "Here"}],
            "systems": [{"id": "lab", "name": "Laboratory", "tier": "critical", "owner": "IT", "production": {"site": "here"}, "rpo": "48h"}],
            "targets": [{"id": "cloud", "connector": "s3", "site": "here", "options": {**options, "inventory": inventory, **more}}],
            "copies": [declared],
            "policies": ["uk-ncsc-offline-backups"],
        },
        context={"base": Path("/")},
    )


def row(bucket: str, modified: datetime, name: str = "dump", *, point: datetime | None = None) -> dict[str, str]:
    """One object of a recovery point that is named by its time, as a report tells it."""
    key = f"lab/{(point or modified):%Y-%m-%dT%H-%M}/{name}"
    return {"Bucket": bucket, "Key": key, "Size": "5", "LastModifiedDate": f"{modified:%Y-%m-%dT%H:%M:%S}.000Z", "ETag": "e"}


def looked(endpoint: str, *modified: datetime, begun: datetime = BEGUN, **more: Any) -> tuple[Estate, TargetFacts, CopyFacts]:
    """What is seen of the copy whose report names a recovery point of each of these times."""
    client, bucket = new_bucket(endpoint)
    url = publish(client, bucket, bucket, [csv_of([row(bucket, time) for time in modified])], begun=begun)
    estate = estate_at(endpoint, bucket, url, **more)
    (target,), (copy,) = inspect(estate, now=datetime.now(UTC), seconds=60, workers=1, run=Deadline(120))
    return estate, target, copy


def test_points_are_known_at_the_reports_moment_and_attested(moto_endpoint: str) -> None:
    _, target, copy = looked(moto_endpoint, BEGUN - timedelta(days=1), BEGUN - timedelta(hours=2))
    assert isinstance(copy.points, Observed)
    assert (copy.points.at, copy.points.source) == (BEGUN, Source.ATTESTED)
    assert copy.points.value.count(PointState.FINISHED) == 2
    assert isinstance(target.identity, Observed)
    assert target.identity.source is Source.OBSERVED, "the place itself was asked"


def test_what_rests_on_them_is_attested_at_best(moto_endpoint: str) -> None:
    estate, target, copy = looked(moto_endpoint, BEGUN - timedelta(hours=2))
    nothing: tuple[Drill, ...] = ()
    at = datetime.now(UTC)
    facts = Facts(at, (target,), (copy,), Observed(nothing, at, Source.DECLARED))
    found, _ = judge(estate, [load_pack("uk-ncsc-offline-backups")], facts, now=at)
    resting = [finding for finding in found if any(fact.name.startswith("points") for fact in finding.facts)]
    assert resting
    order = list(Source)
    assert [finding.check for finding in resting if finding.assurance is None or order.index(finding.assurance) < order.index(Source.ATTESTED)] == []
    assert [finding.assurance for finding in found if finding.check == "backup.recency"] in ([], [Source.ATTESTED])


def test_what_changed_as_the_report_was_begun_or_since_is_in_progress(moto_endpoint: str) -> None:
    settled, just, since = BEGUN - timedelta(minutes=30), BEGUN - timedelta(minutes=5), BEGUN + timedelta(minutes=40)
    _, _, copy = looked(moto_endpoint, settled, just, since)
    assert isinstance(copy.points, Observed)
    assert [(point.time, point.state) for point in copy.points.value.newest] == [
        (since.replace(second=0), PointState.IN_PROGRESS),
        (just.replace(second=0), PointState.IN_PROGRESS),
        (settled.replace(second=0), PointState.FINISHED),
    ]
    assert "when the listing was begun" in copy.points.value.newest[0].detail


def test_a_point_in_which_one_part_is_newer_than_the_report_is_in_progress(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    old = BEGUN - timedelta(hours=5)
    rows = [row(bucket, old, "a"), row(bucket, BEGUN + timedelta(minutes=1), "b", point=old)]
    url = publish(client, bucket, bucket, [csv_of(rows)], begun=BEGUN)
    _, (copy,) = inspect(estate_at(moto_endpoint, bucket, url), now=datetime.now(UTC), seconds=60, workers=1, run=Deadline(120))
    assert isinstance(copy.points, Observed)
    assert copy.points.value.count(PointState.IN_PROGRESS) == 1


def test_a_stale_report_leaves_the_points_and_the_lock_unknown(moto_endpoint: str) -> None:
    begun = datetime.now(UTC) - timedelta(days=3)
    estate, target, copy = looked(moto_endpoint, begun - timedelta(hours=2), begun=begun)
    assert isinstance(copy.points, Unobserved)
    assert copy.points.reason is Reason.MALFORMED
    assert isinstance(copy.lock, Unobserved)
    at = datetime.now(UTC)
    found, _ = judge(estate, [load_pack("uk-ncsc-offline-backups")], Facts(at, (target,), (copy,), Unobserved(Reason.NOT_ATTEMPTED, "")), now=at)
    assert [finding.check for finding in found if finding.outcome is Outcome.PASS and "points" in str(finding.facts)] == []
    _, _, copy = looked(moto_endpoint, begun - timedelta(hours=2), begun=begun, inventory_max_age="4d")
    assert isinstance(copy.points, Observed)


def test_what_was_deleted_since_the_report_is_missing_when_it_is_verified(moto_endpoint: str) -> None:
    client, bucket = new_bucket(moto_endpoint)
    files = {"kept": b"kept", "gone": b"gone", "rotten": b"rotten"}
    for name, content in files.items():
        client.put_object(Bucket=bucket, Key=f"lab/{name}", Body=content)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    client.put_object(Bucket=bucket, Key="lab/SHA256SUMS", Body=sums.encode())
    rows = [{**found, "LastModifiedDate": f"{BEGUN - timedelta(days=1):%Y-%m-%dT%H:%M:%S}.000Z"} for found in rows_of(client, bucket)]
    url = publish(client, bucket, bucket, [csv_of(rows)], begun=BEGUN)
    client.delete_object(Bucket=bucket, Key="lab/gone")
    client.put_object(Bucket=bucket, Key="lab/rotten", Body=b"gotten")
    estate = estate_at(moto_endpoint, bucket, url, copy={"format": "mirror", "options": {}, "manifest": {"name": "SHA256SUMS"}})
    at = datetime.now(UTC)
    _, copies = inspect(estate, now=at, seconds=60, workers=1, run=Deadline(120))
    (copy,) = verify(estate, copies, now=at, workers=1, run=Deadline(120))
    assert isinstance(copy.verification, Observed), copy.verification
    assert dict(copy.verification.value.counts) == {ObjectResult.MATCH: 1, ObjectResult.MISSING: 1, ObjectResult.MISMATCH: 1}
