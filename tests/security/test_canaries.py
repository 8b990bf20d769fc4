"""Canary secrets through every kind of reference, looked for wherever drcheck writes, shows, starts and crashes."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from drcheck.cli.main import COMMANDS
from drcheck.demo.servers import SftpServer
from drcheck.reports import BUILTIN
from tests.cli import inside
from tests.connectors.moto_server import running_moto
from tests.connectors.seaweed import ADMIN, writer
from tests.e2e.estates import fill, manifest, numbered, target, write_estate
from tests.e2e.runs import Done, drcheck, environment
from tests.e2e.test_secrets import LEAKY, Canaries

OBJECTS = numbered(3)
CRASHES = '''

def crashes(assessment, options):
    """A report that fails with everything that it was given in its message."""
    everything = options, assessment
    raise RuntimeError(f"cannot report {everything!r}")
'''
TELLING = """#!/bin/sh
# A program that a reference names: it writes down what it can see of the one that started it, and then the secret.
out=$(mktemp "$2/seen.XXXXXX")
{ env; tr '\\0' ' ' < "/proc/$PPID/cmdline"; for one in /proc/[0-9]*; do tr '\\0' ' ' < "$one/cmdline"; echo; done; } > "$out" 2>/dev/null
cat "$1"
"""


class Scene:
    """An estate with each kind of reference, and everything that a run of it left."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self.folder = folder
        self.canaries = Canaries(folder / "secrets")
        self.seen = folder / "seen"
        self.out = folder / "out"
        self.temporary = folder / "tmp"
        for each in (self.seen, self.out, self.temporary, folder / "credentials"):
            each.mkdir()
        fill(folder / "served" / "data", OBJECTS)
        self.live: list[bytes] = []
        program = folder / "telling"
        program.write_text(TELLING)
        program.chmod(0o700)

        def told(name: str) -> str:
            path = self.canaries.by_file(name).removeprefix("file:")
            return f"command:{shlex.join([str(program), path, str(self.seen)])}"

        def systemd(name: str) -> str:
            (folder / "credentials" / name).write_text(self.canaries.new(name))
            return f"systemd:{name}"

        targets: list[dict[str, Any]] = [target("nas", "local", {"root": str(folder / "served")})]
        for kind, reference in (("env", self.canaries.by_env), ("file", self.canaries.by_file), ("command", told), ("systemd", systemd)):
            server = SftpServer(folder / "served", self.canaries.new(f"password{kind}"))
            held.callback(server.stop)
            known = {"host": "127.0.0.1", "port": server.port, "user": "drcheck", "root": "/", "host_key": server.fingerprint}
            targets.append(target(f"sftp-{kind}", "sftp", {**known, "password": reference(f"password{kind}")}))
            targets.append(target(f"wrong-{kind}", "sftp", {**known, "password": reference(f"wrong{kind}")}))
        moto = held.enter_context(running_moto())
        client = writer(moto, ADMIN)
        client.create_bucket(Bucket="canaries")
        for name, content in {**OBJECTS, "SHA256SUMS": manifest(OBJECTS).encode()}.items():
            client.put_object(Bucket="canaries", Key=f"data/{name}", Body=content)
        keys = {"access_key": self.canaries.by_env("access"), "secret_key": told("secretkey"), "session_token": self.canaries.by_file("token")}
        targets.append(target("cloud", "s3", {"endpoint": moto, "bucket": "canaries", "region": "eu-west-2", **keys}))
        targets.append(target("leaky", "leaky", {"token": self.canaries.by_file("leaky")}))

        packages = folder / "packages"
        (packages / "drcheck_leaky-1.0.dist-info").mkdir(parents=True)
        (packages / "drcheck_leaky.py").write_text(LEAKY + CRASHES)
        (packages / "drcheck_leaky-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: drcheck-leaky\nVersion: 1.0\n")
        (packages / "drcheck_leaky-1.0.dist-info" / "entry_points.txt").write_text(
            "[drcheck.connectors]\nleaky = drcheck_leaky:Leaky\n[drcheck.reports]\ncrashes = drcheck_leaky:crashes\n"
        )
        self.environment = environment(
            **self.canaries.environment,
            CREDENTIALS_DIRECTORY=str(folder / "credentials"),
            TMPDIR=str(self.temporary),
            XDG_STATE_HOME=str(folder / "state"),
        )
        self.environment["PYTHONPATH"] = os.pathsep.join([str(packages), self.environment["PYTHONPATH"]])
        self.estate = write_estate(folder, targets, plugins=["drcheck-leaky"])
        self.done = self.watched()

    def run(self, *arguments: str | Path) -> Done:
        """A command in this scene."""
        return drcheck(*arguments, env=self.environment, cwd=self.out)

    def watched(self) -> Done:
        """A check that logs all that it can, while everything that it writes is looked at as it is written: the store's log is gone at the end."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            return self.run(
                "-vv", "check", "--estate", self.estate, "--timeout", "30s", "--keep-facts", self.out / "facts.json",
                "--calls", self.out / "calls.jsonl", "-o", self.out / "report.txt", "--wide",
            )  # fmt: skip
        finally:
            over.set()
            watcher.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.02):
            for folder in (self.folder / "state", self.temporary):
                for path in folder.rglob("*"):
                    with suppress(OSError):
                        if path.is_file():
                            self.live.append(path.read_bytes())
            self.live = list(dict.fromkeys(self.live))

    def leaked(self, *contents: str | bytes) -> list[str]:
        """The names of the secrets in any of these."""
        return sorted({name for one in contents for name in self.canaries.seen_in(one if isinstance(one, str) else one.decode("latin-1"))})

    def files(self, *folders: Path) -> list[bytes]:
        """The content of every file below these folders."""
        return [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A night that was checked with canaries for secrets."""
    with ExitStack() as held:
        yield Scene(tmp_path_factory.mktemp("canaries"), held)


