"""SFTP logins against real servers: pinned host keys, every kind of credential, and what each failure is called."""

from __future__ import annotations

import logging
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog
from drcheck.connectors.sftp import SftpConnector
from drcheck.connectors.sftp_options import SftpOptions
from drcheck.errors import AccessDenied, ConnectorError, NoCredentials, TimedOut, Unreachable, Untrusted
from drcheck.secrets import resolve
from tests.connectors.contract import content
from tests.connectors.password_server import PasswordServer
from tests.connectors.sftp_rig import connector_of
from tests.connectors.sshd import SshAgent, SshServer, fingerprint_of, free_port, make_key
from tests.connectors.wires import SilentServer

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]

PHRASE = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A real sshd with host keys of three kinds, and one file."""
    with SshServer(tmp_path_factory.mktemp("login"), kinds=("ed25519", "ecdsa", "rsa")) as server:
        (server.root / "object").write_bytes(b"content")
        yield server


def reads(server: SshServer, **options: Any) -> bool:
    """Whether a connector with these options reads the one file."""
    with connector_of(server, **options) as connector:
        return content(connector, "object") == b"content"


def refused(server: SshServer, error: type[ConnectorError], **options: Any) -> str:
    """What a connector with these options says as it fails to open."""
    connector = connector_of(server, **options)
    with pytest.raises(error) as caught:
        connector.open()
    connector.close()
    assert type(caught.value) is error
    return str(caught.value)


# Host keys


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_key_of_any_kind_is_pinned_by_fingerprint_or_line(server: SshServer, number: int) -> None:
    key = server.host_keys[number]
    assert reads(server, host_key=fingerprint_of(key))
    assert reads(server, host_key=key.with_suffix(".pub").read_text())


def test_known_hosts_pins_in_plain_and_hashed_form(server: SshServer, tmp_path: Path) -> None:
    assert reads(server, host_key=None, known_hosts=str(server.known_hosts))
    hashed = tmp_path / "hashed"
    hashed.write_bytes(server.known_hosts.read_bytes())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(hashed)], check=True, capture_output=True)
    assert b"127.0.0.1" not in hashed.read_bytes()
    assert reads(server, host_key=None, known_hosts=str(hashed))


def test_what_ssh_keyscan_finds_can_be_pinned(server: SshServer, tmp_path: Path) -> None:
    scan = subprocess.run(["ssh-keyscan", "-H", "-p", str(server.port), "127.0.0.1"], check=True, capture_output=True)
    (tmp_path / "known_hosts").write_bytes(scan.stdout)
    assert reads(server, host_key=None, known_hosts=str(tmp_path / "known_hosts"))


def test_a_changed_host_key_is_untrusted_and_both_are_shown(server: SshServer, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    said = refused(server, Untrusted, host_key=fingerprint_of(other))
    assert fingerprint_of(other) in said
    assert all(fingerprint_of(key) in said for key in server.host_keys)
    assert "owner" in said
    said = refused(server, Untrusted, host_key=other.with_suffix(".pub").read_text())
    assert fingerprint_of(other) in said
    assert server.host_key_fingerprint in said


def test_a_server_that_came_back_with_another_key_is_untrusted_and_is_told_nothing(tmp_path: Path) -> None:
    with SshServer(tmp_path) as first:
        options = first.options(host_key=None, known_hosts=str(first.known_hosts))
        first.stop()
        first.known_hosts.write_text(first.known_hosts.read_text())
        pinned = first.known_hosts.read_bytes()
        first.host_key.unlink()
        first.host_key.with_suffix(".pub").unlink()
        make_key(first.host_key)
        first.start()
        first.known_hosts.write_bytes(pinned.replace(pinned.split()[0], f"[127.0.0.1]:{first.port}".encode()))
        connector = SftpConnector(SftpOptions(**{**options, "port": first.port}), secrets=resolve, deadline=Deadline(10), calls=CallLog("test"))
        before = first.known_hosts.read_bytes()
        with pytest.raises(Untrusted, match=r"SHA256:.*SHA256:"):
            connector.open()
        assert "ssh:login" not in dict(connector.calls.counts())
        assert first.known_hosts.read_bytes() == before
        assert "Accepted" not in first.log.read_text()


def test_an_unknown_host_is_untrusted_and_never_added(server: SshServer, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"elsewhere {server.host_key_line}\n127.0.0.1 {server.host_key_line}\n")
    before = known.read_bytes()
    said = refused(server, Untrusted, host_key=None, known_hosts=str(known))
    assert server.host_key_fingerprint in said
    assert known.read_bytes() == before


def test_a_revoked_key_is_untrusted_though_it_is_pinned_as_well(server: SshServer, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    line = server.known_hosts.read_text()
    known.write_text(f"{line}@revoked * {server.host_key_line}\n")
    assert "@revoked" in refused(server, Untrusted, host_key=None, known_hosts=str(known))


def test_a_file_of_pins_that_is_missing_is_untrusted(server: SshServer, tmp_path: Path) -> None:
    assert "pinned" in refused(server, Untrusted, host_key=None, known_hosts=str(tmp_path / "absent"))


# Keys


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["RFC4716", "PKCS8", "PEM"])
def test_a_key_file_of_any_kind_and_form_logs_in(server: SshServer, tmp_path: Path, kind: str, form: str) -> None:
    key = make_key(tmp_path / "key", kind=kind)
    with server.authorized_keys.open("ab") as keys:
        keys.write(key.with_suffix(".pub").read_bytes())
    if form != "RFC4716":
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", "", "-m", form, "-f", str(key)], check=True, capture_output=True)
    assert reads(server, key_file=str(key))


def test_a_key_with_a_passphrase_logs_in_by_reference(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_key(tmp_path / "key", passphrase=PHRASE)
    with server.authorized_keys.open("ab") as keys:
        keys.write(key.with_suffix(".pub").read_bytes())
    monkeypatch.setenv("DRCHECK_TEST_PHRASE", PHRASE)
    assert reads(server, key_file=str(key), passphrase="env:DRCHECK_TEST_PHRASE")
    assert "passphrase" in refused(server, NoCredentials, key_file=str(key))
    monkeypatch.setenv("DRCHECK_TEST_PHRASE", "wrong horse")
    said = refused(server, NoCredentials, key_file=str(key), passphrase="env:DRCHECK_TEST_PHRASE")
    assert "env:DRCHECK_TEST_PHRASE" in said
    assert "wrong horse" not in said


@pytest.mark.parametrize("form", ["PKCS8", "PEM"])
def test_an_older_form_of_key_with_a_passphrase_needs_it_too(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    key = make_key(tmp_path / "key", kind="rsa", passphrase=PHRASE)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", PHRASE, "-N", PHRASE, "-m", form, "-f", str(key)], check=True, capture_output=True)
    monkeypatch.setenv("DRCHECK_TEST_PHRASE", "wrong horse")
    assert "passphrase" in refused(server, NoCredentials, key_file=str(key))
    assert "does not open" in refused(server, NoCredentials, key_file=str(key), passphrase="env:DRCHECK_TEST_PHRASE")


def test_a_key_that_others_can_read_is_not_used(server: SshServer, tmp_path: Path) -> None:
    key = make_key(tmp_path / "my key")
    key.chmod(0o640)
    assert f"chmod 600 '{key}'" in refused(server, NoCredentials, key_file=str(key))


def test_a_key_file_that_is_missing_or_no_key_is_no_credential(server: SshServer, tmp_path: Path) -> None:
    assert "No such file" in refused(server, NoCredentials, key_file=str(tmp_path / "absent"))
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    assert "no private key" in refused(server, NoCredentials, key_file=str(tmp_path / "text"))


def test_credentials_are_checked_before_anybody_is_called(tmp_path: Path) -> None:
    options = SftpOptions(host="127.0.0.1", port=free_port(), user="x", root="/", key_file=tmp_path / "absent", host_key="SHA256:" + "A" * 43)
    connector = SftpConnector(options, secrets=resolve, deadline=Deadline(5), calls=CallLog("test"))
    with pytest.raises(NoCredentials):
        connector.open()
    assert connector.calls.counts() == ()


def test_a_stranger_is_denied(server: SshServer, tmp_path: Path) -> None:
    said = refused(server, AccessDenied, key_file=str(make_key(tmp_path / "stranger")))
    assert server.user in said


def test_nothing_of_the_users_own_is_used(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(server.client_key.read_bytes())
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    (home / ".ssh" / "known_hosts").write_bytes(server.known_hosts.read_bytes())
    monkeypatch.setenv("HOME", str(home))
    with SshAgent(tmp_path, server.client_key) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        refused(server, AccessDenied, key_file=str(make_key(tmp_path / "stranger")))


# Certificates


def certify(server: SshServer, key: Path, *more: str) -> Path:
    """Have the server's certificate authority certify a key; return the certificate."""
    command = ["ssh-keygen", "-q", "-s", str(server.authority), "-I", "auditor", "-n", server.user, *more, str(key.with_suffix(".pub"))]
    subprocess.run(command, check=True, capture_output=True)
    return key.with_name(f"{key.name}-cert.pub")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_logs_in_where_its_bare_key_does_not(server: SshServer, tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path / "key", kind=kind)
    certificate = certify(server, key)
    assert reads(server, key_file=str(key), certificate=str(certificate))
    refused(server, AccessDenied, key_file=str(key))


