"""Private keys in files."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drcheck.errors import EvidenceError
from drcheck.evidence.private_keys import load_signer, read_public, write_new
from drcheck.evidence.public_keys import SK_ECDSA, SK_ED25519
from drcheck.evidence.wire import string, uint32
from tests.evidence.hardware import Token
from tests.evidence.ssh import KEYGEN, keygen_signs, make_key

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


@POSIX
@KEYGEN
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_key_that_others_can_read_is_refused_with_what_mends_it(tmp_path: Path, mode: int) -> None:
    file = make_key(tmp_path / "a key")
    file.chmod(mode)
    with pytest.raises(EvidenceError, match="others can read or change this private key") as caught:
        load_signer(file)
    command = str(caught.value).partition("run: ")[2].partition(" and, where")[0]
    assert f"(mode {mode:04o})" in str(caught.value)
    subprocess.run(["sh", "-c", command], check=True)
    assert load_signer(file).sign(b"x") == keygen_signs(file, b"x")


@KEYGEN
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_passphrase_is_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    file = make_key(tmp_path / "key", kind, passphrase="correct horse")
    monkeypatch.setenv("PASS", "correct horse")
    monkeypatch.setenv("WRONG", "canary horse")
    assert load_signer(file, "env:PASS").key == read_public(file)
    with pytest.raises(EvidenceError, match="is protected by a passphrase; say where it is kept"):
        load_signer(file)
    with pytest.raises(EvidenceError, match="damaged, or the passphrase is not its own") as caught:
        load_signer(file, "env:WRONG")
    assert "canary" not in str(caught.value) + repr(caught.value.__cause__)
    with pytest.raises(EvidenceError, match="the passphrase: env:NONE: the environment variable NONE is not set"):
        load_signer(file, "env:NONE")
    with pytest.raises(EvidenceError, match="is not protected by a passphrase"):
        load_signer(make_key(tmp_path / "plain", kind), "env:PASS")


@KEYGEN
def test_a_new_key_is_one_that_openssh_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS", "correct horse")
    for name, passphrase, typed in (("plain", None, ""), ("protected", "env:PASS", "correct horse")):
        file = tmp_path / name
        key = write_new(file, "backups@hospital.example", passphrase)
        if os.name == "posix":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (tmp_path / f"{name}.pub").read_text() == key.line + "\n"
        shown = subprocess.run(["ssh-keygen", "-y", "-P", typed, "-f", file], capture_output=True, text=True, check=True).stdout
        assert shown.split()[:2] == key.line.split()[:2]
        assert load_signer(file, passphrase).public_key == key.line
    assert load_signer(tmp_path / "plain").sign(b"x") == keygen_signs(tmp_path / "plain", b"x")
    assert b"correct horse" not in (tmp_path / "protected").read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key"
    write_new(file, "x")
    before = file.read_bytes()
    with pytest.raises(EvidenceError, match="is there already, and is not overwritten"):
        write_new(file, "x")
    (tmp_path / "key.pub").unlink()
    with pytest.raises(EvidenceError, match="is there already, and is not overwritten"):
        write_new(file, "x")
    assert file.read_bytes() == before
    (tmp_path / "other.pub").write_text("somebody's")
    with pytest.raises(EvidenceError, match=r"other\.pub: is there already"):
        write_new(tmp_path / "other", "x")
    assert not (tmp_path / "other").exists()
    with pytest.raises(EvidenceError, match="could not be written"):
        write_new(tmp_path / "nowhere" / "key", "x")


def test_what_is_no_key_of_openssh_is_named(tmp_path: Path) -> None:
    write_new(tmp_path / "key", "x")
    pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    good = (tmp_path / "key").read_bytes()
    for content, because in (
        (b"", "is no private key"),
        (b"hello", "is no private key"),
        ((tmp_path / "key.pub").read_bytes(), "name the file without .pub"),
        (pem, "ssh-keygen -p -f FILE"),
        (good[:150], "is no private key|damaged"),
        (good.replace(b"AAA", b"AAB", 1), "damaged|not in this file"),
        (b"\0" * (2 << 20), "is larger than"),
    ):
        file = tmp_path / "odd"
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(EvidenceError, match=because):
            load_signer(file)
    with pytest.raises(EvidenceError, match="could not be read"):
        load_signer(tmp_path)
    with pytest.raises(EvidenceError, match="is not a path"):
        load_signer(Path("a\0b"))


@pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
def test_the_file_of_a_key_in_hardware_leads_to_the_agent(tmp_path: Path, kind: str) -> None:
    # What ssh-keygen -t ed25519-sk writes: the public half, and the handle by which the token finds its own (PROTOCOL.key, PROTOCOL.u2f).
    key = Token(kind).key
    kept = bytes(8) + key.blob + b"\x01" + string(b"handle") + string(b"") + string(b"a comment")
    padded = kept + bytes(range(1, 1 + -len(kept) % 8))
    content = b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"") + uint32(1) + string(key.blob) + string(padded)
    text = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(content) + b"-----END OPENSSH PRIVATE KEY-----\n"
    file = tmp_path / "id_sk"
    file.write_bytes(text)
    file.chmod(0o600)
    with pytest.raises(EvidenceError, match=r"where it is kept in hardware, run ssh-add \S+/id_sk and sign with agent:FINGERPRINT"):
        load_signer(file)


def test_half_a_key_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="could not be written: No space left on device"):
        write_new(tmp_path / "key", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_public_half_of_another_key_does_not_give_its_comment(tmp_path: Path) -> None:
    write_new(tmp_path / "key", "mine")
    write_new(tmp_path / "other", "theirs")
    (tmp_path / "key.pub").write_bytes((tmp_path / "other.pub").read_bytes())
    assert load_signer(tmp_path / "key").key.comment == ""
    (tmp_path / "key.pub").write_bytes(b"\xff")
    assert load_signer(tmp_path / "key").key.comment == ""