def test_the_secrets_were_used(scene: Scene) -> None:
    """Otherwise nothing is shown by their being nowhere."""
    assert scene.done.code in (10, 11), scene.done.stderr[-2000:]
    log = scene.done.stderr
    assert "sftp:open" in log
    assert "<secret from file:" in log
    facts = (scene.out / "facts.json").read_text()
    for kind in ("env", "file", "command", "systemd"):
        assert f"wrong-{kind}" in facts
    assert facts.count('"access-denied"') >= 4, "the wrong passwords were sent"
    report = (scene.out / "report.txt").read_text()
    assert "records@cloud" in report
    assert len(list(scene.seen.iterdir())) >= 3, "programs were asked"


def test_no_log_and_no_report_shows_one(scene: Scene) -> None:
    assert scene.leaked(scene.done.stdout, scene.done.stderr, *scene.files(scene.out)) == []


def test_none_is_in_the_store_or_in_a_temporary_file_at_any_moment(scene: Scene) -> None:
    assert any(content.startswith(b"SQLite format 3") for content in scene.live)
    assert any(content[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83") for content in scene.live), "the store's write-ahead log was seen"
    assert scene.leaked(*scene.live, *scene.files(scene.folder / "state", scene.temporary)) == []


def test_none_is_in_the_arguments_of_any_program(scene: Scene) -> None:
    for content in scene.files(scene.seen):
        environment_, _, arguments = content.decode("utf-8", "replace").partition("-m drcheck")
        assert arguments
        assert scene.leaked(arguments) == []
        # Those that were given in drcheck's own environment are inherited, as by every program; no other ever gets there.
        assert set(scene.leaked(environment_)) <= {name.removeprefix("CANARY_").lower() for name in scene.canaries.environment}


@pytest.mark.parametrize("form", sorted(BUILTIN))
def test_no_format_shows_one(scene: Scene, form: str, tmp_path: Path) -> None:
    store = next((scene.folder / "state").rglob("*.db"))
    report = tmp_path / "report"
    ended = inside.drcheck("report", "--store", store, "--format", form, "-o", report, cwd=tmp_path)
    assert ended.returncode == 0 or form == "nagios", ended.stderr
    content = report.read_bytes()
    assert len(content) > 100
    # What a PDF says is compressed in it.
    told = "".join(page.extract_text() for page in PdfReader(report).pages) if form == "pdf" else ""
    assert scene.leaked(ended.stdout, ended.stderr, content, told, told.replace("\n", "")) == []


def test_no_other_command_shows_one(scene: Scene) -> None:
    asked: list[tuple[str | Path, ...]] = [
        ("-vv", "doctor", "--estate", scene.estate),
        ("estate", "show", "--estate", scene.estate),
    ]
    for arguments in asked:
        done = scene.run(*arguments)
        assert done.stdout, done.stderr
        # `estate show` prints the references themselves: what a command's arguments are, its owner wrote into the estate.
        assert scene.leaked(done.stdout, done.stderr) == []


def test_a_crash_shows_none_even_where_it_shows_everything(scene: Scene) -> None:
    done = scene.run("-vv", "check", "--estate", scene.estate, "--no-store", "--timeout", "30s", "--format", "crashes")
    assert done.code == 1, done.stderr[-2000:]
    assert "this is a bug" in done.stderr
    assert "RuntimeError: cannot report" in done.stderr
    assert "Assessment(" in done.stderr, "the assessment's own representation is in the traceback"
    assert scene.leaked(done.stdout, done.stderr) == []


def test_none_is_in_an_evidence_pack(scene: Scene) -> None:
    if "evidence" not in COMMANDS:
        pytest.skip("there are no evidence packs yet")
    scene.run("key", "new", "--out", scene.out / "key", "--passphrase", scene.canaries.by_file("passphrase"))
    reference = f"file:{scene.folder / 'secrets' / 'passphrase'}"
    done = scene.run("evidence", "export", "-o", scene.out / "pack", "--names", "--sign", scene.out / "key", "--passphrase", reference)
    assert done.code == 0, done.stderr
    assert scene.leaked(done.stdout, done.stderr) == []
    contents = scene.files(scene.out / "pack")
    assert len(contents) > 10
    assert any(b"wrong-command" in content for content in contents), "the estate is in it"
    assert scene.leaked(*contents) == []


def test_a_core_file_is_not_asked_for() -> None:
    """drcheck raises no limit that keeps the memory of a crashed process off the disk: the one limit of the kind that is set anywhere is 0."""
    pattern = r"\(?resource\.RLIMIT_CORE[^)]*\)?|RLIMIT_CORE|faulthandler"
    done = subprocess.run(["grep", "-rhoE", pattern, "drcheck", "--include=*.py"], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == ["(resource.RLIMIT_CORE, 0)", ""]
