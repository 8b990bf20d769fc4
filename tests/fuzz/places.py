"""Entries for what places answer: S3 over HTTP, SFTP packets, lines of a hashing server, reports in buckets, names in listings."""

from __future__ import annotations

import hashlib
import io
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse
from paramiko import sftp

from drcheck.clock import Deadline
from drcheck.connectors import s3_bucket, s3_computed, s3_inventory, s3_reports, s3_session, s3_stored
from drcheck.connectors.base import CallLog
from drcheck.connectors.base import Entry as Listed
from drcheck.connectors.s3_client import S3Client
from drcheck.connectors.s3_listing import flat, in_order, parse_page, tree
from drcheck.connectors.s3_options import Folder, S3Options
from drcheck.connectors.s3_wire import Odd
from drcheck.connectors.s3_wire import Wire as HttpWire
from drcheck.connectors.sftp_remote_hash import TOOLS, RemoteHash
from drcheck.connectors.sftp_session import ReadOnlySession
from drcheck.connectors.sftp_tree import SftpTree
from drcheck.errors import ConnectorError, Malformed
from drcheck.formats.base import Format
from drcheck.formats.dated import DatedFormat, DatedOptions
from drcheck.formats.dump import DumpFormat, DumpOptions
from drcheck.formats.mirror import MirrorFormat, MirrorOptions
from drcheck.model.stored import Span, StoredChecksum
from drcheck.pace import Pace
from drcheck.secrets import Secret
from tests.connectors.s3_faults import LISTING
from tests.fuzz.entry import Entry, pieces, text

AT = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = Folder("reports", "inventory/", None)


class Answering:
    """What every request of a client is answered with."""

    status = 200
    headers: dict[str, str]
    body = b""

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        raw = Body(b"" if request.method == "HEAD" else self.body)
        return AWSResponse(request.url, self.status, self.headers, raw)  # type: ignore[arg-type]


class Body(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


@cache
def client() -> tuple[S3Client, Answering]:
    """A client of an S3 server that answers every question alike."""
    options = S3Options.model_validate(
        {"bucket": "bucket", "endpoint": "http://127.0.0.1:9", "region": "eu-west-2", "access_key": "env:A", "secret_key": "env:B"}
    )
    # One attempt: a second one only waits.
    with mock.patch.object(s3_session, "ATTEMPTS", 1):
        made = S3Client(options, secrets=lambda reference: Secret("secretsecret", reference), deadline=Deadline(None), calls=CallLog("fuzz"))
    answering = Answering()
    for each in (made.clients.s3, made.clients.sts):
        each.meta.events.register_first("before-send", answering)
    return made, answering


_QUESTIONS: tuple[Callable[[S3Client], object], ...] = (
    lambda asked: asked.page("", size=1000),
    s3_bucket.identity,
    s3_bucket.protection,
    s3_bucket.versions,
    s3_bucket.encryption,
    s3_bucket.permissions,
    s3_bucket.clock_skew,
    lambda asked: s3_bucket.lock_of(asked, asked.ask("HeadObject", "asking", Key="a") or {}, AT),
    lambda asked: s3_stored.from_head(asked.ask("HeadObject", "asking", Key="a", ChecksumMode="ENABLED") or {}, aws=True),
    lambda asked: s3_stored.with_parts(asked, "a", (StoredChecksum("crc32", "00000000", Span.COMPOSITE),)),
    lambda asked: s3_reports.folders(asked, PLACE, re.compile("a+")),
    lambda asked: s3_inventory.Inventory(asked, PLACE, root="", max_age=timedelta(days=9999)).made_at(),
    lambda asked: list(in_order(flat(lambda prefix, delimiter, token: asked.page(prefix, delimiter=delimiter, token=token, size=10), ""))),
    lambda asked: list(in_order(tree(lambda prefix, delimiter, token: asked.page(prefix, delimiter=delimiter, token=token, size=10), ""))),
)
_STATUSES = (200, 200, 200, 200, 400, 403, 404, 405, 206, 412, 301, 501)


def s3_answer(data: bytes) -> None:
    """Any answer to any question about a bucket: which one, the status, header lines, and the body."""
    which, headers, body = pieces(data, 3)
    asked, answering = client()
    answering.status = _STATUSES[which[1] % len(_STATUSES)] if len(which) > 1 else 200
    lines = (line.partition(b":") for line in headers.split(b"\n") if b":" in line)
    answering.headers = {name.strip().decode("latin-1"): value.strip(b" \r").decode("latin-1") for name, _, value in lines if name.strip()}
    answering.body = body
    with suppress(ConnectorError):
        _QUESTIONS[which[0] % len(_QUESTIONS) if which else 0](asked)


def s3_page(data: bytes) -> None:
    """One page of a listing."""
    with suppress(Malformed):
        for one in parse_page(data).keys:
            assert one.key
            assert 0 <= one.size < 2**63


class Reports:
    """As much of an S3 client as reading reports needs."""

    options = S3Options.model_validate({"bucket": "bucket", "anonymous": True, "endpoint": "https://x.example"})

    def __init__(self, content: bytes) -> None:
        self._content = content

    def ask(self, *_: object, **__: object) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._content), "ContentLength": len(self._content)}

    def tick(self) -> None:
        pass

    def explain(self, error: Exception, *_: object) -> Exception:
        return error


