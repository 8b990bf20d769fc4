"""Canary secrets, with logins that work and logins that fail: none of them is ever shown, logged or written down."""

from __future__ import annotations

import base64
import json
import os
import shlex
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from drcheck.demo.hospital import Tree
from drcheck.demo.servers import SftpServer
from tests.connectors.moto_server import running_moto
from tests.connectors.s3_faults import Answer, answering
from tests.connectors.seaweed import ADMIN, writer
from tests.connectors.sshd import SshServer, make_key
from tests.e2e.estates import fill, manifest, numbered, target, write_estate
from tests.e2e.runs import Done, check, drcheck, environment

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]
OBJECTS: Tree = numbered(3)
REFUSED = b"<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match</Message></Error>"
LEAKY = '''
"""A connector that is careless with its secret in every way that Python offers."""

import logging

from drcheck.connectors.base import Connector, Options
from drcheck.estate.fields import SecretReference

log = logging.getLogger("drcheck.leaky")


class LeakyOptions(Options):
    token: SecretReference


class Leaky(Connector):
    kind = "leaky"
    options_class = LeakyOptions

    def open(self):
        secret = self.secrets(self.options.token)
        log.debug("%s %r %s", secret, secret, [secret])
        self.calls.record("leaky:open", f"{secret} {secret!r} {secret:>40} {vars(self)}")
        raise RuntimeError(f"cannot use {secret} {secret!r}", secret, {"token": secret})
'''


