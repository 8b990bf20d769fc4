"""Who signed, and whether that counts: the same answers as ssh-keygen's, from the caller's list only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import parse_allowed_signers
from drcheck.evidence.bag import check_name
from drcheck.evidence.private_keys import load_signer, write_new
from drcheck.evidence.signing import NAMESPACE, Signed, Signer, signer_for, verify
from drcheck.evidence.sshsig import SshSignature, armour, signed_data
from tests.evidence.ssh import KEYGEN, keygen_signs, keygen_verifies

MESSAGE = b"manifest"
WHO = "backups@hospital.example"
AT = datetime(2026, 11, 22, 3, 10, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_new(tmp_path / "key", WHO)
    return tmp_path / "key"


def listed(signer: Signer, options: str = "", principals: str = WHO) -> str:
    return f"{principals} {options} {signer.public_key}\n"


def who(signature: bytes, text: str, principal: str | None = WHO, at: datetime | None = AT) -> Signed:
    return verify(signature, MESSAGE, parse_allowed_signers(text.encode(), "signers"), principal, at)


def test_a_signature_by_a_listed_key_says_who_signed(key: Path) -> None:
    signer = load_signer(key)
    expected = Signed(WHO, signer.key.fingerprint, "ssh-ed25519")
    assert who(signer.sign(MESSAGE), listed(signer)) == expected
    assert who(signer.sign(MESSAGE), listed(signer), None) == expected
    assert who(signer.sign(MESSAGE), listed(signer, principals="*@hospital.example,!root@*")) == expected


@KEYGEN
def test_another_namespace_is_another_purpose(key: Path) -> None:
    signer = load_signer(key)
    with pytest.raises(EvidenceError, match="made for 'file', not for 'evidence@drcheck'"):
        who(keygen_signs(key, MESSAGE, "file"), listed(signer))
    # A signature that only says that it is for evidence.
    claimed = armour(SshSignature(signer.key, NAMESPACE, "sha512", signer.sign_data(signed_data(MESSAGE, "file"))))
    with pytest.raises(EvidenceError, match="altered"):
        who(claimed, listed(signer))
    with pytest.raises(EvidenceError, match="may sign for file, not for evidence@drcheck"):
        who(signer.sign(MESSAGE), listed(signer, 'namespaces="file"'))


def test_a_key_that_is_not_listed_or_for_somebody_else_counts_for_nothing(key: Path, tmp_path: Path) -> None:
    signer = load_signer(key)
    write_new(tmp_path / "other", "other@hospital.example")
    other = load_signer(tmp_path / "other")
    with pytest.raises(EvidenceError, match=rf"signed by the key {re.escape(other.key.fingerprint)} .*which signers does not list"):
        who(other.sign(MESSAGE), listed(signer))
    with pytest.raises(EvidenceError, match=r"lists for backups@hospital\.example, not for auditor@trust\.example"):
        who(signer.sign(MESSAGE), listed(signer), "auditor@trust.example")
    with pytest.raises(EvidenceError, match="does not list"):
        who(signer.sign(MESSAGE), "# nobody\n")


def test_a_key_counts_only_between_its_moments(key: Path) -> None:
    signer = load_signer(key)
    text = listed(signer, 'valid-after="20261122031000Z",valid-before="20261122041000Z"')
    signature = signer.sign(MESSAGE)
    for at in (AT, AT + timedelta(minutes=30), AT + timedelta(hours=1, milliseconds=999)):
        assert who(signature, text, at=at).principal == WHO
    with pytest.raises(EvidenceError, match="line 1: is valid from 2026-11-22T03:10:00Z on, and the moment to judge by is 2026-11-22T03:09:59Z"):
        who(signature, text, at=AT - timedelta(microseconds=1))
    with pytest.raises(EvidenceError, match="was valid until 2026-11-22T04:10:00Z"):
        who(signature, text, at=AT + timedelta(hours=1, seconds=1))
    # A key can be listed for two times; and where no moment is given, it is now.
    assert who(signature, text + listed(signer, 'valid-after="20270101Z"'), at=AT + timedelta(days=100)).principal == WHO
    assert who(signature, listed(signer, 'valid-after="20000101Z",valid-before="29990101Z"'), at=None).principal == WHO
    with pytest.raises(EvidenceError, match="was valid until 2000-01-02"):
        who(signature, listed(signer, 'valid-before="20000102Z"'), at=None)


def test_something_else_was_signed(key: Path) -> None:
    signer = load_signer(key)
    with pytest.raises(EvidenceError, match="altered"):
        who(signer.sign(MESSAGE + b"\n"), listed(signer))


def test_a_label_is_safe_and_differs(tmp_path: Path) -> None:
    labels = set()
    for number, comment in enumerate(("backups@hospital.example", "", "../../etc/passwd", "con", "two words\x1b[0m", "é" * 300)):
        write_new(tmp_path / str(number), "x")
        (tmp_path / f"{number}.pub").write_text((tmp_path / f"{number}.pub").read_text().replace(" x\n", f" {comment}\n"))
        labels.add(load_signer(tmp_path / str(number)).label)
    assert len(labels) == 6
    for label in labels:
        assert check_name(f"signatures/{label}.sig")
        assert len(label) <= 50
    assert any(label.startswith("backups-hospital.example-") for label in labels)


def test_a_reference_says_where_the_key_is(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signer_for(str(key)).public_key == load_signer(key).public_key
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(EvidenceError, match="SSH_AUTH_SOCK is not set"):
        signer_for("agent:anything")
    for reference in ("agent:x", "kms:awskms:x#y"):
        with pytest.raises(EvidenceError, match="a passphrase belongs to a key file"):
            signer_for(reference, "env:PASSPHRASE")
    with pytest.raises(EvidenceError, match="there is no such file; make a key with: drcheck key new"):
        signer_for("nowhere/key")


@KEYGEN
def test_ssh_keygen_checks_what_a_stranger_gets(key: Path) -> None:
    signer = signer_for(str(key))
    signature = signer.sign(MESSAGE)
    text = listed(signer, f'namespaces="{NAMESPACE}",valid-before="20261122031000Z"')
    assert keygen_verifies(signature, MESSAGE, text, WHO, "20261122031000Z")
    assert not keygen_verifies(signature, MESSAGE, text, WHO, "20261122031001Z")
    assert not keygen_verifies(signature, MESSAGE, text, WHO)
