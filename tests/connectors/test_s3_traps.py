"""How the s3 connector could be led into a false pass, or into writing; and that it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drcheck.connectors.base import attempt
from drcheck.connectors.s3 import S3Connector
from drcheck.errors import AccessDenied, ConnectorError, InProgress, Malformed, NotThere, Unreachable, Unsupported
from drcheck.model import Reason, Unobserved
from tests.connectors.s3_faults import LISTING, Answer, Asked, answering, denied, proxy, refusal
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN, ONLY_LIST, ONLY_READ, READER


def listing(*contents: str, more: str = "") -> bytes:
    return f"<ListBucketResult>{''.join(contents)}{more}</ListBucketResult>".encode()


def entry(key: str, size: int = 1) -> str:
    return f"<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"


# Never write

WRITES: list[tuple[str, dict[str, Any]]] = [
    ("put_object", {"Key": "object", "Body": b"x"}),
    ("delete_object", {"Key": "object"}),
    ("delete_objects", {"Delete": {"Objects": [{"Key": "object"}]}}),
    ("copy_object", {"Key": "object", "CopySource": "a/b"}),
    ("create_multipart_upload", {"Key": "object"}),
    ("upload_part", {"Key": "object", "PartNumber": 1, "UploadId": "x", "Body": b"x"}),
    ("restore_object", {"Key": "object", "RestoreRequest": {"Days": 1}}),
    ("put_object_tagging", {"Key": "object", "Tagging": {"TagSet": []}}),
    ("put_object_retention", {"Key": "object", "Retention": {"Mode": "GOVERNANCE"}}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ("put_bucket_policy", {"Policy": "{}"}),
    ("delete_bucket", {}),
    ("create_bucket", {}),
    ("select_object_content", {}),
    ("list_objects", {}),
]


@pytest.mark.parametrize(("operation", "parameters"), WRITES)
def test_what_is_not_allowed_is_refused_before_anything_is_sent(operation: str, parameters: dict[str, Any]) -> None:
    seen: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer(200, LISTING)

    with answering(answer) as url, s3_connector(url, "bucket") as connector:
        assert connector.client is not None
        seen.clear()
        before = connector.calls.counts()
        with pytest.raises(Unsupported, match="nothing was sent"):
            getattr(connector.client.clients.s3, operation)(Bucket="bucket", **parameters)
        assert not seen
        assert connector.calls.counts() == before


def test_no_signed_url_for_writing_is_made_either(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    with s3_connector(moto_endpoint, name) as connector:
        assert connector.client is not None
        with pytest.raises(Unsupported, match="nothing was sent"):
            connector.client.clients.s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "object"})


def test_the_sts_client_is_guarded_too(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    with s3_connector(moto_endpoint, name) as connector:
        assert connector.client is not None
        with pytest.raises(Unsupported, match="sts:GetSessionToken"):
            connector.client.clients.sts.get_session_token()


def test_every_request_is_in_the_call_log(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a b", Body=b"x")
    sent: list[Asked] = []

    def note(asked: Asked) -> None:
        sent.append(asked)

    with proxy(moto_endpoint, note) as url, s3_connector(url, name, ADMIN) as connector:
        list(connector.list())
        list(connector.read("a b"))
        for ask in (connector.identity, connector.protection, connector.versions, connector.encryption, connector.permissions):
            attempt(ask)
        counts = dict(connector.calls.counts())
    assert sum(counts.values()) == len(sent)
    assert counts.keys() <= S3Connector.allowed_calls
    # Once by us, once to see whether reading is allowed.
    assert counts["s3:GetObject"] == 2


# Servers that answer a listing to everything


def test_a_listing_is_no_answer_to_another_question() -> None:
    with answering(lambda asked: Answer(200, LISTING)) as url, s3_connector(url, "bucket") as connector:
        for ask in (connector.protection, connector.versions, connector.encryption):
            fact = attempt(ask)
            assert isinstance(fact, Unobserved), fact
            assert fact.reason is Reason.UNSUPPORTED
            assert "ListBucketResult" in fact.detail
        permissions = connector.permissions()
        assert permissions.can_write is None
        assert permissions.can_delete is None
        assert connector.identity().principal == f"access key ending in {READER.access_key[-4:]}"


@pytest.mark.parametrize("body", [b"", b"<html><body>Welcome</body></html>", b"<html><body>broken", b"{}", b"<!DOCTYPE x><ListBucketResult/>"])
def test_a_page_that_is_no_listing_is_not_an_empty_bucket(body: bytes) -> None:
    with answering(lambda asked: Answer(200, body)) as url, pytest.raises(ConnectorError) as error:
        s3_connector(url, "bucket").open()
    assert isinstance(error.value, Malformed | Unsupported)


def test_an_object_without_time_and_etag_is_malformed() -> None:
    with answering(lambda asked: Answer(200, LISTING)) as url, s3_connector(url, "bucket") as connector, pytest.raises(Malformed):
        connector.stat("object")


# Listings


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_every_page_size_gives_the_same_listing(seaweed: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client, name = new_bucket(seaweed)
    keys = ["a", "b-/x", "b.txt", "b/c", "b/d/e", "b/d/f", "b0", "c/d", "z"]
    for key in keys:
        client.put_object(Bucket=name, Key=key, Body=b"x")
    monkeypatch.setattr(S3Connector, "page_size", size)
    with s3_connector(seaweed, name) as connector:
        assert [found.key for found in connector.list()] == keys
        assert [found.key for found in connector.list("b")] == ["b/c", "b/d/e", "b/d/f"]


def test_the_root_is_cut_off_and_never_left(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for key in ("nightly/a", "nightly/../up", "nightly2/b", "other"):
        client.put_object(Bucket=name, Key=key, Body=key.encode())
    with s3_connector(moto_endpoint, name, prefix="nightly") as connector:
        assert [found.key for found in connector.list()] == ["../up", "a"]
        assert b"".join(connector.read("../up")) == b"nightly/../up"
        with pytest.raises(NotThere):
            connector.stat("../other")
        with pytest.raises(NotThere):
            connector.stat("")


def test_empty_keys_that_show_a_folder_are_no_objects(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for key, content in (("n/", b""), ("n/a/", b""), ("n/a/b", b"x"), ("n/full/", b"content")):
        client.put_object(Bucket=name, Key=key, Body=content)
    with s3_connector(moto_endpoint, name, prefix="n") as connector:
        assert [found.key for found in connector.list()] == ["a/b", "full/"]
        assert connector.placeholders == 2


def test_the_root_as_an_object_with_content_is_malformed(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="n/", Body=b"content")
    with s3_connector(moto_endpoint, name, prefix="n") as connector, pytest.raises(Malformed, match="choose another prefix"):
        list(connector.list())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (listing(entry("b"), entry("a")), "key order"),
        (listing(entry("a"), entry("a")), "key order"),
        (listing(entry("a"), more="<IsTruncated>true</IsTruncated>"), "no end"),
        (listing(entry("a"), more="<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"), "no end|key order"),
        (listing("<Contents><Key>a</Key></Contents>"), "no size"),
    ],
)
def test_a_listing_that_cannot_be_right_is_malformed(body: bytes, says: str) -> None:
    with (
        answering(lambda asked: Answer(200, LISTING if asked.query.get("max-keys") == "1" else body)) as url,
        s3_connector(url, "bucket") as connector,
        pytest.raises(Malformed, match=says),
    ):
        list(connector.list())


def test_a_server_that_ignores_the_prefix_is_noticed() -> None:
    with (
        answering(lambda asked: Answer(200, LISTING)) as url,
        s3_connector(url, "bucket") as connector,
        pytest.raises(Malformed, match="does not begin with it"),
    ):
        list(connector.list("folder"))


def test_a_page_that_fails_half_way_fails_the_listing(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, name = new_bucket(moto_endpoint)
    for key in "abcdef":
        client.put_object(Bucket=name, Key=key, Body=b"x")
    monkeypatch.setattr(S3Connector, "page_size", 2)
    with (
        proxy(moto_endpoint, lambda asked: refusal("InternalError", 500) if "continuation-token" in asked.query else None) as url,
        s3_connector(url, name) as connector,
        pytest.raises(Unreachable),
    ):
        list(connector.list())


# One object


def test_denied_listing_and_denied_reading_are_told_apart(seaweed: str) -> None:
    client, name = new_bucket(seaweed)
    client.put_object(Bucket=name, Key="object", Body=b"content")
    with s3_connector(seaweed, name, ONLY_READ) as connector:
        assert b"".join(connector.read("object")) == b"content"
        with pytest.raises(AccessDenied):
            list(connector.list())
    with s3_connector(seaweed, name, ONLY_LIST) as connector:
        assert [found.key for found in connector.list()] == ["object"]
        with pytest.raises(AccessDenied):
            list(connector.read("object"))


def test_a_missing_object_that_answers_403_is_unknown_unless_the_listing_tells(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="there", Body=b"x")
    with proxy(moto_endpoint, denied(lambda asked: asked.method == "HEAD")) as url, s3_connector(url, name) as connector:
        with pytest.raises(NotThere):
            connector.stat("absent")
        with pytest.raises(AccessDenied):
            connector.stat("there")
    with (
        proxy(moto_endpoint, denied(lambda asked: asked.method == "HEAD" or asked.lists)) as url,
        s3_connector(url, name) as connector,
        pytest.raises(AccessDenied, match="a missing object is refused in the same way"),
    ):
        connector.stat("absent")


def test_an_object_that_is_listed_and_denies_being_there_is_not_missing(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="there", Body=b"x")
    with (
        proxy(moto_endpoint, lambda asked: Answer(404) if asked.method == "HEAD" else None) as url,
        s3_connector(url, name) as connector,
        pytest.raises(InProgress),
    ):
        connector.stat("there")


def test_a_name_that_the_server_tidies_up_does_not_give_another_object(seaweed: str) -> None:
    client, name = new_bucket(seaweed)
    client.put_object(Bucket=name, Key="a/b", Body=b"another")
    with s3_connector(seaweed, name) as connector:
        for key in ("/a/b", "a//b", "a\\b", "a/./b", "a/../a/b"):
            assert isinstance(attempt(lambda key=key: b"".join(connector.read(key))), Unobserved), key  # type: ignore[misc]


def test_a_tier_that_is_archived_behind_a_readable_class_is_not_read(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"x", StorageClass="INTELLIGENT_TIERING")
    with s3_connector(moto_endpoint, name) as connector:
        assert b"".join(connector.read("object")) == b"x"
        assert connector.client is not None
        events = connector.client.clients.s3.meta.events
        events.register("after-call.s3.HeadObject", lambda parsed, **_: parsed.update(ArchiveStatus="ARCHIVE_ACCESS"))
        before = dict(connector.calls.counts())["s3:GetObject"]
        with pytest.raises(Unsupported, match="archived"):
            list(connector.read("object"))
        assert connector.stat("object").archived
        assert dict(connector.calls.counts())["s3:GetObject"] == before


def read_through(endpoint: str, change: Callable[[Asked], Answer | None], start: int = 0, length: int | None = None) -> ConnectorError:
    client, name = new_bucket(endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"0123456789")
    with proxy(endpoint, change) as url, s3_connector(url, name) as connector, pytest.raises(ConnectorError) as error:
        list(connector.read("object", start, length))
    return error.value


def gets(asked: Asked) -> bool:
    return asked.method == "GET" and asked.key == "object"


def test_a_changed_object_is_in_progress(moto_endpoint: str) -> None:
    assert isinstance(read_through(moto_endpoint, lambda asked: refusal("PreconditionFailed", 412) if gets(asked) else None), InProgress)
    assert isinstance(read_through(moto_endpoint, lambda asked: refusal("InvalidRange", 416) if gets(asked) else None, 3), InProgress)
    assert isinstance(read_through(moto_endpoint, lambda asked: Answer(200, b"0123456789") if gets(asked) else None), InProgress)


def test_an_archived_object_that_only_the_read_reveals_is_unsupported(moto_endpoint: str) -> None:
    assert isinstance(read_through(moto_endpoint, lambda asked: refusal("InvalidObjectState", 403) if gets(asked) else None), Unsupported)


def test_an_early_end_names_how_far_it_came(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"0123456789")
    with (
        proxy(moto_endpoint, cut="object") as url,
        s3_connector(url, name) as connector,
        pytest.raises(Unreachable, match="ended after 5 of 10 bytes"),
    ):
        list(connector.read("object"))