def test_a_certificate_that_is_over_is_denied(server: SshServer, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    certificate = certify(server, key, "-V", "20200101:20200102")
    assert "ssh-keygen -L" in refused(server, AccessDenied, key_file=str(key), certificate=str(certificate))


def test_a_certificate_that_is_none_or_missing_is_no_credential(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    other = certify(server, make_key(tmp_path / "other", kind="rsa"))
    for certificate in (tmp_path / "text", tmp_path / "absent", other):
        assert "certificate" in refused(server, NoCredentials, certificate=str(certificate))


# Agents


@pytest.mark.program("ssh-agent")
def test_an_agent_logs_in_when_asked_for(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SshAgent(tmp_path, make_key(tmp_path / "stranger"), server.client_key) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        assert reads(server, key_file=None, agent=True)


@pytest.mark.program("ssh-agent")
def test_an_agent_that_is_empty_absent_or_hangs_is_no_credential(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SshAgent(tmp_path) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        assert "holds no key" in refused(server, NoCredentials, key_file=None, agent=True)
    assert "no SSH agent answers" in refused(server, NoCredentials, key_file=None, agent=True)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(agent.socket) + "2")
        mute.listen()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket) + "2")
        assert "does not answer" in refused(server, NoCredentials, key_file=None, agent=True, seconds=0.5)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert "SSH_AUTH_SOCK" in refused(server, NoCredentials, key_file=None, agent=True)


# Passwords


def of(server: PasswordServer, **options: Any) -> SftpConnector:
    """A connector to a server that asks for a password."""
    wanted = SftpOptions.model_validate(server.options(password="env:DRCHECK_TEST_PASSWORD", **options))
    return SftpConnector(wanted, secrets=resolve, deadline=Deadline(20), calls=CallLog("test"))


def test_a_password_logs_in_by_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "pässword")
    with PasswordServer("pässword") as server, of(server) as connector:
        assert [entry.key for entry in connector.list()] == ["object"]
        assert len(content(connector, "object")) == 300_000


