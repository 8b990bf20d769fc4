"""`drcheck doctor` on real servers: good ones, and one for each thing that can be wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from drcheck.demo.servers import SftpServer
from tests.cli.runs import drcheck
from tests.connectors.moto_server import running_moto
from tests.connectors.s3_faults import Answer, proxy
from tests.connectors.seaweed import ADMIN, writer
from tests.connectors.sshd import SshServer, free_port
from tests.e2e.estates import fill, manifest, mirror, numbered, target, write_estate

OBJECTS = numbered(5)
SECRETS = {"DOCTOR_PASSWORD": "the right one", "DOCTOR_WRONG": "another", "DOCTOR_KEY": ADMIN.access_key, "DOCTOR_SECRET": ADMIN.secret_key}


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def moto(held: ExitStack) -> str:
    """A moto with a bucket `doctors`."""
    endpoint: str = held.enter_context(running_moto())
    client = writer(endpoint)
    client.create_bucket(Bucket="doctors")
    for name, content in {**OBJECTS, "SHA256SUMS": manifest(OBJECTS).encode()}.items():
        client.put_object(Bucket="doctors", Key=f"data/{name}", Body=content)
    return endpoint


def _bucket(endpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "bucket": "doctors",
        "region": "eu-west-2",
        "access_key": "env:DOCTOR_KEY",
        "secret_key": "env:DOCTOR_SECRET",
        **more,
    }


def _read_only_sshd(folder: Path, held: ExitStack) -> SshServer:
    server = held.enter_context(SshServer(folder, sftp="internal-sftp -R"))
    fill(server.root / "data", OBJECTS)
    return server


class Diagnosis:
    """What the doctor said of an estate."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.errors = done.stderr
        self.text = done.stdout
        self._symptoms: dict[tuple[str, str], list[str]] = {}
        table = done.stdout.partition("\n\n")[0].splitlines()[2:]
        columns = [len(part) for part in done.stdout.splitlines()[1].split("  ")]
        name, question = "", ""
        for line in table:
            cells, start = [], 0
            for width in columns[:-1]:
                cells.append(line[start : start + width].strip())
                start += width + 2
            name, question = cells[0] or name, cells[1] or question
            if cells[2]:
                self._symptoms.setdefault((name, question), []).append(f"{cells[2]}: ")
            self._symptoms[name, question][-1] += line[start:].strip() + " "

    def of(self, name: str, question: str) -> str:
        """Every answer to one question about a target, each with `ok`, `PROBLEM` or `unknown` in front."""
        return " | ".join(self._symptoms[name, question])

    def questions(self, name: str) -> set[str]:
        """What was asked about a target."""
        return {question for target_name, question in self._symptoms if target_name == name}

    @property
    def stay_unknown(self) -> list[str]:
        """The findings that it says will stay unknown."""
        return [line.strip() for line in self.text.partition("these will stay unknown:\n")[2].splitlines()]


def doctor(estate: Path, *arguments: str) -> Diagnosis:
    """Run the doctor with the secrets of these tests in its environment."""
    return Diagnosis(drcheck("doctor", "--estate", estate, *arguments, cwd=estate.parent, **SECRETS))


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_a_good_server_has_no_problem(tmp_path: Path, held: ExitStack) -> None:
    server = _read_only_sshd(tmp_path, held)
    found = doctor(write_estate(tmp_path, [target("archive", "sftp", server.options())]))
    assert found.code == 0, found.text + found.errors
    assert found.of("archive", "reachable").startswith("ok: as ")
    assert server.host_key_fingerprint in found.of("archive", "host key")
    assert found.of("archive", "copy records").startswith("ok: 1 recovery point")
    assert "PROBLEM" not in found.text
    assert "\n0 problems.\n" in found.text
    assert "unknown: unsupported" in found.of("archive", "clock")
    # Its bytes only wait for being read; nothing else is missing.
    assert found.stay_unknown == []


def test_a_good_bucket(tmp_path: Path, moto: str) -> None:
    found = doctor(write_estate(tmp_path, [target("cloud", "s3", _bucket(moto))]))
    assert found.of("cloud", "reachable").startswith("ok")
    assert found.of("cloud", "clock").startswith("ok")
    assert found.of("cloud", "copy records").startswith("ok: 1 recovery point")
    assert found.errors == ""


