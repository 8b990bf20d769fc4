"""Public keys, and the wire form that they are written in."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from hypothesis import given
from hypothesis import strategies as st

from drcheck.errors import EvidenceError
from drcheck.evidence.public_keys import SK_ECDSA, TYPES, key_from_blob, key_from_crypto, key_from_line, safe_comment
from drcheck.evidence.wire import Reader, mpint, string
from tests.evidence.hardware import Token
from tests.evidence.ssh import KEYGEN, make_key


@KEYGEN
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_has_the_fingerprint_that_ssh_keygen_shows(tmp_path: Path, kind: str) -> None:
    file = make_key(tmp_path / "key", kind, comment="two words")
    line = (tmp_path / "key.pub").read_text()
    key = key_from_line(line)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, text=True, check=True).stdout
    assert shown.split()[1] == key.fingerprint
    assert key.line + "\n" == line
    assert key.comment == "two words"
    assert key.type in TYPES


@KEYGEN
def test_keys_that_are_too_weak_or_of_another_type_are_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "short", "rsa", "-b", "1024")
    with pytest.raises(EvidenceError, match="RSA key of 1024 bits is not taken: 2048 at least"):
        key_from_line((tmp_path / "short.pub").read_text())
    with pytest.raises(EvidenceError, match="does not begin with a type of key that is taken"):
        key_from_line("ssh-dss AAAA")
    for other in (ed448.Ed448PrivateKey.generate(), dsa.generate_private_key(1024), ec.generate_private_key(ec.SECP256K1())):
        with pytest.raises(EvidenceError):
            key_from_crypto(other.public_key())
    assert key_from_crypto(rsa.generate_private_key(65537, 2048).public_key()).type == "ssh-rsa"


def test_a_key_says_what_it_is() -> None:
    plain = base64.b64encode(string(b"ssh-ed25519") + string(bytes(32))).decode()
    assert key_from_line(f"ssh-ed25519 {plain}") == key_from_line(f" ssh-ed25519   {plain}  somebody ")
    for line, because in (
        (f"ssh-rsa {plain}", "says ssh-rsa and holds a key of the type ssh-ed25519"),
        (f"ssh-ed25519 {plain}!", "not base64"),
        (f"ssh-ed25519 {plain[:-8]}", "cut short"),
        (f"ssh-ed25519 {'A' * 20_000}", "more than 16384 characters"),
    ):
        with pytest.raises(EvidenceError, match=because):
            key_from_line(line)


def test_a_point_off_the_curve_or_on_another_is_refused() -> None:
    token = Token(SK_ECDSA).key
    curve = string(b"nistp256")
    with pytest.raises(EvidenceError, match="is no key of the type"):
        key_from_blob(token.blob[:-20] + bytes([token.blob[-20] ^ 1]) + token.blob[-19:])
    with pytest.raises(EvidenceError, match="another curve"):
        key_from_blob(token.blob.replace(curve, string(b"nistp384")))
    with pytest.raises(EvidenceError, match="not written in full"):
        key_from_blob(string(b"ecdsa-sha2-nistp256") + curve + string(b"\x02" + bytes(32)))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**255, 2**256 - 1])
def test_a_number_has_one_form(number: int) -> None:
    written = mpint(number)
    assert Reader(written, "it").mpint() == number
    longer = string(b"\0" + written[4:])
    with pytest.raises(EvidenceError, match="longer than it need be"):
        Reader(longer, "it").mpint()


def test_a_number_is_not_negative() -> None:
    with pytest.raises(EvidenceError, match="negative"):
        Reader(string(b"\x80"), "it").mpint()


@pytest.mark.parametrize("name", ["backups@hospital.example", "x", "A-1_b.c+d"])
def test_a_comment_that_can_be_a_principal(name: str) -> None:
    assert safe_comment(name) == name


@pytest.mark.parametrize("name", ["", "two words", "a,b", "*", "!x", 'q"', "-x", "a\n", "x" * 101, "ä"])
def test_a_comment_that_cannot_be_a_principal(name: str) -> None:
    with pytest.raises(EvidenceError, match="cannot name a key"):
        safe_comment(name)


@given(st.binary(max_size=120) | st.sampled_from(TYPES).flatmap(lambda kind: st.binary(max_size=80).map(lambda rest: string(kind.encode()) + rest)))
def test_nothing_but_an_evidence_error_comes_of_a_strangers_key(blob: bytes) -> None:
    try:
        key = key_from_blob(blob)
    except EvidenceError:
        return
    assert key_from_line(key.line) == key


@given(st.binary(max_size=200))
def test_nothing_but_an_evidence_error_comes_of_a_strangers_signature(signature: bytes) -> None:
    for key in (Token().key, Token(SK_ECDSA).key, key_from_blob(string(b"ssh-ed25519") + string(bytes(32)))):
        for written in (signature, string(key.type.encode()) + signature, string(key.type.encode()) + string(signature)):
            with pytest.raises(EvidenceError):
                key.verify(written, b"data")
