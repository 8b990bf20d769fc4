"""SSHSIG: the same bytes as ssh-keygen, and the same answers."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.errors import EvidenceError
from drcheck.evidence.private_keys import load_signer
from drcheck.evidence.public_keys import SK_ECDSA, SK_ED25519
from drcheck.evidence.sshsig import LARGEST, NAMESPACE, SshSignature, armour, dearmour, signed_data
from drcheck.evidence.wire import string, uint32
from tests.evidence.hardware import Token
from tests.evidence.ssh import KEYGEN, keygen_finds_well_formed, keygen_signs, keygen_verifies, make_key

MESSAGE = b"0123abcd  data/record.json\n"
KINDS = [("ed25519",), ("rsa", "-b", "2048"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384"), ("ecdsa", "-b", "521")]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {"".join(kind): make_key(folder / "".join(kind), *kind) for kind in KINDS}


def allowed(line: str) -> str:
    return f'backups@hospital.example namespaces="{NAMESPACE}" {line}\n'


@KEYGEN
def test_ed25519_signs_to_the_byte_as_ssh_keygen_does(keys: dict[str, Path]) -> None:
    signer = load_signer(keys["ed25519"])
    for message in (b"", MESSAGE, b"\0" * 100_000):
        assert signer.sign(message) == keygen_signs(keys["ed25519"], message)


@KEYGEN
@pytest.mark.parametrize("kind", ["".join(kind) for kind in KINDS])
def test_ssh_keygen_takes_what_is_signed_here(keys: dict[str, Path], kind: str) -> None:
    signer = load_signer(keys[kind])
    signature = signer.sign(MESSAGE)
    assert keygen_verifies(signature, MESSAGE, allowed(signer.public_key), "backups@hospital.example")
    assert keygen_finds_well_formed(signature, MESSAGE)
    assert not keygen_verifies(signature, MESSAGE + b" ", allowed(signer.public_key), "backups@hospital.example")


@KEYGEN
@pytest.mark.parametrize("digest", ["sha512", "sha256"])
@pytest.mark.parametrize("kind", ["".join(kind) for kind in KINDS])
def test_what_ssh_keygen_signs_is_taken_here(keys: dict[str, Path], kind: str, digest: str) -> None:
    signed = dearmour(keygen_signs(keys[kind], MESSAGE, NAMESPACE, f"-Ohashalg={digest}"))
    assert (signed.namespace, signed.hash, signed.key) == (NAMESPACE, digest, load_signer(keys[kind]).key)
    signed.key.verify(signed.signature, signed_data(MESSAGE, NAMESPACE, digest))
    with pytest.raises(EvidenceError, match="altered"):
        signed.key.verify(signed.signature, signed_data(MESSAGE + b" ", NAMESPACE, digest))


@KEYGEN
@pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
def test_a_key_in_hardware_signs_as_ssh_keygen_expects(kind: str) -> None:
    token = Token(kind)
    signature = armour(SshSignature(token.key, NAMESPACE, "sha512", token.sign(signed_data(MESSAGE))))
    assert keygen_verifies(signature, MESSAGE, allowed(token.key.line), "backups@hospital.example")
    signed = dearmour(signature)
    signed.key.verify(signed.signature, signed_data(MESSAGE))
    for altered in range(len(signed.signature)):
        with pytest.raises(EvidenceError):
            signed.key.verify(flipped(signed.signature, altered), signed_data(MESSAGE))


def flipped(content: bytes, at: int, bit: int = 1) -> bytes:
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


@KEYGEN
@pytest.mark.parametrize("kind", ["ed25519", "rsa-b2048", "ecdsa-b256"])
def test_a_flipped_bit_anywhere_in_a_signature_is_caught(keys: dict[str, Path], kind: str) -> None:
    signer = load_signer(keys[kind])
    signature = signer.sign(MESSAGE)
    for at in range(len(signature)):
        for bit in (0x01, 0x20, 0x80):
            with pytest.raises(EvidenceError):
                check(flipped(signature, at, bit), MESSAGE, signer.public_key)
    for at in range(len(signature)):
        with pytest.raises(EvidenceError):
            check(signature[:at] + signature[at + 1 :], MESSAGE, signer.public_key)


def check(signature: bytes, message: bytes, line: str) -> None:
    signed = dearmour(signature)
    if signed.key.line != line.rpartition(" ")[0]:
        raise EvidenceError("another key")
    if signed.namespace != NAMESPACE:
        raise EvidenceError("another namespace")
    signed.key.verify(signed.signature, signed_data(message, signed.namespace, signed.hash))


def rearmoured(blob: bytes) -> bytes:
    encoded = base64.b64encode(blob)
    lines = b"".join(encoded[at : at + 70] + b"\n" for at in range(0, len(encoded), 70))
    return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"


def blob_of(*, magic: bytes = b"SSHSIG", version: int = 1, reserved: bytes = b"", digest: bytes = b"sha512", end: bytes = b"") -> bytes:
    token = Token()
    parts = (token.key.blob, NAMESPACE.encode(), reserved, digest, token.sign(signed_data(MESSAGE)))
    return magic + uint32(version) + b"".join(map(string, parts)) + end


@pytest.mark.parametrize(
    ("blob", "because"),
    [
        (blob_of(magic=b"SSHSIB"), "does not begin with SSHSIG"),
        (blob_of(version=2), "version 2"),
        (blob_of(reserved=b"x"), "reserved"),
        (blob_of(digest=b"sha1"), "sha1, which is not taken"),
        (blob_of(end=b"\0"), "1 bytes too many"),
        (blob_of()[:-1], "cut short"),
        (blob_of(digest=b"sha\xff"), "no printable ASCII"),
    ],
)
def test_what_no_program_writes_is_refused(blob: bytes, because: str) -> None:
    with pytest.raises(EvidenceError, match=because):
        dearmour(rearmoured(blob))


def test_one_signature_has_one_form() -> None:
    good = rearmoured(blob_of())
    assert armour(dearmour(good)) == good
    for other in (
        good.replace(b"\n", b"\r\n"),
        good + b"\n",
        good[:-1],
        b"\n" + good,
        good.replace(b"\n", b"\n\n", 2),
        good.replace(b"\n-----END", b"-----END"),
    ):
        with pytest.raises(EvidenceError):
            dearmour(other)
    with pytest.raises(EvidenceError, match="not read"):
        dearmour(b"-----BEGIN SSH SIGNATURE-----\n" + b"A" * LARGEST + b"-----END SSH SIGNATURE-----\n")


@given(
    st.binary(max_size=400)
    | st.binary(max_size=300).map(rearmoured)
    | st.binary(max_size=200).map(lambda end: rearmoured(blob_of()[: 200 - len(end)] + end))
)
def test_nothing_but_an_evidence_error_comes_of_what_a_stranger_wrote(content: bytes) -> None:
    try:
        signed = dearmour(content)
    except EvidenceError:
        return
    assert armour(signed) == content