def test_a_wrong_password(tmp_path: Path, held: ExitStack) -> None:
    fill(tmp_path / "served" / "data", OBJECTS)
    server = SftpServer(tmp_path / "served", SECRETS["DOCTOR_PASSWORD"])
    held.callback(server.stop)
    options = {"host": "127.0.0.1", "port": server.port, "user": "drcheck", "root": "/", "host_key": server.fingerprint}
    targets = [
        target("right", "sftp", {**options, "password": "env:DOCTOR_PASSWORD"}),
        target("wrong", "sftp", {**options, "password": "env:DOCTOR_WRONG"}),
        target("unset", "sftp", {**options, "password": "env:DOCTOR_NEVER_SET"}),
    ]
    found = doctor(write_estate(tmp_path, targets))
    assert found.code == 10
    assert found.of("right", "reachable").startswith("ok")
    assert found.of("wrong", "reachable").startswith("PROBLEM: access-denied")
    assert found.of("unset", "reachable").startswith("PROBLEM: no-credentials")
    assert "env:DOCTOR_NEVER_SET" in found.of("unset", "reachable")
    for name in ("wrong", "unset"):
        assert "->" in found.of(name, "reachable")
        for check in ("backup.recency", "backup.completeness", "integrity.checksums"):
            assert [line for line in found.stay_unknown if line.startswith(f"{check} on records@{name}: ")]
        assert not [line for line in found.stay_unknown if "records@right" in line]
    assert SECRETS["DOCTOR_WRONG"] not in found.text


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_a_changed_host_key(tmp_path: Path, held: ExitStack) -> None:
    server = _read_only_sshd(tmp_path, held)
    found = doctor(write_estate(tmp_path, [target("archive", "sftp", server.options(host_key="SHA256:" + "A" * 43))]))
    assert found.code == 10
    said = found.of("archive", "reachable")
    assert said.startswith("PROBLEM: untrusted")
    assert server.host_key_fingerprint in said
    assert "by telephone" in said
    assert "host key" not in found.questions("archive")
    assert {line.partition(":")[0] for line in found.stay_unknown} >= {"backup.recency on records@archive", "integrity.checksums on records@archive"}


def test_nobody_there(tmp_path: Path) -> None:
    options = {"host": "127.0.0.1", "port": free_port(), "user": "drcheck", "root": "/", "password": "env:DOCTOR_WRONG"}
    targets = [
        target("sftp", "sftp", {**options, "host_key": "SHA256:" + "A" * 43}),
        target("s3", "s3", _bucket(f"http://127.0.0.1:{free_port()}")),
        target("nas", "local", {"root": str(tmp_path / "not-mounted")}),
    ]
    found = doctor(write_estate(tmp_path, targets), "--timeout", "5s")
    assert found.code == 10
    for name in ("sftp", "s3", "nas"):
        assert found.of(name, "reachable").startswith("PROBLEM: unreachable")
        assert "Is it switched on" in found.of(name, "reachable")
        assert [line for line in found.stay_unknown if line.startswith("integrity.checksums") and f"records@{name}" in line]


def test_a_bucket_that_is_gone(tmp_path: Path, moto: str) -> None:
    found = doctor(write_estate(tmp_path, [target("cloud", "s3", _bucket(moto, bucket="no-such-bucket"))]))
    assert found.code == 10
    assert "no-such-bucket does not exist" in found.of("cloud", "reachable")


def test_too_many_permissions(tmp_path: Path) -> None:
    fill(tmp_path / "nas" / "data", OBJECTS)
    found = doctor(write_estate(tmp_path, [target("nas", "local", {"root": "nas"})]))
    assert found.code == 10
    assert found.of("nas", "permissions").startswith("PROBLEM: too many: this identity may write and delete")
    assert "an identity that can do no more" in found.of("nas", "permissions").replace("  ", " ")
    assert "\n1 problem.\n" in found.text


