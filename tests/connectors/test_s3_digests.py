"""Reading many objects of a bucket at once: the same answers as one after the other, whatever goes wrong."""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from drcheck.clock import Deadline
from drcheck.connectors import s3_readers
from drcheck.connectors.base import Connector, Entry
from drcheck.connectors.s3 import S3Connector
from drcheck.connectors.s3_wire import Dialler, Wire
from drcheck.digests import Digests
from drcheck.errors import AccessDenied, ConnectorError, InProgress, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.pace import Pace
from tests.busy import BUSY
from tests.connectors.rig import MIB
from tests.connectors.s3_faults import Answer, Asked, certificate, denied, proxy, refusal
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN

SHA256 = frozenset({"sha256"})


def patterned(size: int) -> bytes:
    """Content of which no two parts are the same."""
    return b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(-(-size // 32)))[:size]


def answers(connector: Connector, entries: Iterator[Entry] | list[Entry]) -> dict[str, Digests | ConnectorError]:
    """What every entry came to; each is answered once."""
    found: dict[str, Digests | ConnectorError] = {}
    for entry, answer in connector.digests((entry, SHA256) for entry in entries):
        assert entry.key not in found
        found[entry.key] = answer
    return found


def digest_of(answer: Digests | ConnectorError) -> str:
    assert isinstance(answer, Digests), answer
    return answer.hex["sha256"]


class Concurrent:
    """Counts how many GETs of objects are under way at a time; each takes so many seconds longer."""

    def __init__(self, seconds: float) -> None:
        self.most = 0
        self._now = 0
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> None:
        if asked.method == "GET" and asked.key:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            time.sleep(self._seconds)
            with self._lock:
                self._now -= 1


def calls(connector: S3Connector) -> dict[str, int]:
    return dict(connector.calls.counts())


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """One server after the other."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a few hundred kilobytes are large."""
    monkeypatch.setattr(s3_readers, "PART", 2**16)
    monkeypatch.setattr(s3_readers, "LARGE", 2**17)


# The same answers


def test_many_objects_come_to_what_one_after_the_other_does(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    contents = {f"folder {number % 3}/ü+{number}%&=?#.dcm": patterned(number * 97) for number in range(120)}
    for key, content in contents.items():
        client.put_object(Bucket=name, Key=f"root/{key}", Body=content)
    with s3_connector(endpoint, name, ADMIN, prefix="root") as connector:
        entries = list(connector.list())
        found = answers(connector, entries)
        one_by_one = {entry.key: digest_of(answer) for entry, answer in Connector.digests(connector, [(entry, SHA256) for entry in entries[:3]])}
        assert {key: digest_of(answer) for key, answer in found.items()} == {key: hashlib.sha256(body).hexdigest() for key, body in contents.items()}
        assert one_by_one.items() <= {key: digest_of(answer) for key, answer in found.items()}.items()


def test_no_object_is_asked_about_before_it_is_read(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    for number in range(20):
        client.put_object(Bucket=name, Key=f"{number}", Body=b"x")
    with s3_connector(endpoint, name, ADMIN) as connector:
        answers(connector, connector.list())
        assert calls(connector)["s3:GetObject"] == 20
        assert "s3:HeadObject" not in calls(connector)


def test_every_digest_that_is_wanted_is_given(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"content")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        ((_, answer),) = connector.digests([(next(connector.list()), ("md5", "crc32", "sha512"))])
    assert answer == Digests(
        {"md5": hashlib.md5(b"content").hexdigest(), "crc32": f"{zlib.crc32(b'content'):08x}", "sha512": hashlib.sha512(b"content").hexdigest()}, 7
    )


@pytest.mark.usefixtures("_small_parts")
def test_a_large_object_is_read_in_parts_and_hashed_in_order(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    contents = {f"{size}": patterned(size) for size in (2**17 - 1, 2**17, 2**17 + 1, 10 * 2**16, 41 * 2**16 + 5)}
    for key, content in contents.items():
        client.put_object(Bucket=name, Key=key, Body=content)
    with s3_connector(endpoint, name, ADMIN, connections=5) as connector:
        found = answers(connector, connector.list())
        assert {key: digest_of(answer) for key, answer in found.items()} == {key: hashlib.sha256(body).hexdigest() for key, body in contents.items()}
        assert 5 <= calls(connector)["s3:GetObject"] <= 1 + 2 + 3 + 10 + 42


@pytest.mark.usefixtures("_small_parts")
def test_a_server_that_is_waited_for_is_asked_for_several_parts_at_a_time(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    content = patterned(24 * 2**16)
    client.put_object(Bucket=name, Key="large", Body=content)
    under_way = Concurrent(0.05)
    with proxy(moto_endpoint, under_way) as url, s3_connector(url, name, ADMIN, connections=5) as connector:
        assert digest_of(answers(connector, connector.list())["large"]) == hashlib.sha256(content).hexdigest()
    assert 3 <= under_way.most <= 5


def test_where_hashing_is_the_bound_one_thread_reads_and_asks_for_many_parts_at_once(seaweed: str) -> None:
    client, name = new_bucket(seaweed)
    content = patterned(MIB) * 64
    client.put_object(Bucket=name, Key="large", Body=content)
    slow = frozenset({"sha3-512", "sha3-384", "sha3-256", "sha512", "md5", "sha1"})
    with s3_connector(seaweed, name, ADMIN, connections=5) as connector:
        ((_, answer),) = connector.digests((entry, slow) for entry in connector.list())
        assert isinstance(answer, Digests)
        assert answer.hex["md5"] == hashlib.md5(content).hexdigest()
        assert calls(connector)["s3:GetObject"] < 8  # the parts that there are


def test_what_boto3_must_be_asked_is_asked_through_it(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for key in ("a//b", "../up", "plain"):
        client.put_object(Bucket=name, Key=key, Body=key.encode())
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        entries = [*connector.list(), *(entry._replace(key=f"no/{entry.key}") for entry in connector.list("plain"))]
        found = answers(connector, [*entries[:-1], entries[0]._replace(version=""), entries[-1]][1:])
        assert digest_of(found["../up"]) == hashlib.sha256(b"../up").hexdigest()
        assert digest_of(found["a//b"]) == hashlib.sha256(b"a//b").hexdigest()
        assert isinstance(found["no/plain"], NotThere)


def test_an_archived_object_is_not_asked_for(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="cold", Body=b"x", StorageClass="DEEP_ARCHIVE")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        found = answers(connector, connector.list())
        assert isinstance(found["cold"], Unsupported)
        assert "s3:GetObject" not in calls(connector)


def test_anonymous_reading_sends_no_signature(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    client.put_object_acl(Bucket=name, Key="a", ACL="public-read")
    seen: list[Asked] = []
    options: dict[str, Any] = {"anonymous": True, "access_key": None, "secret_key": None}
    with proxy(moto_endpoint, seen.append) as url, s3_connector(url, name, **options) as connector:
        assert digest_of(answers(connector, connector.list())["a"]) == hashlib.sha256(b"x").hexdigest()
    assert not [asked for asked in seen if "authorization" in asked.headers]


def test_an_algorithm_that_nobody_knows_costs_its_object(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for key in ("a", "b"):
        client.put_object(Bucket=name, Key=key, Body=b"x")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        first, second = connector.list()
        found = {entry.key: answer for entry, answer in connector.digests([(first, ["md9"]), (second, SHA256)])}
    assert isinstance(found["a"], ConnectorError)
    assert isinstance(found["b"], Digests)


# What goes wrong


def through(endpoint: str, change: Callable[[Asked], Answer | None], **options: Any) -> Digests | ConnectorError:
    """What `object` (ten bytes) comes to where GETs of it are answered by `change`."""
    client, name = new_bucket(endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"0123456789")
    with proxy(endpoint, lambda asked: change(asked) if gets(asked) else None, **options) as url, s3_connector(url, name, ADMIN) as connector:
        return answers(connector, connector.list())["object"]


def gets(asked: Asked) -> bool:
    return asked.method == "GET" and asked.key == "object"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("AccessDenied", 403), AccessDenied),
        (refusal("InvalidObjectState", 403), Unsupported),
        (refusal("InternalError", 500), Unreachable),
        (refusal("SlowDown", 503), Unreachable),
        (refusal("NoSuchKey", 404), ConnectorError),
        (refusal("RequestTimeTooSkewed", 403), AccessDenied),
        (Answer(200, b"0123456789"), InProgress),
        (Answer(200, b"short"), InProgress),
        (Answer(204), ConnectorError),
    ],
)
def test_refusals_have_the_words_of_a_single_read(moto_endpoint: str, answer: Answer, error: type[ConnectorError]) -> None:
    assert isinstance(through(moto_endpoint, lambda asked: answer), error)


def test_a_passing_failure_is_asked_again(moto_endpoint: str) -> None:
    failures = [refusal("InternalError", 500)]
    assert isinstance(through(moto_endpoint, lambda asked: failures.pop() if failures else None), Digests)


def test_tries_are_counted(moto_endpoint: str) -> None:
    tries: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        tries.append(asked)
        return refusal("SlowDown", 503)

    assert isinstance(through(moto_endpoint, answer), Unreachable)
    assert len(tries) <= 3


def test_an_early_end_is_never_a_short_read(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    client.put_object(Bucket=name, Key="object", Body=patterned(MIB))
    client.put_object(Bucket=name, Key="other", Body=b"x")
    with proxy(endpoint, cut="object") as url, s3_connector(url, name, ADMIN) as connector:
        found = answers(connector, connector.list())
    assert isinstance(found["object"], Unreachable)
    assert "ended after" in str(found["object"])
    assert isinstance(found["other"], Digests)


@pytest.mark.usefixtures("_small_parts")
def test_an_early_end_of_a_part_is_never_a_short_read(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=patterned(MIB))
    with proxy(moto_endpoint, cut="object") as url, s3_connector(url, name, ADMIN) as connector:
        assert isinstance(answers(connector, connector.list())["object"], Unreachable)


def test_an_object_replaced_after_the_listing_is_in_progress(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    for key in ("a", "b"):
        client.put_object(Bucket=name, Key=key, Body=b"old")
    with s3_connector(endpoint, name, ADMIN) as connector:
        entries = list(connector.list())
        client.put_object(Bucket=name, Key="a", Body=b"new")
        found = answers(connector, entries)
        assert isinstance(found["a"], InProgress)
        assert digest_of(found["b"]) == hashlib.sha256(b"old").hexdigest()
        assert digest_of(answers(connector, connector.list())["a"]) == hashlib.sha256(b"new").hexdigest()


def test_an_object_that_vanished_is_not_there(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    with s3_connector(endpoint, name, ADMIN) as connector:
        entries = list(connector.list())
        client.delete_object(Bucket=name, Key="a")
        assert isinstance(answers(connector, entries)["a"], NotThere)


@pytest.mark.usefixtures("_small_parts")
def test_parts_of_two_versions_are_never_mixed(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    old, new = b"o" * MIB, b"n" * MIB
    client.put_object(Bucket=name, Key="object", Body=old)
    asked_for: list[Asked] = []

    def replace_meanwhile(asked: Asked) -> None:
        if gets(asked):
            asked_for.append(asked)
            if len(asked_for) == 3:
                client.put_object(Bucket=name, Key="object", Body=new)

    with proxy(moto_endpoint, replace_meanwhile) as url, s3_connector(url, name, ADMIN) as connector:
        assert isinstance(answers(connector, connector.list())["object"], InProgress)


def test_a_server_that_names_other_etags_when_listing_is_read_all_the_same(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"x")
    body = (
        b"<ListBucketResult><Contents><Key>object</Key><Size>1</Size><ETag>&quot;another&quot;</ETag>"
        b"<LastModified>2026-03-01T00:00:00Z</LastModified></Contents></ListBucketResult>"
    )
    with proxy(moto_endpoint, lambda asked: Answer(200, body) if asked.lists else None) as url, s3_connector(url, name, ADMIN) as connector:
        assert digest_of(answers(connector, connector.list())["object"]) == hashlib.sha256(b"x").hexdigest()


def test_a_denied_object_costs_itself(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(30):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    with proxy(moto_endpoint, denied(lambda asked: asked.key == "07" and not asked.lists)) as url, s3_connector(url, name, ADMIN) as connector:
        found = answers(connector, connector.list())
    assert {key for key, answer in found.items() if not isinstance(answer, Digests)} == {"07"}
    assert isinstance(found["07"], AccessDenied)


# Time, connections, calls


def test_a_server_that_stops_answering_ends_with_the_deadline(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(40):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    stuck = threading.Event()

    def hang(asked: Asked) -> None:
        if asked.method == "GET" and asked.key:
            stuck.wait(20)

    with proxy(moto_endpoint, hang) as url, s3_connector(url, name, ADMIN, seconds=1.5) as connector:
        started = time.monotonic()
        found = answers(connector, list(connector.list()))
        assert time.monotonic() - started < 1.5 + BUSY
        stuck.set()
    assert found
    assert {type(answer) for answer in found.values()} == {TimedOut}


def test_giving_up_half_way_ends_every_thread(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(60):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        walk = connector.digests((entry, SHA256) for entry in connector.list())
        next(walk)
        assert [thread for thread in threading.enumerate() if thread.name == "s3-reader"]
        walk.close()  # type: ignore[attr-defined]
        assert not [thread for thread in threading.enumerate() if thread.name == "s3-reader"]
        assert len(answers(connector, connector.list())) == 60


def test_an_error_of_the_source_comes_after_what_was_drawn_before_it(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(5):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        entries = list(connector.list())

        def source() -> Iterator[tuple[Entry, frozenset[str]]]:
            yield from ((entry, SHA256) for entry in entries)
            raise TimedOut("no time left")

        walk = connector.digests(source())
        found = [answer for _, answer in islice(walk, 5)]
        with pytest.raises(TimedOut):
            next(walk)
    assert {type(answer) for answer in found} == {Digests}


def test_the_source_is_drawn_from_as_room_is_made(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    drawn = 0
    with s3_connector(moto_endpoint, name, ADMIN, connections=2) as connector:
        (entry,) = connector.list()

        def source() -> Iterator[tuple[Entry, frozenset[str]]]:
            nonlocal drawn
            for _ in range(50):
                drawn += 1
                yield entry, SHA256

        for number, _ in enumerate(connector.digests(source()), 1):
            assert drawn <= number + 4
    assert drawn == 50


def test_no_more_connections_are_open_than_allowed(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(30):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    under_way = Concurrent(0.02)
    with proxy(moto_endpoint, under_way) as url, s3_connector(url, name, ADMIN, connections=3) as connector:
        assert len(answers(connector, connector.list())) == 30
    assert 1 < under_way.most <= 3


def test_every_request_is_in_the_call_log(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    for number in range(30):
        client.put_object(Bucket=name, Key=f"{number:02d}", Body=b"x")
    sent: list[Asked] = []

    def note(asked: Asked) -> Answer | None:
        sent.append(asked)
        return refusal("AccessDenied", 403) if asked.key == "11" and asked.method == "GET" else None

    with proxy(moto_endpoint, note) as url, s3_connector(url, name, ADMIN) as connector:
        answers(connector, connector.list())
        assert sum(calls(connector).values()) == len(sent)
        assert calls(connector).keys() <= S3Connector.allowed_calls


# The same trust as boto3


def test_certificates_are_checked_as_boto3_does(moto_endpoint: str, tmp_path: Path) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    trusted, server = certificate(tmp_path, "trusted")
    _, other = certificate(tmp_path, "other")
    with proxy(moto_endpoint, tls=server) as url, s3_connector(url, name, ADMIN, ca_bundle=str(trusted)) as connector:
        found = answers(connector, connector.list())
        assert digest_of(found["a"]) == hashlib.sha256(b"x").hexdigest()
        assert "s3:HeadObject" not in calls(connector)
        entry = next(connector.list())
        with proxy(moto_endpoint, tls=other) as impostor:
            wire = Wire(Dialler(impostor, str(trusted), 5.0), Pace(), Deadline(None))
            with pytest.raises(Exception, match="certificate verify failed"):
                wire.ask(b"GET / HTTP/1.1\r\n\r\n", 5.0)
            wire.close()
        assert entry.key == "a"


def test_the_environments_certificates_count(moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    trusted, server = certificate(tmp_path, "trusted")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted))
    with proxy(moto_endpoint, tls=server) as url, s3_connector(url, name, ADMIN) as connector:
        assert isinstance(answers(connector, connector.list())["a"], Digests)
        assert "s3:HeadObject" not in calls(connector)


def test_an_assumed_role_signs_with_its_token(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x")
    seen: list[Asked] = []
    role = "arn:aws:iam::123456789012:role/drcheck"
    with proxy(moto_endpoint, seen.append) as url, s3_connector(url, name, ADMIN, role=role) as connector:
        assert isinstance(answers(connector, connector.list())["a"], Digests)
    tokens = {asked.headers.get("x-amz-security-token") for asked in seen if asked.method == "GET"}
    assert len(tokens) == 1
    assert None not in tokens
