"""Pinned host keys: what `host_key` and `known_hosts` mean, and that no text makes an unknown key trusted."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.connectors.sftp_hostkeys import fingerprint, kind_of, pins_from_known_hosts, pins_from_text
from drcheck.errors import Untrusted

HOST = "backup.example"


def wire(kind: str = "ssh-ed25519", seed: bytes = b"1") -> bytes:
    """A public key as it goes over the wire."""
    name, key = kind.encode(), hashlib.sha256(seed).digest()
    return len(name).to_bytes(4, "big") + name + len(key).to_bytes(4, "big") + key


KEY, OTHER = wire(), wire(seed=b"2")


def line(key: bytes = KEY) -> str:
    """A key as text."""
    return f"{kind_of(key)} {base64.b64encode(key).decode()}"


def hashed(name: str) -> str:
    """A name as `ssh-keygen -H` writes it."""
    salt = hashlib.sha1(b"salt").digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(hmac.digest(salt, name.encode(), 'sha1')).decode()}"


def test_a_fingerprint_and_a_line_pin_one_key() -> None:
    for text in (fingerprint(KEY), fingerprint(KEY) + "=", line(), f"{line()} a comment", f"  {line()}  "):
        pins = pins_from_text(text)
        assert pins.trusts(KEY)
        assert not pins.trusts(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SHA256:",
        "sha256:" + "A" * 43,
        "SHA256:" + "A" * 42,
        "SHA256:" + "A" * 44,
        f"{HOST} {line()}",
        "ssh-ed25519",
        "ssh-ed25519 !!!",
        "ssh-rsa " + base64.b64encode(KEY).decode(),
        "MD5:00:11",
    ],
)
def test_what_is_no_host_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        pins_from_text(text)


@pytest.mark.parametrize(
    ("names", "port"),
    [
        (HOST, 22),
        (f"other,{HOST}", 22),
        (f"{HOST},192.0.2.1", 22),
        ("Backup.EXAMPLE", 22),
        ("*.example", 22),
        ("backup.exampl?", 22),
        ("*", 22),
        (f"*.example,!mail.example,{HOST}", 22),
        (f"[{HOST}]:2222", 2222),
        ("[*.example]:2222", 2222),
        (f"[{HOST}]:*", 2222),
    ],
)
def test_names_that_fit(names: str, port: int) -> None:
    assert pins_from_known_hosts(f"{names} {line()}\n", HOST, port).trusts(KEY)


@pytest.mark.parametrize(
    ("names", "port"),
    [
        (HOST, 2222),
        (f"[{HOST}]:2222", 22),
        (f"[{HOST}]:2222", 2223),
        ("backup", 22),
        ("backup.example.org", 22),
        ("backup-example", 22),
        ("backup.exampl", 22),
        (f"*,!{HOST}", 22),
        (f"!{HOST},*", 22),
        (f"!{HOST}", 22),
        ("[a-z]*", 22),
        ("|1|notbase64|x", 22),
        ("|1|", 22),
        ("|2|" + hashed(HOST)[3:], 22),
    ],
)
def test_names_that_do_not_fit(names: str, port: int) -> None:
    pins = pins_from_known_hosts(f"{names} {line()}\n", HOST, port)
    assert not pins.trusts(KEY)
    assert pins.keys == ()


def test_hashed_names_fit_their_own_host_and_port() -> None:
    assert pins_from_known_hosts(f"{hashed(HOST)} {line()}", HOST, 22).trusts(KEY)
    assert pins_from_known_hosts(f"{hashed(f'[{HOST}]:2222')} {line()}", HOST, 2222).trusts(KEY)
    assert not pins_from_known_hosts(f"{hashed(HOST)} {line()}", HOST, 2222).trusts(KEY)
    assert not pins_from_known_hosts(f"{hashed('other')} {line()}", HOST, 22).trusts(KEY)


def test_lines_that_pin_nothing_are_passed_over() -> None:
    lines = ["", f"# {HOST} {line(OTHER)}", f"{HOST} 1024 35 12345", f"{HOST} ssh-ed25519 ????", HOST, f"@strange {HOST} {line(OTHER)}"]
    text = "\n".join([*lines, f"\t{HOST}\t{line()} comment"])
    pins = pins_from_known_hosts(text, HOST, 22)
    assert pins.trusts(KEY)
    assert not pins.trusts(OTHER)


def test_several_keys_are_all_pinned_and_their_kinds_known() -> None:
    rsa = wire("ssh-rsa")
    pins = pins_from_known_hosts(f"{HOST} {line()}\n{HOST} {line(rsa)}\n{HOST} {line()}\n", HOST, 22)
    assert pins.trusts(KEY)
    assert pins.trusts(rsa)
    assert pins.kinds == ("ssh-ed25519", "ssh-rsa")


@pytest.mark.parametrize("lines", [[f"@revoked * {line()}", f"{HOST} {line()}"], [f"{HOST} {line()}", f"@revoked {HOST} {line()}"]])
def test_a_revoked_key_is_not_trusted_in_any_order(lines: list[str]) -> None:
    pins = pins_from_known_hosts("\n".join(lines), HOST, 22)
    assert not pins.trusts(KEY)
    assert "revoked" in str(pins.refusal("server", [KEY]))


def test_a_revocation_that_cannot_be_understood_trusts_nobody() -> None:
    with pytest.raises(Untrusted, match="line 2"):
        pins_from_known_hosts(f"{HOST} {line()}\n@revoked {HOST} ssh-ed25519 ???", HOST, 22)
    assert pins_from_known_hosts(f"{HOST} {line()}\n@revoked other ssh-ed25519 ???", HOST, 22).trusts(KEY)


def test_a_certificate_authority_is_no_host_key() -> None:
    pins = pins_from_known_hosts(f"@cert-authority {HOST} {line()}", HOST, 22)
    assert not pins.trusts(KEY)
    assert "certificate authorities are not understood" in str(pins.refusal("server", [KEY]))


def test_a_refusal_shows_both_fingerprints_and_what_to_do() -> None:
    said = str(pins_from_text(line()).refusal("server:22", [OTHER]))
    assert fingerprint(KEY) in said
    assert fingerprint(OTHER) in said
    assert "ask its owner" in said


@given(st.text() | st.lists(st.sampled_from(["@revoked", "@cert-authority", HOST, "*", "!", ",", "|1|", line(OTHER), " ", "\n", "#"])).map("".join))
def test_no_text_pins_a_key_that_is_not_in_it(text: str) -> None:
    try:
        pins = pins_from_known_hosts(text, HOST, 22)
    except Untrusted:
        return
    assert not pins.trusts(KEY)
    assert isinstance(pins.refusal("server", [KEY]), Untrusted)


@given(st.text())
def test_no_text_is_a_pin_by_accident(text: str) -> None:
    try:
        pins = pins_from_text(text)
    except ValueError:
        return
    assert not pins.trusts(KEY)


@given(st.binary())
def test_any_bytes_have_a_fingerprint_and_a_kind(key: bytes) -> None:
    assert fingerprint(key).startswith("SHA256:")
    assert len(fingerprint(key)) == 50
    assert kind_of(key).isascii()
