"""Entries for what lies in files: manifests, TOML that somebody wrote, facts and records, the chain, packed runs, messages of workers."""

from __future__ import annotations

import codecs
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from drcheck import clock, sizes
from drcheck.chain import Link, link_from
from drcheck.connectors.base import Entry as Listed
from drcheck.connectors.mounts import parse_mountinfo
from drcheck.connectors.sftp_hostkeys import pins_from_known_hosts, pins_from_text
from drcheck.errors import ConfigError, Malformed, ManifestError, Untrusted
from drcheck.manifests import bagit, read_manifest
from drcheck.model import Depth, Facts, ObjectResult, Reason, Unobserved
from drcheck.open_estate import checked_estate
from drcheck.policy import load_waivers
from drcheck.policy.loading import load_pack
from drcheck.record import assessment_from_record, assessment_to_record, facts_from_json, facts_to_json
from drcheck.restore.records import load_drills
from drcheck.store.digests import digests_of
from drcheck.store.known import Known, Reading, cells_of
from drcheck.store.packing import Damaged, pack, unpack
from drcheck.verify.engines.shard import Shard
from drcheck.verify.engines.wire import Report, Task
from drcheck.verify.tariff import load_tariff
from tests.estate.examples import GOOD
from tests.fuzz.entry import Entry, pieces, text
from tests.reports import sample

AT = datetime(2026, 3, 1, tzinfo=UTC)
SHA = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_FOLDER = tempfile.TemporaryDirectory(prefix="drcheck-fuzz-")
"""Goes with the process."""


def harmless(name: str) -> str:
    """The name from a manifest, which stays below its root."""
    assert name
    assert not name.startswith(("/", "\\")), name
    assert ".." not in name.replace("\\", "/").split("/"), name
    assert "\0" not in name
    return name


def chunks(content: bytes, step: int = 61) -> Iterator[bytes]:
    """The bytes as they come from a wire."""
    return (content[start : start + step] for start in range(0, len(content), step))


def manifest(data: bytes) -> None:
    """Any manifest: the kind, the algorithm and the file's name come first."""
    kind, algorithm, content = pieces(data, 3)
    kinds = {b"g": "gnu", b"b": "bsd", b"s": "sfv", b"h": "hashdeep", b"i": "bagit"}
    algorithms = {b"1": "sha1", b"2": "sha256", b"m": "md5", b"b": "blake2b"}
    file = "manifest-sha256.txt" if kind[1:2] == b"t" else "x"
    with suppress(ManifestError):
        reading = read_manifest(chunks(content), file=file, kind=kinds.get(kind[:1], "auto"), algorithm=algorithms.get(algorithm[:1], ""))
        for promise in reading.promises:
            harmless(promise.name)


def bag(data: bytes) -> None:
    """The files of a bag."""
    first, content = pieces(data, 2)
    declaration = bagit.Declaration()
    with suppress(ManifestError):
        declaration = bagit.read_declaration(chunks(first), "bagit.txt")
        codecs.lookup(declaration.encoding)
    readers: list[Callable[[], object]] = [
        lambda: bagit.read_oxum(chunks(content), "bag-info.txt", declaration),
        lambda: list(map(harmless, bagit.read_fetch(chunks(content), "fetch.txt", declaration))),
        lambda: [harmless(one.name) for one in bagit.read_manifest(chunks(content), "m", "sha256", tag=False, declaration=declaration)],
        lambda: [harmless(one.name) for one in bagit.read_manifest(chunks(content), "m", "md5", tag=True, declaration=declaration)],
    ]
    for reader in readers:
        with suppress(ManifestError):
            reader()


def toml_of(load: Callable[[Path], object], name: str) -> Callable[[bytes], None]:
    """An entry for a loader of a file that somebody wrote."""

    def run(data: bytes) -> None:
        path = Path(_FOLDER.name) / name
        path.write_bytes(data)
        try:
            load(path)
        except ConfigError as error:
            # What is wrong is said on lines that a terminal can show.
            assert all(line.isprintable() for line in str(error).splitlines()), str(error)  # noqa: PT017

    return run


def estate(data: bytes) -> None:
    """An estate, with the options of its connectors and formats."""
    with suppress(ConfigError):
        checked_estate(Path("/etc/estate.toml"), data)


def facts(data: bytes) -> None:
    """Kept facts: understood exactly as they are written, or refused."""
    with suppress(ConfigError):
        found = facts_from_json(data.decode("utf-8", "replace"), Path("facts.json"))
        assert facts_from_json(facts_to_json(found), Path("facts.json")) == found


def record(data: bytes) -> None:
    """A recorded assessment."""
    with suppress(ConfigError):
        assessment_from_record(data, "record.json")