def report_rows(data: bytes) -> None:
    """A CSV file of an inventory, packed or not."""
    packed, content = data[:1] == b"p", data[1:]
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    with suppress(ConnectorError):
        for row in s3_reports.rows(Reports(content), PLACE, "key", md5=digest, size=None, packed=packed):  # type: ignore[arg-type]
            assert all(isinstance(cell, str) for cell in row)


def inventory(data: bytes) -> None:
    """An inventory: its manifest, and one file with the rows that follow."""
    manifest, rows = pieces(data, 2)
    with suppress(ConnectorError):
        told = s3_inventory.Inventory(Reports(b""), PLACE, root="", max_age=timedelta(days=9999))  # type: ignore[arg-type]
        told._read(manifest, hashlib.md5(manifest, usedforsecurity=False).hexdigest(), "2026-03-01T00-00Z")
    columns = {name: place for place, name in enumerate(("Bucket", "Key", "Size", "LastModifiedDate", "IsLatest", "IsDeleteMarker"))}
    file = {"key": "k", "MD5checksum": hashlib.md5(rows, usedforsecurity=False).hexdigest(), "size": len(rows)}
    with suppress(ConnectorError), mock.patch.object(s3_reports, "_unpacked", lambda chunks, *_: chunks):
        one = s3_inventory.Inventory(Reports(rows), PLACE, root="", max_age=timedelta(days=9999))  # type: ignore[arg-type]
        one._report = s3_inventory.Report("r", datetime.now(UTC), "CSV", tuple(columns), columns, (file,))
        try:
            for found in one.below(""):
                assert 0 <= found.size < 2**63
        finally:
            one.close()


def checksum_reports(data: bytes) -> None:
    """The result of one task in a completion report, and the manifest of a job."""
    s3_computed._computed(text(data))
    with suppress(Malformed):
        told = s3_reports.manifest(data, "x")
        s3_computed._succeeded(told.get("Results"), "x", "bucket")