def test_a_wrong_password_is_denied_and_not_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "canary-5551")
    caplog.set_level(logging.DEBUG)
    with PasswordServer("other") as server, pytest.raises(AccessDenied) as caught:
        of(server).open()
    assert "canary" not in str(caught.value)
    assert "canary" not in caplog.text


def test_a_wrong_password_is_denied_by_a_real_sshd(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "wrong")
    assert "the password was refused" in refused(server, AccessDenied, key_file=None, password="env:DRCHECK_TEST_PASSWORD")


def test_a_password_is_not_given_where_questions_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "right")
    with PasswordServer("right", methods="keyboard-interactive") as server:
        with pytest.raises(AccessDenied, match="keyboard-interactive"):
            of(server).open()
        assert server.tried == ["password"]


def test_a_second_factor_that_we_do_not_have_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "right")
    with PasswordServer("right", methods="password,publickey", enough=False) as server, pytest.raises(AccessDenied, match="not enough"):
        of(server).open()


def test_a_key_that_is_refused_is_followed_by_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_TEST_PASSWORD", "right")
    key = make_key(tmp_path / "key")
    with PasswordServer("right", methods="publickey,password") as server, of(server, key_file=str(key)) as connector:
        assert connector.stat("object").size == 300_000
        assert server.tried == ["publickey", "password"]


# Reaching the server


def test_a_name_that_nobody_knows_is_unreachable(server: SshServer) -> None:
    assert "not known" in refused(server, Unreachable, host="absent.invalid")


def test_a_place_that_is_no_ssh_server_is_unreachable_or_times_out(server: SshServer) -> None:
    with SilentServer() as silent:
        connector = connector_of(server, port=silent.port, seconds=0.5)
        with pytest.raises(TimedOut):
            connector.open()
        connector.close()


def test_failures_are_told_once_and_without_tracebacks(
    server: SshServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    refused(server, Untrusted, host_key="SHA256:" + "A" * 43)
    with SilentServer() as silent, pytest.raises(TimedOut):
        connector_of(server, port=silent.port, seconds=0.3).open()
    assert "Traceback" not in caplog.text
    assert capfd.readouterr() == ("", "")


# Options

RIGHT = {"host": "h", "user": "u", "root": "/", "agent": True, "host_key": "SHA256:" + "A" * 43}


def test_options_are_parsed_without_looking_at_anything() -> None:
    options = SftpOptions.model_validate({**RIGHT, "key_file": "keys/one", "agent": False}, context={"base": Path("/estate")})
    assert (options.port, options.key_file) == (22, Path("/estate/keys/one"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host_key": None}, "ssh-keyscan"),
        ({"known_hosts": "k"}, "exactly one"),
        ({"host_key": "SHA256:short"}, "no host key"),
        ({"host_key": "MD5:" + ":".join(["aa"] * 16)}, "forged"),
        ({"host_key": "ssh-ed25519 AAAA"}, "no host key"),
        ({"agent": False}, "at least one way to log in"),
        ({"passphrase": "env:X"}, "key_file"),
        ({"certificate": "c"}, "key_file"),
        ({"password": "secret"}, "never written into the estate"),
        ({"host": "u@h"}, "pattern"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"root": "a\0b"}, "NUL"),
        ({"hots": "h"}, "Extra inputs"),
    ],
)
def test_options_that_are_wrong_say_what_to_do(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SftpOptions.model_validate({name: value for name, value in {**RIGHT, **change}.items() if value is not None})