def link(data: bytes) -> None:
    """A link of the chain: its one canonical form, or refused."""
    with suppress(ValueError):
        assert link_from(data).canonical() == data


def run_of_objects(data: bytes) -> None:
    """A packed run: what lies in a store."""
    columns, digests = data[: len(data) // 2], data[len(data) // 2 :]
    if data[:1] == b"z":  # a run whose checksum is right and whose content is any
        columns, digests = zlib.compress(data[1:], 1), b""
    elif data[:1] == b"c":
        columns, digests = _packed(data[1:])
    with suppress(Damaged):
        for row in unpack(columns, digests, zlib.crc32(digests, zlib.crc32(columns))):
            known = Known(row, AT)
            assert isinstance(known.size, int)
            assert known.result is None or isinstance(known.result, ObjectResult)
            assert known.depth is not None
            assert isinstance(known.last_tried, datetime | None)
            digests_of(row.shape, row.raw)


def _packed(data: bytes) -> tuple[bytes, bytes]:
    """A good run with some bytes of its columns changed."""
    body = bytearray(zlib.decompress(_RUN.columns))
    for place, value in zip(data[::2], data[1::2], strict=False):
        body[place * 7 % len(body)] = value
    return zlib.compress(bytes(body), 1), _RUN.digests


_RUN = pack([cells_of(Reading(f"folder/{name}", ObjectResult.MATCH, AT, Depth.READ, 7)) for name in ("a", "b", "c")])
LINK = Link("org", 1, "run", AT, AT, False, 0, (("record.json", "sha256:" + "0" * 64),), (), "")
_SHARD = Shard([(Listed("a", 1, None), ("sha256",)), (Listed("b", 2, None), ("md5",))], 3)


def task(data: bytes) -> None:
    """What a worker is sent."""
    with suppress(Malformed):
        Task.from_bytes(data)


def report(data: bytes) -> None:
    """What a worker sends back: an answer for each object, whatever it says."""
    with suppress(Malformed):
        found = Report.from_bytes(data, _SHARD)
        assert set(found.answers) == {0, 1}


def known_hosts(data: bytes) -> None:
    """A known_hosts file, and a pin of the estate: nothing is pinned that is not there."""
    with suppress(Untrusted):
        pins_from_known_hosts(text(data), "backup.example", 2222)
    with suppress(ValueError):
        pins_from_text(text(data))


def mounts(data: bytes) -> None:
    """The kernel's table of mounts."""
    for found in parse_mountinfo(data):
        assert isinstance(found.place + found.server + found.source + found.block_device, str)


def moments(data: bytes) -> None:
    """Moments, durations and sizes as people write them."""
    for parse in (clock.parse_moment, clock.parse_duration, sizes.parse_size):
        with suppress(ValueError):
            parse(text(data))


def _facts() -> bytes:
    given = sample.hospital().facts
    small = Facts(AT, given.targets[:1], given.copies[:2], Unobserved(Reason.TIMED_OUT, "late"))
    return facts_to_json(small).encode()


_TOML = (
    b"[[",
    b"]]",
    b"[",
    b"]",
    b"=",
    b'"',
    b"'''",
    b'"""',
    b"\n",
    b"{",
    b"}",
    b"1979-05-27T07:32:00Z",
    b"inf",
    b"nan",
    b"0x",
    b"true",
    b".",
    b"#",
    b"\\u",
)
_JSON = (b"{", b"}", b"[", b"]", b":", b",", b'"', b"null", b"true", b"1e999", b"NaN", b"-0", b"Infinity", b"\\ud800", b"9" * 400, b"[" * 300)
_PACK = b"""schema = "drcheck.policy/1"
id = "x"
version = "1"
title = "x"
about = "x"
issuer = "x"
document = "x"
document_version = "1"
url = "https://example.org/"
date_read = 2026-11-21
country = "GB"
sectors = ["health"]
licence = "Apache-2.0"
sure = "verified"

[[controls]]
id = "recent"
clause = "1"
title = "recent"
text = "recent"
sure = "verified"
severity = "high"
check = "backup.recency"
ours = { grace = "1h" }
because = "x"
"""
_DRILL = b"""[[drills]]
system = "epr"
target = "vault"
recovery_point = "2026-02-28"
started = 2026-03-01T09:00:00Z
ended = 2026-03-01T12:30:00Z
success = true
verified_by = "A. Shah"
"""
_WAIVERS = b"""schema = "drcheck.waivers/1"
[[waivers]]
policy = "p"
control = "c"
subject = "s"
owner = "o"
reason = "r"
until = 2026-12-31
"""
_TARIFF = b"""schema = "drcheck.tariff/1"
currency = "GBP"
[connectors.s3]
requests = { list = "0.005", get = "0.0004", head = "0.0004" }
egress = "0.09"
retrieval = "0"
source = "contract"
date = 2026-03-01
"""
ENTRIES = (
    Entry(
        "manifest",
        manifest,
        (
            b"g\0" + b"2\0" + SHA + b"  a/b\n\\" + SHA + b"  c\\nd\n",
            b"b\0\0SHA256 (a) = " + SHA + b"\n",
            b"s\0\0; made by\na.bin 0a1b2c3d\n",
            b"h\0\0%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n## Invoked from: /x\n0," + SHA + b",/x/a\n",
            b"it\0\0" + SHA + b"  data/a%0Ab\n",
            b"\0\0" + SHA + b"  a\0" + SHA + b"  b\0",
        ),
        (SHA, b"  ", b" *", b"\\", b"../", b"/", b"%0A", b"\r\n", b"SHA256 (", b") = ", b"\xff", b"C:\\", b"\xef\xbb\xbf", b"%%%% "),
    ),
    Entry(
        "bag",
        bag,
        (
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n\0" + SHA + b"  data/a\n",
            b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-16\n\0Payload-Oxum: 12.3\n",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n\0http://x.example/a 3 data/a\n",
        ),
        (
            b"BagIt-Version: ",
            b"Tag-File-Character-Encoding: ",
            b"unicode_escape",
            b"idna",
            b"utf-7",
            b"zip",
            b"Payload-Oxum: ",
            b"data/",
            b"~/",
            b"\n ",
        ),
    ),
    Entry("estate", estate, (GOOD.encode(),), (*_TOML, b"policies", b"options", b"domains", b"env:", b"connector", b'"s3"', b'"sftp"', b'"local"')),
    Entry("pack", toml_of(lambda path: load_pack(str(path)), "pack.toml"), (_PACK,), (*_TOML, b"check", b"ours", b"issuer", b"..")),
    Entry("waivers", toml_of(load_waivers, "waivers.toml"), (_WAIVERS,), _TOML),
    Entry("drills", toml_of(load_drills, "drills.toml"), (_DRILL,), _TOML),
    Entry(
        "drill-lines",
        toml_of(load_drills, "drills.jsonl"),
        (
            b'{"system":"epr","target":"v","recovery_point":"x","started":"2026-03-01T09:00:00Z","ended":"2026-03-01T09:00:00Z","success":true,'
            b'"verified_by":"x"}\n',
        ),
        _JSON,
    ),
    Entry("tariff", toml_of(load_tariff, "tariff.toml"), (_TARIFF,), _TOML),
    Entry("facts", facts, (_facts(),), (*_JSON, b'"value"', b'"reason"', b'"source"', b'"at"', b"2026-03-01T00:00:00Z")),
    Entry("record", record, (assessment_to_record(sample.nothing()),), _JSON),
    Entry("link", link, (LINK.canonical(),), (*_JSON, b'"number"', b'"papers"', b"sha256:", b'"as_of"')),
    Entry(
        "run-of-objects",
        run_of_objects,
        (_RUN.columns + _RUN.digests, b"c\x01\x02", b"zrun1" + bytes(20)),
        (b"run1", b"\xff\xff\xff\xff", b"sha256 32 ="),
    ),
    Entry(
        "task",
        task,
        (Task("1", Path("/e.toml"), "x", "t", 1.0, None, _SHARD.wanted).to_bytes(),),  # type: ignore[arg-type]
        (*_JSON, b'"objects"', b'"estate"', b"2026-03-01T00:00:00+99:99"),
    ),
    Entry(
        "report",
        report,
        (Report("w", [("a", 1)], {}, None).to_bytes(), b'{"worker":"w","calls":[],"answers":[[0,"digests",{"md5":"0"},1,false]],"ended":null}'),
        (*_JSON, b'"answers"', b'"digests"', b'"ended"', b"[[0,"),
    ),
    Entry(
        "known-hosts",
        known_hosts,
        (b"[backup.example]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample\n", b"|1|c2FsdA==|aGFzaA== ssh-rsa AAAA\n", b"SHA256:" + b"A" * 43),
        (b"@revoked ", b"@cert-authority ", b"*", b"?", b"!", b",", b"|1|", b"ssh-ed25519", b"[backup.example]:2222"),
    ),
    Entry(
        "mounts",
        mounts,
        (b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n",),
        (b" - ", b"\\040", b"nfs4", b"srv:/x", b"cifs", b"9" * 5000),
    ),
    Entry("moments", moments, (b"2026-03-01T02:10:00Z", b"36h", b"1.5 GiB"), (b"Z", b"+99:99", b"T", b"d", b"TiB", b"9" * 400, b"\xd9\xa3", b"e9")),
)
