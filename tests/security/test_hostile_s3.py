"""An S3 server that means harm: entities, answers and redirects without end, numbers that are none, certificates of somebody else."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import ipaddress
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drcheck.connectors import s3_bounds, s3_reports
from drcheck.connectors.base import Connector
from drcheck.connectors.s3_client import MOST_REQUESTS
from drcheck.connectors.s3_listing import parse_page
from drcheck.connectors.s3_options import Folder
from drcheck.errors import AccessDenied, ConnectorError, Malformed, Unreachable, Untrusted
from tests.connectors.s3_faults import LISTING, Answer, Asked, answering, proxy
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN
from tests.fuzz.places import Reports

SECRET = "the content of a file on this machine"
LAUGHS = "<!DOCTYPE lolz [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
QUADRATIC = f"<!DOCTYPE q [<!ENTITY a '{'a' * 50_000}'>"


def dtds(folder: Path) -> dict[str, str]:
    """Document types that no parser may follow."""
    file = folder / "secret.txt"
    file.write_text(SECRET)
    return {
        "a billion laughs": f"{LAUGHS}]>",
        "quadratic": f"{QUADRATIC}]>",
        "a file": f"<!DOCTYPE x [<!ENTITY i SYSTEM 'file://{file}'><!ENTITY a '&i;'>]>",
        "a place": "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p; <!ENTITY i 'x'>]>",
        "behind a long comment": f"<!-- {'x' * 9000} -->{LAUGHS}]>",
    }


KINDS = ("a billion laughs", "quadratic", "a file", "a place", "behind a long comment")


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Connector]:
    """A connector to the server at `url`."""
    with s3_connector(url, "bucket", ADMIN, seconds=60.0, **options) as connector:
        yield connector


def bounded(ask: Callable[[], object]) -> BaseException:
    """What `ask` raises, with little time and memory spent on it."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(ConnectorError) as caught:
            ask()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 64 * 2**20
    assert time.process_time() - begun < 20
    return caught.value


@pytest.mark.parametrize(("kind", "encoding"), [*((kind, "utf-8") for kind in KINDS), (KINDS[0], "utf-16")])
def test_no_entity_of_a_listing_is_expanded(kind: str, encoding: str, tmp_path: Path) -> None:
    content = "<ListBucketResult><Contents><Key>&i;&a;</Key></Contents></ListBucketResult>"
    text = f"<?xml version='1.0' encoding='{encoding}'?>{dtds(tmp_path)[kind]}{content}"
    body = text.encode(encoding)
    assert isinstance(bounded(lambda: parse_page(body)), Malformed)
    with answering(lambda _: Answer(200, body)) as url:
        said = bounded(lambda: _list(url))
    assert isinstance(said, Malformed)
    assert SECRET not in str(said)


@pytest.mark.parametrize("kind", ["a billion laughs", "a file", "behind a long comment"])
def test_no_entity_of_an_error_or_of_another_answer_is_expanded(kind: str, tmp_path: Path) -> None:
    dtd = dtds(tmp_path)[kind]
    error = f"{dtd}<Error><Code>AccessDenied</Code><Message>&i;&a;</Message></Error>".encode()
    with answering(lambda _: Answer(403, error)) as url:
        said = bounded(lambda: _list(url))
    # The status is known all the same.
    assert isinstance(said, AccessDenied)
    assert SECRET not in str(said)

    settings = f"{dtd}<LocationConstraint>&i;&a;</LocationConstraint>".encode()

    def other(asked: Asked) -> Answer:
        return Answer(200, LISTING) if asked.lists else Answer(200 if asked.method != "HEAD" else 403, settings)

    with answering(other) as url, opened(url) as connector:
        for question in (connector.identity, connector.protection, connector.versions, connector.encryption):
            assert isinstance(bounded(question), Malformed)
    with answering(lambda asked: Answer(200, LISTING) if asked.lists else Answer(400, settings)) as url, opened(url) as connector:
        with suppress(ConnectorError):  # the region of a bucket, which botocore parses by itself
            connector.identity()
        assert SECRET not in str(bounded(connector.versions))


