"""S3 Inventory in Parquet and ORC: the same as in CSV, and nothing from files that are damaged or made to do harm."""

from __future__ import annotations

import glob
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.connectors import columnar_worker, s3_columnar, s3_reports, sorted_lines
from drcheck.connectors.base import Entry
from drcheck.errors import ConnectorError, Malformed, Unsupported, Untrusted
from tests.connectors.inventory_reports import COLUMNS, VERSIONS, csv_of, orc_of, parquet_of, publish, rows_of, schema_of, table_of
from tests.connectors.rig import NAMES
from tests.connectors.s3_rig import new_bucket
from tests.connectors.test_s3_inventory import KEYS, filled, good, listed, reported

pa = pytest.importorskip("pyarrow", reason="needs the extra inventory")

WRITERS: dict[str, Callable[..., bytes]] = {"Parquet": parquet_of, "ORC": orc_of}
both = pytest.mark.parametrize("kind", WRITERS)
MOMENT = "2026-03-01T02:10:00.123Z"


@pytest.fixture(scope="module")
def place(moto_endpoint: str) -> tuple[Any, str, str]:
    """A client, a bucket that reports are of, and one that they lie in."""
    client, bucket = new_bucket(moto_endpoint)
    return client, bucket, new_bucket(moto_endpoint)[1]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is left in the temporary folder, whatever happens."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert glob.glob(f"{tmp_path}/drcheck-*") == []


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files are read by this process, which is quicker."""

    def run(client: object, name: str, asked: dict[str, Any], content: IO[bytes], found: IO[bytes]) -> None:
        try:
            found.writelines(columnar_worker.lines(content, **asked))  # type: ignore[arg-type]
        except columnar_worker.Wrong as wrong:
            raise Malformed(f"{name}: {wrong}") from None

    monkeypatch.setattr(s3_columnar, "_run", run)


def row(bucket: str, key: str, **more: str) -> dict[str, str]:
    return {**good(bucket), "Key": key, "LastModifiedDate": MOMENT, **more}


def shown(endpoint: str, place: tuple[Any, str, str], kind: str, files: list[bytes], **told: Any) -> list[Entry]:
    """What a report of these files is read as. Raises ConnectorError."""
    client, bucket, reports = place
    url = publish(client, reports, bucket, files, kind=kind, **told)
    with reported(endpoint, url, bucket) as connector:
        return list(connector.list())


def test_every_format_is_the_listing_that_the_server_gives(moto_endpoint: str) -> None:
    endpoint = moto_endpoint
    client, bucket, reports = filled(endpoint)
    rows = rows_of(client, bucket)
    found = []
    for kind, content in (("CSV", csv_of(rows)), ("Parquet", parquet_of(table_of(rows))), ("ORC", orc_of(table_of(rows)))):
        begun = datetime.now(UTC).replace(second=0, microsecond=0)
        url = publish(client, reports, bucket, [content], kind=kind, folder=kind, begun=begun)
        with reported(endpoint, url, bucket) as connector:
            found.append(list(connector.list()))
            assert connector.listed_at() == begun
            assert listed(connector, "nightly/2026-03-01") == ["nightly/2026-03-01/dump"]
            assert b"".join(connector.read("a/b/c")) == b"a/b/c"
    assert [entry.key for entry in found[0]] == sorted(KEYS, key=str.encode)
    assert found[0] == found[1] == found[2]
    assert all(entry.modified and entry.version for entry in found[0])


KEY = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("%+ /\\\n\t\"'é😀"), min_size=1, max_size=40
)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(9999, 1, 1)).map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z")
ROWS = st.lists(
    st.tuples(KEY, st.integers(0, 2**53), MOMENTS, st.sampled_from(["STANDARD", "GLACIER", ""])), max_size=12, unique_by=lambda one: one[0].encode()
)


@pytest.mark.usefixtures("here")
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_whatever_the_names_are_every_format_says_the_same(
    moto_endpoint: str, place: tuple[Any, str, str], rows: list[tuple[str, int, str, str]]
) -> None:
    told = [row(place[1], key, Size=str(size), LastModifiedDate=moment, StorageClass=kind) for key, size, moment, kind in rows]
    # ORC of pyarrow counts in nanoseconds, which end in 2262.
    in_orc = all(one["LastModifiedDate"] < "2262" for one in told)
    expected = shown(moto_endpoint, place, "CSV", [csv_of(told)])
    assert [entry.key for entry in expected] == sorted((key for key, *_ in rows), key=str.encode)
    assert shown(moto_endpoint, place, "Parquet", [parquet_of(table_of(told))]) == expected
    if in_orc:
        assert shown(moto_endpoint, place, "ORC", [orc_of(table_of(told))]) == expected


@pytest.mark.usefixtures("here")
@both
def test_files_and_rows_in_any_order_come_in_key_order(
    moto_endpoint: str, place: tuple[Any, str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_lines, "RUN_BYTES", 400)
    rows = [row(place[1], key) for key in NAMES][::-1]
    tables = [table_of(rows[start::2]) for start in range(2)]
    files = [WRITERS[kind](table) for table in (*tables, table_of([]))]
    assert [entry.key for entry in shown(moto_endpoint, place, kind, files)] == sorted(NAMES, key=str.encode)


@both
def test_many_rows_in_many_groups_are_all_there(moto_endpoint: str, place: tuple[Any, str, str], kind: str) -> None:
    from pyarrow import orc, parquet

    count = 12_005
    table = table_of([row(place[1], f"k{number:06d}", Size=str(number), ETag=f"{number**5:x}") for number in range(count)])
    if kind == "Parquet":
        content = parquet_of(table, row_group_size=5000)
        assert parquet.ParquetFile(io.BytesIO(content)).num_row_groups == 3
    else:
        content = orc_of(table, stripe_size=1024, batch_size=64)
        assert orc.ORCFile(io.BytesIO(content)).nstripes > 2
    found = [(entry.key, entry.size) for entry in shown(moto_endpoint, place, kind, [content])]
    assert found == [(f"k{number:06d}", number) for number in range(count)]


@pytest.mark.usefixtures("here")
@both
def test_only_current_versions_count_and_no_delete_markers(moto_endpoint: str, place: tuple[Any, str, str], kind: str) -> None:
    bucket = place[1]
    rows = [
        row(bucket, "kept", VersionId="2", IsLatest="true", IsDeleteMarker="false", Size="5"),
        row(bucket, "kept", VersionId="1", IsLatest="false", IsDeleteMarker="false", Size="9"),
        row(bucket, "deleted", VersionId="2", IsLatest="true", IsDeleteMarker="true", Size="", StorageClass=""),
        row(bucket, "deleted", VersionId="1", IsLatest="false", IsDeleteMarker="false", Size="7"),
    ]
    found = shown(moto_endpoint, place, kind, [WRITERS[kind](table_of(rows, VERSIONS))], columns=VERSIONS)
    assert [(entry.key, entry.size) for entry in found] == [("kept", 5)]


@pytest.mark.usefixtures("here")
def test_units_and_zones_of_moments_are_understood(moto_endpoint: str, place: tuple[Any, str, str]) -> None:
    table = table_of([row(place[1], "k")])
    (expected,) = shown(moto_endpoint, place, "CSV", [csv_of([row(place[1], "k")])])
    for unit, zone in (("us", "UTC"), ("ns", "America/New_York")):
        moved = changed(table, "last_modified_date", table["last_modified_date"].cast(pa.timestamp(unit, tz=zone)))
        # With its own schema kept, the zone comes back as it was given.
        assert shown(moto_endpoint, place, "Parquet", [parquet_of(moved, store_schema=True)]) == [expected]
    # The clock of some place, and nobody says which.
    local = changed(table, "last_modified_date", table["last_modified_date"].cast(pa.timestamp("ms")))
    with pytest.raises(Malformed, match=r"of the type timestamp\[ms\], where a moment in UTC is written"):
        shown(moto_endpoint, place, "Parquet", [parquet_of(local)])
    far = changed(table, "last_modified_date", pa.array([2**62], pa.timestamp("ms", tz="UTC")))
    with pytest.raises(Malformed, match="out of bounds"):
        shown(moto_endpoint, place, "Parquet", [parquet_of(far)])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"IsLatest": ""}, '"" where true or false is written'),
        ({"IsDeleteMarker": ""}, '"" where true or false is written'),
        ({"Size": ""}, "no size"),
        ({"Key": ""}, "without a name"),
        ({"ETag": "a\tb"}, "tab"),
        ({"Bucket": ""}, "object of bucket"),
        ({"Bucket": "other"}, "object of bucket other"),
        ({"Key": "k" * 9000}, "has a key of more than 8192 bytes"),
    ],
)
def test_nulls_where_something_is_needed_and_rows_that_fit_nothing(
    moto_endpoint: str, place: tuple[Any, str, str], change: dict[str, str], says: str
) -> None:
    told = {"IsLatest": "true", "IsDeleteMarker": "false", "VersionId": "1", **change}
    with pytest.raises((Malformed, Untrusted), match=says):
        shown(moto_endpoint, place, "Parquet", [parquet_of(table_of([{**row(place[1], "k"), **told}], VERSIONS))], columns=VERSIONS)


@pytest.mark.usefixtures("here")
def test_what_may_be_null_is_as_an_empty_text_in_csv(moto_endpoint: str, place: tuple[Any, str, str]) -> None:
    rows = [row(place[1], "k", ETag="", StorageClass="", LastModifiedDate="")]
    expected = shown(moto_endpoint, place, "CSV", [csv_of(rows)])
    assert shown(moto_endpoint, place, "ORC", [orc_of(table_of(rows))]) == expected


def changed(table: Any, name: str, values: Any) -> Any:
    return table.set_column(table.column_names.index(name), name, values)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.drop_columns(["size"]), "has no column size"),
        (lambda table: table.rename_columns(["bucket", "Key", *table.column_names[2:]]), "has no column key"),
        # Old versions would pass for objects.
        (lambda table: table.append_column("is_latest", pa.array([False])), "has the column is_latest, which its manifest does not name"),
        (lambda table: table.append_column("size", pa.array([0])), "has a column twice"),
        (lambda table: changed(table, "size", pa.array(["1"])), "has a column size of the type string, where an integer is written"),
        (lambda table: changed(table, "last_modified_date", pa.array([1772331000000])), "where a moment in UTC is written"),
        (lambda table: changed(table, "key", pa.array([[1]])), "where a text is written"),
    ],
)
def test_columns_that_are_not_the_manifests(moto_endpoint: str, place: tuple[Any, str, str], change: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(Malformed, match=says):
        shown(moto_endpoint, place, "Parquet", [parquet_of(change(table_of([row(place[1], "k")])))])


@pytest.mark.usefixtures("here")
def test_columns_of_orc_that_are_not_the_manifests(moto_endpoint: str, place: tuple[Any, str, str]) -> None:
    table = table_of([row(place[1], "k", IsLatest="false", IsDeleteMarker="false")], VERSIONS)
    with pytest.raises(Malformed, match="has the column version_id, which its manifest does not name"):
        shown(moto_endpoint, place, "ORC", [orc_of(table)])
    with pytest.raises(Malformed, match="has no column key, and its manifest names one"):
        shown(moto_endpoint, place, "ORC", [orc_of(table_of([row(place[1], "k")]).drop_columns(["key"]))])


@both
def test_a_manifest_that_does_not_name_what_is_needed(moto_endpoint: str, place: tuple[Any, str, str], kind: str) -> None:
    for columns, says in (
        (COLUMNS[:2], "no Size and no LastModifiedDate"),
        ((*COLUMNS, "Key"), "column twice"),
        ((*COLUMNS, "VersionId"), "IsLatest"),
    ):
        with pytest.raises((Unsupported, Malformed), match=says):
            shown(moto_endpoint, place, kind, [], columns=columns)
    for schema in ("", "Bucket, Key", schema_of(kind, COLUMNS)[:-1], schema_of("ORC" if kind == "Parquet" else "Parquet", COLUMNS), " " * 40_000):
        with pytest.raises(Malformed, match="fileSchema is not that of"):
            shown(moto_endpoint, place, kind, [], manifest={"fileSchema": schema})


DOCUMENTED = (
    "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); optional binary version_id (UTF8); optional boolean is_latest;"
    " optional boolean is_delete_marker; optional int64 size; optional int64 last_modified_date (TIMESTAMP_MILLIS); optional binary e_tag (UTF8); }",
    "struct<bucket:string,key:string,version_id:string,is_latest:boolean,is_delete_marker:boolean,size:bigint,last_modified_date:timestamp,e_tag:string>",
)


def test_the_schemas_of_the_user_guide_are_understood() -> None:
    expected = ("bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date", "e_tag")
    assert [s3_columnar.names(schema, kind, "m") for schema, kind in zip(DOCUMENTED, ("Parquet", "ORC"), strict=True)] == [expected] * 2


@both
def test_what_does_not_fit_its_manifest_is_not_read(
    moto_endpoint: str, place: tuple[Any, str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = WRITERS[kind](table_of([row(place[1], "k")]))
    monkeypatch.setattr(s3_columnar, "_run", lambda *_: pytest.fail("it was given to the reader"))
    for file, says in (({"MD5checksum": "0" * 32}, "its manifest says 000"), ({"size": 5}, "says 5"), ({"key": "absent"}, "is not there, though")):
        with pytest.raises(Malformed, match=says):
            shown(moto_endpoint, place, kind, [content], file=file)
    monkeypatch.setattr(s3_columnar, "MOST_BYTES", len(content) - 1)
    with pytest.raises(Unsupported, match=f"files of {kind} are read up to"):
        shown(moto_endpoint, place, kind, [content])


def test_a_file_that_asks_for_more_memory_than_there_is_ends_its_reader_alone(moto_endpoint: str, place: tuple[Any, str, str]) -> None:
    # A dictionary with one long value, and forty thousand rows that point to it: some kilobytes come to forty gigabytes.
    table = pa.table(
        {
            "bucket": pa.array([place[1]] * 40_000),
            "key": pa.DictionaryArray.from_arrays(pa.array([0] * 40_000, pa.int32()), pa.array(["k" * 2**20])),
            "size": pa.array([1] * 40_000),
            "last_modified_date": pa.array([0] * 40_000, pa.timestamp("ms", tz="UTC")),
        }
    )
    content = parquet_of(table, dictionary_pagesize_limit=2**22)
    assert len(content) < 2**18
    with pytest.raises(Malformed, match=r"needs more than 1073741824 bytes of memory"):
        shown(moto_endpoint, place, "Parquet", [content], columns=COLUMNS[:4])


@both
def test_a_bomb_is_given_up(moto_endpoint: str, place: tuple[Any, str, str], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_reports, "RATIO", 20)
    table = table_of([row(place[1], "k" * 1000)] * 5000)
    with pytest.raises(Malformed, match=r"comes to more than [0-9]+ bytes when it is unpacked"):
        shown(moto_endpoint, place, kind, [WRITERS[kind](table)])


def test_without_the_extra_it_is_said_what_to_install(moto_endpoint: str, place: tuple[Any, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    content = parquet_of(table_of([row(place[1], "k")]))
    with monkeypatch.context() as blocked:
        blocked.setitem(sys.modules, "pyarrow", None)
        client, bucket, reports = place
        url = publish(client, reports, bucket, [content], kind="Parquet")
        with reported(moto_endpoint, url, bucket) as connector:
            for ask in (connector.listed_at, lambda: listed(connector)):
                with pytest.raises(Unsupported, match=r"format Parquet, which needs an extra; run: pip install 'drcheck\[inventory\]'"):
                    ask()
    # It is there, and cannot be loaded.
    monkeypatch.setattr(columnar_worker, "START", f"import sys; sys.modules['pyarrow'] = None; {columnar_worker.START}")
    with pytest.raises(Unsupported, match=r"pyarrow cannot be loaded .*; run: pip install 'drcheck\[inventory\]'"):
        shown(moto_endpoint, place, "Parquet", [content])


@pytest.mark.parametrize(
    ("start", "expected", "says"),
    [
        ("import os; os.abort()", Malformed, "brought down the process that read it .signal 6."),
        (f"import itertools, os; os.getppid = itertools.count().__next__; {columnar_worker.START}", Malformed, "it .exit code 1."),
        ("raise SystemExit(9)", Malformed, "brought down the process that read it .exit code 9."),
        ("print('disk full', end=''); raise SystemExit(5)", ConnectorError, "could not be written to the temporary folder: disk full"),
        ("print('[[\"a\"]'); raise SystemExit(3)", Malformed, "let the report be made again"),
    ],
)
def test_a_reader_that_does_not_end_well_gives_nothing(
    moto_endpoint: str, place: tuple[Any, str, str], monkeypatch: pytest.MonkeyPatch, start: str, expected: type[ConnectorError], says: str
) -> None:
    monkeypatch.setattr(columnar_worker, "START", start)
    with pytest.raises(expected, match=says):
        shown(moto_endpoint, place, "Parquet", [parquet_of(table_of([row(place[1], "k")]))])
