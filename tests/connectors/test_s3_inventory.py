"""S3 Inventory in place of listing, on real servers, with reports in the documented format that the tests write."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drcheck.connectors import sorted_lines
from drcheck.connectors.base import Entry
from drcheck.connectors.s3 import S3Connector
from drcheck.errors import ConnectorError, Malformed, NotThere, Unsupported, Untrusted
from tests.connectors.inventory_reports import COLUMNS, VERSIONS, csv_of, publish, rows_of
from tests.connectors.rig import NAMES
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN

HOUR = timedelta(hours=1)
KEYS = ("a", "a-b", "a/b", "a/b/c", "nightly/2026-03-01/dump", "nightly/2026-03-02/dump", "nightly/with space+plus%25", "nightly/é\tß", "z")


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """One server after the other."""
    return str(request.getfixturevalue(request.param))


def reported(endpoint: str, url: str, bucket: str, **options: Any) -> S3Connector:
    return s3_connector(endpoint, bucket, ADMIN, inventory=url, **options)


def filled(endpoint: str, keys: tuple[str, ...] = KEYS) -> tuple[Any, str, str]:
    """A client, a bucket with these keys, and one for reports."""
    client, bucket = new_bucket(endpoint)
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return client, bucket, new_bucket(endpoint)[1]


def listed(connector: S3Connector, prefix: str = "") -> list[str]:
    return [entry.key for entry in connector.list(prefix)]


def whole(entry: Entry) -> tuple[str, int, datetime | None, str, bool]:
    modified = entry.modified.replace(microsecond=0) if entry.modified else None
    return entry.key, entry.size, modified, entry.version, entry.archived


def test_a_report_is_the_listing_that_the_server_gives(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint)
    begun = datetime.now(UTC).replace(second=0, microsecond=0) - 3 * HOUR
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))], begun=begun)
    with s3_connector(moto_endpoint, bucket, ADMIN) as plain, reported(moto_endpoint, url, bucket) as connector:
        for prefix in ("", "a", "nightly", "nightly/2026-03-01", "absent"):
            assert [whole(entry) for entry in connector.list(prefix)] == [whole(entry) for entry in plain.list(prefix)]
        assert plain.listed_at() is None
        assert connector.listed_at() == begun
        assert b"".join(connector.read("a/b/c")) == b"a/b/c"
        (answer,) = connector.digests([(connector.stat("z"), ["sha256"])])
        assert getattr(answer[1], "hex", None) == {"sha256": hashlib.sha256(b"z").hexdigest()}


def test_listing_costs_the_report_and_no_listing(endpoint: str) -> None:
    client, bucket, reports = filled(endpoint, tuple(f"nightly/{number:04d}" for number in range(50)))
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))])
    with reported(endpoint, url, bucket) as connector:
        opened = dict(connector.calls.counts())
        for _ in range(3):
            assert len(listed(connector, "nightly")) == 50
        spent = {call: count - opened.get(call, 0) for call, count in connector.calls.counts() if count != opened.get(call, 0)}
        assert spent == {"s3:ListObjectsV2": 1, "s3:GetObject": 3}
        assert not opened.get("s3:GetObject")


def test_files_in_any_order_and_rows_in_any_order_come_in_key_order(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_lines, "RUN_BYTES", 400)
    monkeypatch.setattr(sorted_lines, "_INDEX", 4)
    keys = tuple(name for name in NAMES if "\n" not in name and "\r" not in name)
    client, bucket, reports = filled(moto_endpoint, ())
    now = "2026-03-01T00:00:00.000Z"
    rows = [{"Bucket": bucket, "Key": key, "Size": "1", "LastModifiedDate": now, "ETag": "e", "StorageClass": "STANDARD"} for key in (*NAMES, *keys)]
    rows = rows[: len(NAMES)][::-1]
    url = publish(client, reports, bucket, [csv_of(rows[0::3]), csv_of(rows[1::3]), csv_of(rows[2::3]), b""])
    with reported(moto_endpoint, url, bucket) as connector:
        assert listed(connector) == sorted(NAMES, key=lambda name: name.encode())
        for name in keys:
            assert connector._inventory is not None
            assert next(connector._inventory.below(name)).key == name


def test_only_current_versions_count_and_no_delete_markers(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint, ())
    common = {"Bucket": bucket, "LastModifiedDate": "2026-03-01T00:00:00.000Z", "ETag": "e"}
    rows = [
        {**common, "Key": "kept", "VersionId": "2", "IsLatest": "true", "IsDeleteMarker": "false", "Size": "5"},
        {**common, "Key": "kept", "VersionId": "1", "IsLatest": "false", "IsDeleteMarker": "false", "Size": "9"},
        {**common, "Key": "deleted", "VersionId": "2", "IsLatest": "true", "IsDeleteMarker": "true", "Size": ""},
        {**common, "Key": "deleted", "VersionId": "1", "IsLatest": "false", "IsDeleteMarker": "false", "Size": "7"},
    ]
    url = publish(client, reports, bucket, [csv_of(rows, VERSIONS)], columns=VERSIONS)
    with reported(moto_endpoint, url, bucket) as connector:
        assert [(entry.key, entry.size) for entry in connector.list()] == [("kept", 5)]


def test_the_newest_complete_report_counts(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint)
    begun = datetime.now(UTC).replace(second=0, microsecond=0)
    row = {"Bucket": bucket, "Size": "1", "LastModifiedDate": "2026-03-01T00:00:00.000Z"}
    for hours, key in ((30, "older"), (6, "newer")):
        url = publish(client, reports, bucket, [csv_of([{**row, "Key": key}])], begun=begun - hours * HOUR)
    publish(client, reports, bucket, [csv_of([{**row, "Key": "unfinished"}])], begun=begun - HOUR, checksum=b"")
    with reported(moto_endpoint, url, bucket) as connector:
        assert (listed(connector), connector.listed_at()) == (["newer"], begun - 6 * HOUR)


@pytest.mark.parametrize(
    ("begun", "manifest", "says"),
    [
        (timedelta(hours=49), {}, "allowed are 2d"),
        # A report that was copied into a newer folder is as old as it says itself, and one whose manifest is dated on as old as its folder.
        (timedelta(hours=1), {"creationTimestamp": "1514944800000"}, "2018-01-03T02:00:00Z"),
        (timedelta(hours=49), {"creationTimestamp": "4070908800000"}, "allowed are 2d"),
        (timedelta(hours=-3), {}, "in the future"),
    ],
)
def test_a_stale_report_tells_nothing(moto_endpoint: str, begun: timedelta, manifest: dict[str, str], says: str) -> None:
    client, bucket, reports = filled(moto_endpoint)
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))], begun=datetime.now(UTC) - begun, manifest=manifest)
    with reported(moto_endpoint, url, bucket) as connector:
        for ask in (connector.listed_at, lambda: listed(connector), lambda: listed(connector, "a")):
            with pytest.raises(Malformed, match=says):
                ask()


def test_how_old_a_report_may_be_can_be_said(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint)
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))], begun=datetime.now(UTC) - timedelta(days=6))
    with reported(moto_endpoint, url, bucket, inventory_max_age="8d") as connector:
        assert len(listed(connector)) == len(KEYS)


def good(bucket: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": "k", "Size": "1", "LastModifiedDate": "2026-03-01T00:00:00.000Z", "ETag": "e", "StorageClass": "STANDARD"}


Damage = Callable[[str], dict[str, Any]]
DAMAGES: dict[str, tuple[Damage, type[ConnectorError], str]] = {
    "checksum": (lambda _: {"checksum": b"0" * 32}, Malformed, "manifest.checksum beside it says"),
    "checksum too long": (lambda _: {"checksum": b"0" * 2000}, Malformed, "larger than 1024"),
    "manifest too long": (lambda _: {"manifest": {"fill": "x" * (17 * 2**20)}}, Malformed, "larger than 16777216"),
    "other bucket": (lambda _: {"manifest": {"sourceBucket": "other"}}, Untrusted, "is of bucket other"),
    "row of another bucket": (lambda bucket: {"files": [csv_of([{**good(bucket), "Bucket": "other"}])]}, Untrusted, "object of bucket other"),
    "parquet": (lambda _: {"manifest": {"fileFormat": "Parquet"}}, Malformed, "fileSchema is not that of Parquet"),
    "orc": (lambda _: {"manifest": {"fileFormat": "ORC"}}, Malformed, "fileSchema is not that of ORC"),
    "avro": (lambda _: {"manifest": {"fileFormat": "Avro"}}, Unsupported, "format Avro, which is not read"),
    "version": (lambda _: {"manifest": {"version": "2030-01-01"}}, Unsupported, "2030-01-01"),
    "no size": (lambda _: {"columns": ("Bucket", "Key", "LastModifiedDate")}, Unsupported, "no Size"),
    "column twice": (lambda _: {"columns": (*COLUMNS, "Key")}, Malformed, "column twice"),
    "versions without flags": (lambda _: {"columns": (*COLUMNS, "VersionId")}, Malformed, "IsLatest"),
    "no files": (lambda _: {"manifest": {"files": None}}, Malformed, "does not name its files"),
    "file size": (lambda _: {"file": {"size": 5}}, Malformed, "its manifest says 5"),
    "hostile size": (lambda _: {"file": {"size": 10**30}}, Malformed, "larger than"),
    "negative size": (lambda _: {"file": {"size": -1}}, Malformed, "larger than"),
    "size is true": (lambda _: {"file": {"size": True}}, Malformed, "larger than"),
    "no md5": (lambda _: {"file": {"MD5checksum": "x"}}, Malformed, "MD5"),
    "md5": (lambda _: {"file": {"MD5checksum": "0" * 32}}, Malformed, "its manifest says 000"),
    "file is gone": (lambda _: {"file": {"key": "reports/source/daily/data/absent"}}, Malformed, "is not there, though"),
    "time": (lambda _: {"manifest": {"creationTimestamp": "yesterday"}}, Malformed, "no moment"),
    "far time": (lambda _: {"manifest": {"creationTimestamp": "9" * 15}}, Malformed, "no moment"),
    "row size": (lambda bucket: {"files": [csv_of([{**good(bucket), "Size": "9" * 40}])]}, Malformed, "no size"),
    "row time": (lambda bucket: {"files": [csv_of([{**good(bucket), "LastModifiedDate": "noon"}])]}, Malformed, "which is none"),
    "row words": (lambda bucket: {"files": [csv_of([{**good(bucket), "ETag": "a\tb"}])]}, Malformed, "tab"),
    "row short": (lambda bucket: {"files": [csv_of([good(bucket)], COLUMNS[:4])]}, Malformed, "row of 4 columns"),
    "row nameless": (lambda bucket: {"files": [csv_of([{**good(bucket), "Key": ""}])]}, Malformed, "without a name"),
    "row twice": (lambda bucket: {"files": [csv_of([good(bucket)]), csv_of([good(bucket)])]}, Malformed, 'names "k" twice'),
    "flag": (
        lambda bucket: {"files": [csv_of([{**good(bucket), "IsLatest": "perhaps", "IsDeleteMarker": "false"}], VERSIONS)], "columns": VERSIONS},
        Malformed,
        "perhaps",
    ),
    "line": (lambda _: {"files": [b"x" * (3 * 2**20)]}, Malformed, "line of more than"),
    "not utf-8": (lambda _: {"files": [b'"\xff","k"\n']}, Malformed, "not UTF-8"),
    "quotes": (lambda _: {"files": [b'"a"b","c"\n']}, Malformed, "not CSV"),
    "bomb": (
        lambda bucket: {
            "files": [csv_of([{**good(bucket), "IsLatest": "false", "IsDeleteMarker": "false"}], VERSIONS) * 200_000],
            "columns": VERSIONS,
        },
        Malformed,
        "200 times its size",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_report_tells_nothing(moto_endpoint: str, name: str) -> None:
    damage, expected, says = DAMAGES[name]
    client, bucket, reports = filled(moto_endpoint, ())
    given = {"files": [csv_of([good(bucket)])], **damage(bucket)}
    url = publish(client, reports, bucket, **given)
    with reported(moto_endpoint, url, bucket) as connector, pytest.raises(expected, match=says):
        listed(connector)


@pytest.mark.parametrize("change", [lambda packed: packed[:-12], lambda packed: packed[:10], lambda _: b"", lambda _: b"plain, not packed\n"])
def test_a_truncated_file_tells_nothing(moto_endpoint: str, change: Callable[[bytes], bytes]) -> None:
    client, bucket, reports = filled(moto_endpoint, ())
    rows = [{**good(bucket), "Key": f"key-{number}"} for number in range(1000)]
    packed = change(gzip.compress(csv_of(rows)))
    client.put_object(Bucket=reports, Key="file", Body=packed)
    told = {"key": "file", "size": len(packed), "MD5checksum": hashlib.md5(packed).hexdigest()}
    url = publish(client, reports, bucket, [], manifest={"files": [told]})
    with reported(moto_endpoint, url, bucket) as connector, pytest.raises(Malformed, match=r"ends early|cannot be unpacked"):
        listed(connector)


def test_several_gzip_members_are_one_file(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint, ())
    packed = b"".join(gzip.compress(csv_of([{**good(bucket), "Key": key}])) for key in "cab")
    client.put_object(Bucket=reports, Key="file", Body=packed)
    url = publish(
        client, reports, bucket, [], manifest={"files": [{"key": "file", "size": len(packed), "MD5checksum": hashlib.md5(packed).hexdigest()}]}
    )
    with reported(moto_endpoint, url, bucket) as connector:
        assert listed(connector) == ["a", "b", "c"]


def test_where_there_is_no_report_nothing_is_listed(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint)
    client.put_object(Bucket=reports, Key="reports/source/daily/2026-13-99T99-99Z/manifest.json", Body=b"{}")
    with reported(moto_endpoint, f"s3://{reports}/reports", bucket) as connector, pytest.raises(Malformed, match="nor any dated folder"):
        listed(connector)
    with reported(moto_endpoint, f"s3://{reports}/reports/source/daily", bucket) as connector, pytest.raises(Malformed, match="newest 14 of 1"):
        listed(connector)


def test_the_reports_may_lie_in_the_same_bucket_and_keys_outside_the_target_are_left_out(endpoint: str) -> None:
    client, bucket, _ = filled(endpoint, ("nightly/a", "nightly/b", "other/c"))
    url = publish(client, bucket, bucket, [csv_of(rows_of(client, bucket))])
    with reported(endpoint, url, bucket, prefix="nightly") as connector:
        assert listed(connector) == ["a", "b"]
        assert listed(connector, "a") == ["a"]


def test_one_object_by_its_name_is_as_it_is_now(endpoint: str) -> None:
    client, bucket, reports = filled(endpoint, ("nightly/gone", "nightly/here"))
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))])
    client.delete_object(Bucket=bucket, Key="nightly/gone")
    with reported(endpoint, url, bucket) as connector:
        assert listed(connector) == ["nightly/gone", "nightly/here"], "the report's"
        assert [listed(connector, key) for key in ("nightly/gone", "nightly/here")] == [[], ["nightly/here"]], "the server's"
        with pytest.raises(NotThere):
            connector.stat("nightly/gone")
        with pytest.raises(NotThere):
            list(connector.read("nightly/gone"))


def test_objects_are_read_from_their_own_bucket_after_reports_were(moto_endpoint: str) -> None:
    client, bucket, reports = filled(moto_endpoint, ("same",))
    client.put_object(Bucket=reports, Key="same", Body=b"another object of that name")
    url = publish(client, reports, bucket, [csv_of(rows_of(client, bucket))])
    with reported(moto_endpoint, url, bucket) as connector:
        entries = list(connector.list())
        (answer,) = connector.digests([(entry, ["md5"]) for entry in entries])
        assert getattr(answer[1], "hex", None) == {"md5": hashlib.md5(b"same").hexdigest()}
