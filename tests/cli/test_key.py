"""`drcheck key`, as people run it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from drcheck.evidence.private_keys import load_signer
from tests.cli.inside import drcheck
from tests.evidence.ssh import AGENT, KEYGEN, keygen_verifies, make_key, ssh_agent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the folder is chosen by XDG_CONFIG_HOME")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "drcheck" / "keys"


@KEYGEN
def test_from_the_first_key_to_the_auditors_list(home: Path, tmp_path: Path) -> None:
    made = drcheck("key", "new", "--comment", "backups@hospital.example", cwd=tmp_path)
    assert made.returncode == 0
    assert re.search(rf"^key +{re.escape(str(home / 'drcheck'))}$", made.stdout, re.M)
    assert re.search(r"^fingerprint +SHA256:\S{43}$", made.stdout, re.M)
    assert "--passphrase protects it" in made.stderr
    shown = drcheck("key", "show", cwd=tmp_path)
    assert re.search(r"^valid +from 20\S+Z, as backups@hospital\.example$", shown.stdout, re.M)
    signature = load_signer(home / "drcheck").sign(b"m")
    again = drcheck("key", "new", cwd=tmp_path)
    assert (again.returncode, "is not overwritten" in again.stderr) == (12, True)
    rotated = drcheck("key", "rotate", cwd=tmp_path)
    assert rotated.returncode == 0
    assert re.search(r"^closed +SHA256:\S{43}, now \S+drcheck\.closed-\d{8}T\d{6}Z$", rotated.stdout, re.M)
    assert re.search(r"^listed too +SHA256:\S{43} from \S+Z until \S+Z, as", drcheck("key", "show", cwd=tmp_path).stdout, re.M)
    listed = drcheck("key", "allowed-signers", cwd=tmp_path).stdout
    assert len(listed.splitlines()) == 2
    first = re.search(r'valid-after="(\d+Z)"', listed)
    assert first is not None
    assert keygen_verifies(signature, b"m", listed, "backups@hospital.example", first[1])
    assert not keygen_verifies(signature, b"m", listed, "backups@hospital.example", "29990101Z")
    undated = drcheck("key", "allowed-signers", "--undated", cwd=tmp_path).stdout
    assert "valid-" not in undated
    assert keygen_verifies(signature, b"m", undated, "backups@hospital.example")


def test_elsewhere_and_with_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS", "canary-horse")
    made = drcheck("key", "new", "--out", "there/mine", "--passphrase", "env:PASS", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert "comment      drcheck@" in made.stdout
    rotated = drcheck("key", "rotate", "there/mine", "--passphrase", "env:PASS", "--comment", "b@c", cwd=tmp_path)
    assert load_signer(tmp_path / "there" / "mine", "env:PASS").key.comment == "b@c"
    shown = drcheck("key", "show", "there/mine.pub", cwd=tmp_path)
    assert "valid        not listed" in shown.stdout
    wrong = drcheck("key", "new", "--out", "other", "--passphrase", "env:NONE", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (12, "error: the passphrase: env:NONE: the environment variable NONE is not set\n")
    assert not (tmp_path / "other").exists()
    assert "canary" not in made.stdout + rotated.stdout + rotated.stderr


def test_a_key_that_others_can_read_is_refused(home: Path, tmp_path: Path) -> None:
    drcheck("key", "new", cwd=tmp_path)
    (home / "drcheck").chmod(0o644)
    for command in ("show", "rotate"):
        ended = drcheck("key", command, cwd=tmp_path)
        assert (ended.returncode, f"run: chmod 600 {home / 'drcheck'}" in ended.stderr) == (12, True)


def test_without_a_key_it_says_how_to_make_one(tmp_path: Path) -> None:
    for command in ("show", "allowed-signers"):
        ended = drcheck("key", command, cwd=tmp_path)
        assert (ended.returncode, "drcheck key new" in ended.stderr) == (12, True)


@AGENT
def test_a_key_in_an_agent_is_shown_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_key(tmp_path / "k", comment="clinic@hospital.example")
    with ssh_agent(file) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        shown = drcheck("key", "show", "agent:clinic@hospital.example", cwd=tmp_path)
        assert re.search(r"^fingerprint +SHA256:\S{43}$", shown.stdout, re.M)
        listed = drcheck("key", "allowed-signers", "agent:clinic@hospital.example", cwd=tmp_path)
    assert listed.stdout.startswith('clinic@hospital.example namespaces="evidence@drcheck" ssh-ed25519 ')
    assert keygen_verifies(load_signer(file).sign(b"m"), b"m", listed.stdout, "clinic@hospital.example")