def _list(url: str) -> None:
    with opened(url) as connector:
        list(connector.list())


def test_elements_in_elements_do_not_exhaust_the_stack() -> None:
    depth = 200_000
    body = b"<ListBucketResult>" + b"<a>" * depth + b"</a>" * depth + b"</ListBucketResult>"
    assert parse_page(body).keys == []


@contextmanager
def flood(head: bytes, piece: bytes) -> Iterator[tuple[str, Callable[[], int]]]:
    """A server that begins every answer with `head` and goes on with `piece` for ever; gives its URL, and how many bytes it got rid of."""
    sent = [0]

    def serve(line: socket.socket) -> None:
        with suppress(OSError), line:
            line.settimeout(30)
            line.recv(65536)
            line.sendall(head)
            while True:
                line.sendall(piece)
                sent[0] += len(piece)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                threading.Thread(target=serve, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: sent[0]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
def test_an_answer_without_an_end_is_given_up(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bounds, "LARGEST", 4 * 2**20)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n<ListBucketResult>".encode()
    with flood(head, b"<a>" * 20_000) as (url, sent):
        said = bounded(lambda: _list(url))
        assert isinstance(said, Malformed)
        assert "goes on for more than" in str(said)
        # What was on its way when we hung up comes on top.
        assert sent() < 64 * 2**20


def test_a_whole_answer_may_be_as_long_as_any_of_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = LISTING[LISTING.index(b"<Contents>") : LISTING.index(b"</ListBucketResult>")]
    keys = [f"{number:04}".encode() + b"%2F" * 340 for number in range(1000)]
    body = LISTING.replace(entry, b"".join(entry.replace(b"<Key>object</Key>", b"<Key>%s</Key>" % key) for key in keys))
    body = body.replace(b"<Name>", b"<EncodingType>url</EncodingType><Name>")
    assert len(body) < s3_bounds.LARGEST / 8
    with answering(lambda asked: Answer(200, body)) as url, opened(url) as connector:
        assert len(list(connector.list())) == 1000


@pytest.mark.parametrize("status", [301, 307, 400])
def test_redirects_without_an_end_are_not_followed_for_ever(status: int) -> None:
    asked: list[str] = []
    error = b"<Error><Code>%s</Code></Error>" % (b"AuthorizationHeaderMalformed" if status == 400 else b"PermanentRedirect")

    def away(request: Asked) -> Answer:
        asked.append(request.method)
        return Answer(status, error)

    with answering(away) as url, pytest.raises((Malformed, Unreachable, AccessDenied)):
        _list(url)
    assert len(asked) <= MOST_REQUESTS
    with answering(lambda request: Answer(200, LISTING) if request.lists else away(request)) as url, opened(url) as connector:
        for question in (connector.versions, connector.clock_skew, connector.encryption, connector.protection):
            asked.clear()
            with suppress(ConnectorError):
                question()
            assert 1 <= len(asked) <= MOST_REQUESTS


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        (f"<LocationConstraint>{' ' * 5000}", lambda connector: connector.identity()),
        (f"<VersioningConfiguration>{' ' * 5000}<Status>", lambda connector: connector.versions()),
        (
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>many</Days>"
            "</DefaultRetention></Rule></ObjectLockConfiguration>",
            lambda connector: connector.protection(),
        ),
        (
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>"
            f"<Days>{'9' * 5000}</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
            lambda connector: connector.protection(),
        ),
    ],
    ids=["cut short", "cut short in a text", "no number", "a number of 5,000 digits"],
)
def test_an_answer_that_botocore_stumbles_over_is_malformed_and_no_bug(body: str, ask: Callable[[Connector], object]) -> None:
    with answering(lambda asked: Answer(200, LISTING if asked.lists else body.encode())) as url, opened(url) as connector:
        said = bounded(lambda: ask(connector))
    # What is cut short botocore takes for a failure of the server.
    assert isinstance(said, (Malformed, Unreachable))


