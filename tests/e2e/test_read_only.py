"""A full check changes nothing on any target, makes no call that its connector may not make, and says so itself."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from drcheck.connectors import connector_class
from tests.connectors.moto_server import running_moto
from tests.connectors.s3_faults import Asked, proxy
from tests.connectors.seaweed import ADMIN, writer
from tests.connectors.sshd import SshServer
from tests.e2e.estates import fill, manifest, numbered, target, write_estate
from tests.e2e.runs import check, environment, snapshot

OBJECTS = numbered(25)
SFTP_SERVER = shutil.which("sftp-server", path="/usr/lib/openssh:/usr/libexec/openssh:/usr/libexec:/usr/lib/ssh")
KEYS = {"KEY": ADMIN.access_key, "SECRET": ADMIN.secret_key}


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


def _calls(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _only_allowed(file: Path, name: str, kind: str) -> set[str]:
    """Every kind of call in the file, which are all of this target and among those that its connector may make."""
    calls = _calls(file)
    assert calls
    for call in calls:
        assert set(call) == {"at", "target", "call", "subject"}
        assert call["target"] == name
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", call["at"])
    made = {call["call"] for call in calls}
    assert made <= connector_class(kind).allowed_calls
    return made


def _counted(file: Path, document: dict[str, Any]) -> None:
    """The document's counts are those of the file."""
    counts: dict[str, int] = {}
    for call in _calls(file):
        counts[call["call"]] = counts.get(call["call"], 0) + 1
    assert {each["call"]: each["count"] for each in document["targets"][0]["calls"]} == counts


def test_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "nas" / "data", OBJECTS)
    estate = write_estate(tmp_path / "estate", [target("nas", "local", {"root": str(tmp_path / "nas")})])
    before = snapshot(tmp_path / "nas")
    done = check(estate, "--calls", tmp_path / "calls.jsonl")
    assert done.code == 0, done.stderr
    assert done.copy("nas")["verification"]["objects_read"] == 25
    assert snapshot(tmp_path / "nas") == before
    assert "local:open" in _only_allowed(tmp_path / "calls.jsonl", "nas", "local")
    _counted(tmp_path / "calls.jsonl", done.document)


@pytest.mark.skipif(SFTP_SERVER is None, reason="needs OpenSSH's sftp-server as a program of its own, which notes every request")
@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_an_sftp_server(tmp_path: Path, held: ExitStack) -> None:
    noted = tmp_path / "noted"
    # The server's shell runs this, so that what the server itself notes of every request lands in a file.
    server = held.enter_context(SshServer(tmp_path, sftp=f"{SFTP_SERVER} -e -l VERBOSE 2>>{noted}"))
    fill(server.root / "data", OBJECTS)
    estate = write_estate(tmp_path / "estate", [target("archive", "sftp", server.options())])
    before = snapshot(server.root)
    done = check(estate, "--calls", tmp_path / "calls.jsonl")
    assert done.code == 0, done.stderr
    assert done.copy("archive")["verification"]["objects_read"] == 25
    assert snapshot(server.root) == before
    made = _only_allowed(tmp_path / "calls.jsonl", "archive", "sftp")
    assert {"ssh:login", "sftp:open", "sftp:read"} <= made
    _counted(tmp_path / "calls.jsonl", done.document)
    said = noted.read_text(encoding="utf-8", errors="replace")
    opened = re.findall(r'open "[^"]*" flags (\S+)', said)
    assert len(opened) >= 25
    assert set(opened) == {"READ"}
    assert not re.findall(r"\b(?:remove|rename|mkdir|rmdir|setstat|symlink|link|hardlink|posix-rename|set|truncate) \"[^\"]*\"", said)


def test_a_bucket(tmp_path: Path, held: ExitStack) -> None:
    moto = held.enter_context(running_moto())
    client = writer(moto)
    client.create_bucket(Bucket="read-only")
    client.put_bucket_versioning(Bucket="read-only", VersioningConfiguration={"Status": "Enabled"})
    for name, content in {**OBJECTS, "SHA256SUMS": manifest(OBJECTS).encode()}.items():
        client.put_object(Bucket="read-only", Key=f"data/{name}", Body=content)
    asked: list[tuple[str, bool]] = []

    def note(request: Asked) -> None:
        # Only STS is asked by POST, at the server's root.
        asked.append((request.method, bool(request.key or request.query)))

    front = held.enter_context(proxy(moto, note))
    options = {"endpoint": front, "bucket": "read-only", "region": "eu-west-2", "access_key": "env:KEY", "secret_key": "env:SECRET"}
    estate = write_estate(tmp_path / "estate", [target("cloud", "s3", options)])
    before = _bucket(client)
    done = check(estate, "--calls", tmp_path / "calls.jsonl", env=environment(**KEYS))
    assert done.code == 0, done.stderr
    assert done.copy("cloud")["verification"]["objects_read"] == 25
    assert _bucket(client) == before
    assert {"s3:ListObjectsV2", "s3:GetObject"} <= _only_allowed(tmp_path / "calls.jsonl", "cloud", "s3")
    _counted(tmp_path / "calls.jsonl", done.document)
    # What went over the wire.
    assert {method for method, _ in asked} <= {"GET", "HEAD", "POST"}
    assert not [method for method, subject in asked if method == "POST" and subject]


def _bucket(client: Any) -> list[object]:
    """Everything about the bucket that looking must not change."""
    listed = client.list_object_versions(Bucket="read-only")
    versions = [(each["Key"], each["VersionId"], each["ETag"], each["LastModified"], each["IsLatest"]) for each in listed["Versions"]]
    contents = [hashlib.sha256(client.get_object(Bucket="read-only", Key=key)["Body"].read()).hexdigest() for key, *_ in versions]
    tags = [client.get_object_tagging(Bucket="read-only", Key=key)["TagSet"] for key, *_ in versions]
    uploads = client.list_multipart_uploads(Bucket="read-only").get("Uploads", [])
    return [versions, contents, tags, uploads, listed.get("DeleteMarkers", []), client.get_bucket_acl(Bucket="read-only")["Grants"]]