class Canaries:
    """Secrets that no output may hold, in any of the forms that a library could give them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self.kept: dict[str, str] = {}
        self.environment: dict[str, str] = {}

    def new(self, name: str) -> str:
        """A secret with characters that must be quoted here and there."""
        return self.kept.setdefault(name, f"cAnArY-{name}-/+&%7!{os.urandom(6).hex()}")

    def by_env(self, name: str) -> str:
        """The reference `env:` of a new secret."""
        self.environment[f"CANARY_{name.upper()}"] = self.new(name)
        return f"env:CANARY_{name.upper()}"

    def by_file(self, name: str, mode: int = 0o600) -> str:
        """The reference `file:` of a new secret."""
        path = self._folder / name
        path.write_text(self.new(name) + "\n", encoding="utf-8")
        path.chmod(mode)
        return f"file:{path}"

    def by_command(self, name: str) -> str:
        """The reference `command:` of a new secret."""
        return f"command:cat {shlex.quote(self.by_file(name).removeprefix('file:'))}"

    def seen_in(self, text: str) -> list[str]:
        """The names of the secrets that the text holds, as they are or encoded."""
        found = []
        for name, secret in self.kept.items():
            raw = secret.encode()
            whole = base64.b64encode(raw).decode().rstrip("=")
            forms = [
                secret,
                urllib.parse.quote(secret),
                urllib.parse.quote(secret, safe=""),
                whole,
                raw.hex(),
                json.dumps(secret)[1:-1],
                secret[-12:],
            ]
            found += [name for form in forms if form in text]
        return found


class Places:
    """An estate in which each kind of reference works at one target and fails at another."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        canaries = self.canaries = Canaries(folder / "secrets")
        fill(folder / "served" / "data", OBJECTS)
        targets: list[dict[str, Any]] = []
        self.good, self.bad = [], {}
        for kind, reference in (("env", canaries.by_env), ("file", canaries.by_file), ("command", canaries.by_command)):
            server = SftpServer(folder / "served", canaries.new(f"password{kind}"))
            held.callback(server.stop)
            known = {"host": "127.0.0.1", "port": server.port, "user": "drcheck", "root": "/", "host_key": server.fingerprint}
            targets.append(target(f"password-{kind}", "sftp", {**known, "password": reference(f"password{kind}")}))
            targets.append(target(f"wrong-password-{kind}", "sftp", {**known, "password": reference(f"wrongpassword{kind}")}))
            self.good.append(f"password-{kind}")
            self.bad[f"wrong-password-{kind}"] = "access-denied"

        sshd = held.enter_context(SshServer(folder, root=folder / "served"))
        locked = make_key(folder / "locked_key", passphrase=canaries.new("passphrase"))
        sshd.authorized_keys.write_bytes(sshd.authorized_keys.read_bytes() + locked.with_suffix(".pub").read_bytes())
        key = sshd.options(key_file=str(locked))
        targets.append(target("passphrase", "sftp", {**key, "passphrase": canaries.by_file("passphrase")}))
        targets.append(target("wrong-passphrase", "sftp", {**key, "passphrase": canaries.by_env("wrongpassphrase")}))
        self.good.append("passphrase")
        self.bad["wrong-passphrase"] = "no-credentials"

        moto = held.enter_context(running_moto())
        client = writer(moto, ADMIN)
        client.create_bucket(Bucket="canaries")
        for name, content in {**OBJECTS, "SHA256SUMS": manifest(OBJECTS).encode()}.items():
            client.put_object(Bucket="canaries", Key=f"data/{name}", Body=content)
        refusing = held.enter_context(answering(lambda _: Answer(403, REFUSED)))
        for kind, reference in (("env", canaries.by_env), ("file", canaries.by_file), ("command", canaries.by_command)):
            bucket = {"bucket": "canaries", "region": "eu-west-2", "access_key": canaries.by_env(f"access{kind}")}
            keys = {"secret_key": reference(f"secret{kind}"), "session_token": canaries.by_env(f"token{kind}")}
            targets.append(target(f"secret-{kind}", "s3", {"endpoint": moto, **bucket, **keys}))
            targets.append(target(f"refused-secret-{kind}", "s3", {"endpoint": refusing, **bucket, **keys}))
            self.good.append(f"secret-{kind}")
            self.bad[f"refused-secret-{kind}"] = "access-denied"

        dead = {"host": "127.0.0.1", "port": 9, "user": "drcheck", "root": "/", "host_key": "SHA256:" + "A" * 43}
        for name, leading_nowhere in (
            ("open-file", canaries.by_file("openfile", 0o644)),
            ("unset", "env:CANARY_THAT_IS_NOT_SET"),
            ("failing-command", "command:sh -c " + shlex.quote(f"echo {canaries.new('failing')} >&2; exit 3")),
            ("missing-command", f"command:no-such-program --password {shlex.quote(canaries.new('argument'))}"),
        ):
            targets.append(target(name, "sftp", {**dead, "password": leading_nowhere}))
            self.bad[name] = "no-credentials"
        targets.append(target("leaky", "leaky", {"token": canaries.by_env("leaky")}))
        self.bad["leaky"] = "internal"

        packages = folder / "packages"
        (packages / "drcheck_leaky-1.0.dist-info").mkdir(parents=True)
        (packages / "drcheck_leaky.py").write_text(LEAKY)
        (packages / "drcheck_leaky-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: drcheck-leaky\nVersion: 1.0\n")
        (packages / "drcheck_leaky-1.0.dist-info" / "entry_points.txt").write_text("[drcheck.connectors]\nleaky = drcheck_leaky:Leaky\n")
        known_paths = environment()["PYTHONPATH"]
        self.environment = environment(**canaries.environment) | {"PYTHONPATH": os.pathsep.join([str(packages), known_paths])}
        self.estate = write_estate(folder, targets, plugins=["drcheck-leaky"])

    def shown(self, done: Done, *files: Path) -> list[str]:
        """The secrets that a command showed or wrote."""
        return self.canaries.seen_in("\n".join([done.stdout, done.stderr, *(file.read_text(encoding="utf-8") for file in files)]))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The estate, while its servers run."""
    with ExitStack() as held:
        yield Places(tmp_path_factory.mktemp("secrets"), held)


def test_a_canary_would_be_seen(places: Places) -> None:
    secret = places.canaries.kept["secretfile"]
    for text in (secret, json.dumps({"x": secret}), base64.b64encode(secret.encode()).decode(), f"?key={urllib.parse.quote(secret, safe='')}"):
        assert "secretfile" in places.canaries.seen_in(f"before {text} after")


def test_every_login_does_what_it_should_and_shows_nothing(places: Places, tmp_path: Path) -> None:
    facts, calls = tmp_path / "facts.json", tmp_path / "calls.jsonl"
    done = check(places.estate, "--timeout", "30s", "--keep-facts", facts, "--calls", calls, env=places.environment)
    assert done.code == 11, done.stderr
    for name in places.good:
        assert done.only("integrity.checksums", f"records@{name}")["outcome"] == "pass", done.only("integrity.checksums", f"records@{name}")[
            "message"
        ]
    for name, reason in places.bad.items():
        assert (done.copy(name)["unobserved"] or {}).get("reason") == reason, f"{name}: {done.copy(name)}"
        for about in ("backup.recency", "backup.completeness", "integrity.checksums"):
            assert done.only(about, f"records@{name}")["outcome"] == "unknown"
    assert places.shown(done, facts, calls) == []
    # The message names where the credential should have come from.
    assert "env:CANARY_THAT_IS_NOT_SET" in done.copy("unset")["unobserved"]["detail"]
    again = drcheck("check", "--estate", places.estate, "--facts", facts, "--wide", env=places.environment)
    assert again.code == 11
    assert places.shown(again) == []


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_no_report_shows_one_even_when_everything_is_logged(places: Places, tmp_path: Path, form: str) -> None:
    report = tmp_path / "report"
    done = drcheck(
        "-vv", "check", "--estate", places.estate, "--format", form, "--wide", "--timeout", "30s", "--output", report, env=places.environment
    )
    assert done.code == 11
    # The log is there, with every call, and with the traceback of the careless connector.
    assert "sftp:open" in done.stderr
    assert "Traceback" in done.stderr
    assert "<secret from env:CANARY_LEAKY>" in done.stderr
    assert report.stat().st_size > 1000
    assert places.shown(done, report) == []


def test_the_doctor_and_the_estate_show_none(places: Places) -> None:
    for arguments in (("-vv", "doctor", "--estate", places.estate), ("estate", "show", "--estate", places.estate)):
        done = drcheck(*arguments, env=places.environment)
        assert done.stdout
        assert "wrong-password-env" in done.stdout
        # The references of `command:` hold canaries of their own here: only what `estate show` prints of them could show one.
        assert places.shown(done) == []


def test_a_secret_that_is_written_into_the_estate_is_refused_and_not_repeated(tmp_path: Path, places: Places) -> None:
    secret = places.canaries.new("inline")
    options = {"host": "127.0.0.1", "user": "drcheck", "root": "/", "password": secret, "host_key": "SHA256:" + "A" * 43}
    done = drcheck("check", "--estate", write_estate(tmp_path, [target("inline", "sftp", options)]))
    assert (done.code, done.stdout) == (2, "")
    assert "targets[0] (inline).options.password" in done.stderr
    assert places.shown(done) == []