def http_head(data: bytes) -> None:
    """What a server sends on a connection that objects are read from."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        wire = HttpWire(mock.Mock(dial=lambda _: mock.Mock(sock=ours)), Pace(), Deadline(None))
        with suppress(Odd, OSError):
            head = wire.ask(b"GET / HTTP/1.1\r\n\r\n", 5.0)
            assert 0 <= head.length < 10**18
            buffer = memoryview(bytearray(512))
            while wire.read_into(buffer):
                pass
        wire.close()


class Script:
    """A channel on which a server answers request after request with what it was given: a kind, then any body."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._coming = bytearray()
        self._sent = bytearray()
        self._begun = False

    def send(self, content: bytes) -> int:
        self._sent += content
        while len(self._sent) >= 4 and len(self._sent) >= (size := 4 + int.from_bytes(self._sent[:4], "big")):
            self._answer(bytes(self._sent[4:size]))
            del self._sent[:size]
        return len(content)

    def _answer(self, request: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._put(sftp.CMD_VERSION, b"\0\0\0\3" + b"\0\0\0\x13statvfs@openssh.com\0\0\0\x012")
        elif self._answers:
            answer = self._answers.pop(0)
            kinds = (sftp.CMD_STATUS, sftp.CMD_HANDLE, sftp.CMD_DATA, sftp.CMD_NAME, sftp.CMD_ATTRS, sftp.CMD_EXTENDED_REPLY)
            self._put(kinds[answer[0] % 6] if answer else 0, request[1:5] + answer[1:])

    def _put(self, kind: int, body: bytes) -> None:
        self._coming += (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body

    def recv(self, count: int) -> bytes:
        taken = bytes(self._coming[:count])
        del self._coming[:count]
        return taken

    def settimeout(self, _: float) -> None:
        pass

    def gettimeout(self) -> float:
        return 1.0

    def get_name(self) -> str:
        return "script"

    def close(self) -> None:
        pass


_SPLIT = b"\xfe\xfe"


def sftp_server(data: bytes) -> None:
    """An SFTP server, answer by answer, that is asked for its root, a listing and a file."""
    with suppress(ConnectorError):
        session = ReadOnlySession(Script(data.split(_SPLIT)), deadline=Deadline(None), calls=CallLog("fuzz"), alive=int)  # type: ignore[arg-type]
        found = SftpTree(session, "/srv", Deadline(None))
        for entry in found.walk(""):
            assert 0 <= entry.size < 2**63
            assert not entry.key.startswith("/")
            assert not {"", ".", ".."} & set(entry.key.split("/"))
        for _ in found.read("a", 0, None, Pace()):
            pass


class _Channel:
    """A command on a server that says so much and ends."""

    exit_status = 0
    status_event = mock.Mock()

    def __init__(self, said: bytes) -> None:
        self._said = io.BytesIO(said)

    def recv(self, _: int) -> bytes:
        return self._said.read(97)

    def __getattr__(self, name: str) -> Any:
        return {"recv_stderr_ready": bool, "gettimeout": float}.get(name, lambda *_: None)


def server_hash(data: bytes) -> None:
    """What a server's own sha256sum prints: an answer for each file that was asked about, and a digest only from a line about it."""
    asked = [(Listed(name, 1, None), ("sha256",)) for name in ("a", "b")]
    root = mock.Mock(path=lambda key: b"/srv/" + key.encode())
    hashing = RemoteHash(mock.Mock(), "sha256sum", root, deadline=Deadline(None), calls=CallLog("fuzz"), pace=Pace())
    with mock.patch("drcheck.connectors.sftp_remote_hash.start_command", return_value=_Channel(data)):
        answers = {entry.key: answer for entry, _, answer in hashing.claims(asked)}
    assert set(answers) == {"a", "b"}
    for key, answer in answers.items():
        if not isinstance(answer, ConnectorError):
            assert answer is not None
            assert re.search(rb"^%s [ *]/srv/%s$" % (answer.hex["sha256"].encode(), key.encode()), data, re.MULTILINE)
    assert TOOLS["sha256sum"].digits == 64


_FORMATS: tuple[Format, ...] = (
    DatedFormat(DatedOptions.model_validate({"pattern": "%Y-%m-%dT%H%M"})),
    DumpFormat(DumpOptions.model_validate({"pattern": "*%Y%m%d*"})),
    DumpFormat(DumpOptions.model_validate({"pattern": "db-%Y%m%dT%H%M%SZ.dump"})),
    MirrorFormat(MirrorOptions.model_validate({})),
    MirrorFormat(MirrorOptions.model_validate({"stamp": "stamp"})),
)


def listing(data: bytes) -> None:
    """Names, sizes and the content of every object of a copy, to every format."""
    from tests.formats.memory import MemoryConnector

    which, content, names = pieces(data, 3)
    held = MemoryConnector()
    held.put("copy/stamp", content, AT)
    for name in names.split(b"\n"):
        if name:
            held.put(f"copy/{text(name)}", len(name), AT)
    kind = _FORMATS[which[0] % len(_FORMATS) if which else 0]
    # Nothing grows here, so nobody need wait to see it.
    with suppress(ConnectorError), mock.patch("drcheck.formats.growth.APART", 0.0):
        found = kind.points(held, "copy", AT)
        assert found.objects >= 0
        for stored in kind.objects(held, "copy"):
            assert stored.entry.key in held.entries


_XML = (
    b"<",
    b">",
    b"</",
    b"&lt;",
    b"&#0;",
    b"&x;",
    b"<!DOCTYPE a [<!ENTITY x 'y'>]>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<![CDATA[",
    b"]]>",
    b"<Error><Code>",
    b"</Code></Error>",
    b"NoSuchKey",
    b"<Contents>",
    b"<Key>",
    b"%2F",
    b"%E9",
    b"<Size>9</Size>",
    b"<IsTruncated>true</IsTruncated>",
    b"<NextContinuationToken>a</NextContinuationToken>",
    b"ListBucketResult",
    b"<Days>",
    b"9" * 30,
    b"2026-03-01T00:00:00Z",
)
_HEADERS = (
    b"x-amz-bucket-region: a\n",
    b"Date: Sun, 01 Mar 2026 00:00:00 GMT\n",
    b"Content-Length: 3\n",
    b"x-amz-checksum-crc32: AAAAAA==\n",
    b'ETag: "a-2"\n',
    b"x-amz-object-lock-mode: COMPLIANCE\n",
    b"x-amz-object-lock-retain-until-date: 2026-03-01T00:00:00Z\n",
    b"Last-Modified: x\n",
    b"\0",
    b"\0\0",
)
_ATTRIBUTES = b"\0\0\0\x0d" + (5).to_bytes(8, "big") + (0o100600).to_bytes(4, "big") + bytes(4) + (1_700_000_000).to_bytes(4, "big")
_FOLDER = b"\0\0\0\x04" + (0o040700).to_bytes(4, "big")
_NAME = b"\x03\0\0\0\x01\0\0\0\x01a\0\0\0\x00" + _ATTRIBUTES
_SHA = hashlib.sha256(b"").hexdigest().encode()
ENTRIES = (
    Entry(
        "s3-answer",
        s3_answer,
        (
            b"\0\x01\0\0" + LISTING,
            b"\x02\x01\0\0<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>3</Days>"
            b"</DefaultRetention></Rule></ObjectLockConfiguration>",
            b"\x03\x01\0\0<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            b"\x05\x05\0\0<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
            b'\x07\x01\0ETag: "a"\nContent-Length: 3\nx-amz-object-lock-mode: GOVERNANCE\n'
            b"x-amz-object-lock-retain-until-date: 2027-03-01T00:00:00Z\n\0",
            b"\x09\x01\0\0<GetObjectAttributesResponse><ObjectParts><Part><PartNumber>1</PartNumber><Size>1</Size><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>"
            b"</ObjectParts></GetObjectAttributesResponse>",
            b"\x01\x01\0\0<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ),
        (*_XML, *_HEADERS),
    ),
    Entry("s3-page", s3_page, (LISTING,), _XML),
    Entry("report-rows", report_rows, (b'u"a","b"\n"c","d"\n', b"p\x1f\x8b\x08"), (b'"', b",", b"\n", b"\r", b'""', b'\n","')),
    Entry(
        "inventory",
        inventory,
        (
            b'{"sourceBucket":"bucket","version":"2016-11-30","fileFormat":"CSV","creationTimestamp":"1772323200000",'
            b'"fileSchema":"Bucket, Key, Size, '
            b'LastModifiedDate","files":[{"key":"k","size":1,"MD5checksum":"d41d8cd98f00b204e9800998ecf8427e"}]}'
            b'\0"bucket","a%20b","3","2026-03-01T00:00:00.000Z","true","false"\n',
            b'{"sourceBucket":"bucket","version":"2016-11-30","fileFormat":"Parquet","creationTimestamp":"1772323200000",'
            b'"fileSchema":"message s3.inventory {  required binary bucket (STRING);  required binary key (STRING);  optional int64 size;'
            b'  optional int64 last_modified_date (TIMESTAMP(MILLIS,true));}","files":[]}',
            b'{"sourceBucket":"bucket","version":"2016-11-30","fileFormat":"ORC","creationTimestamp":"1772323200000",'
            b'"fileSchema":"struct<bucket:string,key:string,size:bigint,last_modified_date:timestamp>","files":[]}',
        ),
        (
            b'"',
            b",",
            b"\n",
            b"%",
            b"+",
            b"true",
            b"null",
            b"1e999",
            b"9" * 20,
            b"[" * 300,
            b"2026-03-01T00:00:00.000Z",
            b"bucket",
            b";",
            b":",
            b"(",
            b" " * 300,
            b"optional ",
        ),
    ),
    Entry(
        "checksum-reports",
        checksum_reports,
        (b'{"etag":"a","checksumAlgorithm":"CRC32","checksumType":"FULL_OBJECT","checksum_base64":"AAAAAA==","checksum_hex":"00000000"}',),
        (b'"', b"{", b"[" * 300, b"null", b"1e999", b'"Results"', b"\\ud800", "é".encode()),
    ),
    Entry(
        "http-head",
        http_head,
        (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "a"\r\n\r\nabc', b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\nConnection: close\r\n\r\na"),
        (b"\r\n", b": ", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"9" * 30, b"HTTP/1.1 ", b" \r\n", b"\xb2"),
    ),
    Entry(
        "sftp-server",
        sftp_server,
        (
            _SPLIT.join(
                [
                    b"\x03\0\0\0\x01\0\0\0\x04/srv\0\0\0\x00" + _FOLDER,
                    b"\x04" + _FOLDER,
                    b"\x05" + bytes(88),
                    b"\x01\0\0\0\x01h",
                    _NAME,
                    b"\0\0\0\0\x01",
                    b"\0\0\0\0\x01",
                    b"\0\0\0\0\x00",
                    b"\x04" + _FOLDER,
                    b"\x05" + bytes(88),
                    b"\x04" + _ATTRIBUTES,
                    b"\x01\0\0\0\x01h",
                    b"\x04" + _ATTRIBUTES,
                    b"\x02\0\0\0\x05bytes",
                    b"\x04" + _ATTRIBUTES,
                ]
            ),
        ),
        (
            _SPLIT,
            _ATTRIBUTES,
            _FOLDER,
            _NAME,
            b"\0\0\0\0\x01",
            b"\0\0\0\x0d" + b"\xff" * 8,
            b"\x80\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\x02..",
            b"\0\0\0\x03a/b",
        ),
    ),
    Entry(
        "server-hash",
        server_hash,
        (_SHA + b"  /srv/a\n" + _SHA + b" */srv/b\n",),
        (_SHA, b"  ", b" *", b"/srv/a", b"/srv/b", b"\n", b"\\", b"\r", b"/srv/c"),
    ),
    Entry(
        "listing",
        listing,
        (
            b"\0\0\02026-03-01T0210/a\n2026-02-28T0210/b",
            b"\x02\0\0db-20260301T021000Z.dump\ndb-20260301T021000Z.dump.sha256",
            b"\x04\02026-03-01T00:00:00Z\0a",
        ),
        (b"2026-03-01T0210", b"/", b"..", b"\xff", b"9999-12-31T2359", b"20260301", b"0000", b"\xd9\xa3", b".partial", b".sha256", b"\n"),
    ),
)