def test_a_row_that_goes_on_for_ever_is_given_up() -> None:
    # A row of a report is as long as its quoted line ends make it: 200 MB of it come to a few hundred kilobytes, packed.
    content = gzip.compress(b'"' + b'\n","' * 50_000_000, 6)

    def read() -> None:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        for _ in s3_reports.rows(Reports(content), Folder("b", "p/", None), "k", md5=digest, size=None, packed=True):  # type: ignore[arg-type]
            pytest.fail("there is no row")

    assert "has a row of more than" in str(bounded(read))


def test_a_bomb_in_a_report_is_given_up() -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as bomb:
        for _ in range(400):
            bomb.write(bytes(2**20))
    content = packed.getvalue()

    def read() -> None:
        list(s3_reports.rows(Reports(content), Folder("b", "p/", None), "k", md5="0" * 32, size=None, packed=True))  # type: ignore[arg-type]

    assert isinstance(bounded(read), Malformed)


# TLS


def certificate(folder: Path, name: str, *, address: str = "127.0.0.1", days: tuple[int, int] = (-1, 1)) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate: the file that trusts it, and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + dt.timedelta(days=days[0]))
        .not_valid_after(today + dt.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trust, secret = folder / f"{name}.pem", folder / f"{name}.key"
    trust.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust, secret)
    return trust, context


@pytest.mark.parametrize("wrong", ["nobody's", "another name", "over", "not yet"])
def test_a_certificate_that_does_not_fit_is_untrusted(wrong: str, tmp_path: Path, moto_endpoint: str) -> None:
    address = "127.0.0.2" if wrong == "another name" else "127.0.0.1"
    days = {"over": (-9, -1), "not yet": (5, 9)}.get(wrong, (-1, 1))
    trust, context = certificate(tmp_path, "server", address=address, days=days)
    _, bucket = new_bucket(moto_endpoint)
    asked: list[Asked] = []

    def note(request: Asked) -> None:
        asked.append(request)

    with proxy(moto_endpoint, note, tls=context) as url:
        connector = s3_connector(url, bucket, ADMIN, ca_bundle=None if wrong == "nobody's" else str(trust))
        with pytest.raises(Untrusted, match="certificate"):
            connector.open()
        connector.close()
    assert asked == [], "nothing, above all no signature, is sent to a server that is not trusted"


def test_a_certificate_that_fits_is_trusted_and_one_that_takes_its_place_is_not(tmp_path: Path, moto_endpoint: str) -> None:
    trust, right = certificate(tmp_path, "right")
    certificate(tmp_path, "wrong")
    client, bucket = new_bucket(moto_endpoint)
    for number in range(3):
        client.put_object(Bucket=bucket, Key=f"{number}", Body=b"x")
    # One port whose certificate changes between the listing and the reading, which goes over connections of its own.
    with proxy(moto_endpoint, tls=right) as url, s3_connector(url, bucket, ADMIN, ca_bundle=str(trust)) as connector:
        listed = list(connector.list())
        assert len(listed) == 3
        assert connector.encryption().in_transit.startswith("TLSv1.")
        right.load_cert_chain(tmp_path / "wrong.pem", tmp_path / "wrong.key")
        answers = [answer for _, answer in connector.digests((entry, ("sha256",)) for entry in listed)]
    assert [type(answer) for answer in answers] == [Untrusted] * 3


def test_an_old_protocol_is_not_spoken(tmp_path: Path, moto_endpoint: str) -> None:
    trust, context = certificate(tmp_path, "old")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    _, bucket = new_bucket(moto_endpoint)
    with proxy(moto_endpoint, tls=context) as url:
        connector = s3_connector(url, bucket, ADMIN, ca_bundle=str(trust))
        with pytest.raises((Untrusted, Unreachable)):
            connector.open()
        connector.close()