def test_too_few_permissions_to_read(tmp_path: Path, moto: str, held: ExitStack) -> None:
    denied = Answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    front = held.enter_context(proxy(moto, lambda asked: denied if asked.method == "GET" and asked.key.startswith("data/") else None))
    found = doctor(write_estate(tmp_path, [target("cloud", "s3", _bucket(front))]))
    assert found.code == 10
    assert "PROBLEM: listed, and cannot be read: access-denied" in found.of("cloud", "copy records")


def test_too_few_permissions_to_list(tmp_path: Path, moto: str, held: ExitStack) -> None:
    denied = Answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    front = held.enter_context(proxy(moto, lambda asked: denied if asked.lists else None))
    found = doctor(write_estate(tmp_path, [target("cloud", "s3", _bucket(front))]))
    assert found.code == 10
    assert "PROBLEM: cannot be listed: access-denied" in found.of("cloud", "copy records")


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_wrong(tmp_path: Path, moto: str, held: ExitStack, seconds: int) -> None:
    front = held.enter_context(proxy(moto, skew=seconds))
    found = doctor(write_estate(tmp_path, [target("cloud", "s3", _bucket(front))]))
    assert found.code == 10
    said = found.of("cloud", "clock")
    assert said.startswith("PROBLEM: 3")
    assert ("ahead" if seconds > 0 else "behind") in said
    assert "NTP" in said


def test_a_copy_that_is_not_where_it_is_said_to_be(tmp_path: Path) -> None:
    fill(tmp_path / "nas" / "data", OBJECTS)
    copy = mirror("nas", path="dara")
    found = doctor(write_estate(tmp_path, [target("nas", "local", {"root": "nas"})], [copy]))
    assert found.code == 10
    assert "PROBLEM: no recovery point at 'dara'" in found.of("nas", "copy records")
    assert "Check the copy's path" in found.of("nas", "copy records")


@pytest.mark.program("sshd")
@pytest.mark.program("ssh-keygen")
def test_without_a_manifest_integrity_will_stay_unknown_and_that_is_no_problem(tmp_path: Path, held: ExitStack) -> None:
    server = _read_only_sshd(tmp_path, held)
    copy = {name: value for name, value in mirror("archive").items() if name != "manifest"}
    found = doctor(write_estate(tmp_path, [target("archive", "sftp", server.options())], [copy]))
    assert found.code == 0
    assert "unknown: no manifest is declared" in found.of("archive", "copy records")
    assert [line.partition(":")[0] for line in found.stay_unknown] == ["integrity.checksums on records@archive"]


def test_a_target_that_is_declared_offline_is_well_when_it_is_silent(tmp_path: Path) -> None:
    estate = write_estate(tmp_path, [target("tape", "local", {"root": "tape"}, offline={"rotation": "7d", "last_connected": "DAY"})])
    estate.write_text(estate.read_text().replace('"DAY"', "2026-02-28"))
    found = doctor(estate)
    assert found.code == 0
    assert found.of("tape", "reachable").startswith("ok: declared offline, and it does not answer")
    assert found.questions("tape") == {"reachable"}


def test_the_doctor_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "nas" / "data", OBJECTS)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in (tmp_path / "nas").rglob("*")}
    doctor(write_estate(tmp_path, [target("nas", "local", {"root": "nas"})]))
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in (tmp_path / "nas").rglob("*")} == before


def test_the_policy_to_paste_is_json_and_allows_reading_only(tmp_path: Path) -> None:
    options = {"bucket": "north-backups", "prefix": "nightly", "region": "eu-west-2", "profile": "audit"}
    estate = write_estate(tmp_path, [target("cloud", "s3", options), target("nas", "local", {"root": "nas"})])
    done = drcheck("doctor", "--estate", estate, "--aws-policy", "cloud", cwd=tmp_path, AWS_EC2_METADATA_DISABLED="true")
    assert (done.returncode, done.stderr) == (0, "")
    policy = json.loads(done.stdout)
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Resource"].startswith("arn:aws:s3:::north-backups")
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert actions
        assert all(action.startswith(("s3:Get", "s3:List")) for action in actions)
    assert "north-backups" in done.stdout
    wrong = drcheck("doctor", "--estate", estate, "--aws-policy", "nas", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "those are: cloud" in wrong.stderr


def test_an_estate_that_is_wrong_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text("schema = 3\n")
    done = drcheck("doctor", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was looked at" in done.stderr
