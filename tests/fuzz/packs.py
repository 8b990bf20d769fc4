"""Entries for what lies in an evidence pack, and beside one: signatures, keys, statements, time stamps, lists, records."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drcheck.errors import BadPack, EvidenceError
from drcheck.evidence import bag
from drcheck.evidence.allowed_signers import parse_allowed_signers
from drcheck.evidence.chain_check import chain_faults, read_chain
from drcheck.evidence.der import with_sorted_certificates
from drcheck.evidence.dsse import Envelope, read_envelope, write_envelope
from drcheck.evidence.outcomes import count
from drcheck.evidence.public_keys import key_from_blob, key_from_crypto, key_from_line
from drcheck.evidence.sshsig import SshSignature, armour, dearmour
from drcheck.evidence.timestamp import load_authorities, read_stamp
from drcheck.record import assessment_to_record
from tests.fuzz.entry import Entry, text
from tests.fuzz.files import LINK, harmless
from tests.reports import sample

KEY = key_from_crypto(Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key(), "backups@hospital.example")


def raising(*allowed: type[Exception]) -> Callable[[Callable[[bytes], object]], Callable[[bytes], None]]:
    """Makes an entry of a function that may raise these."""

    def wrapped(parse: Callable[[bytes], object]) -> Callable[[bytes], None]:
        def run(data: bytes) -> None:
            with suppress(*allowed):
                parse(data)

        return run

    return wrapped


@raising(EvidenceError)
def signature(data: bytes) -> None:
    """An SSH signature: in the one form that it has, or refused."""
    assert armour(dearmour(data)) == data


@raising(EvidenceError)
def keys(data: bytes) -> None:
    """A public key in its wire form, and as a line."""
    with suppress(EvidenceError):
        key_from_blob(data)
    key_from_line(text(data))


@raising(ValueError)
def chain(data: bytes) -> None:
    """The links of a chain, each in a line."""
    for _ in chain_faults(read_chain(data, "chain.jsonl")):
        pass


@raising(BadPack)
def sums(data: bytes) -> None:
    """A list of digests: in the one form that it has, or refused, and no name that leads elsewhere."""
    found = bag.read_sums(data, "manifest-sha256.txt")
    assert bag.sums_of(found) == data
    for name in found:
        harmless(name)


def stamp(data: bytes) -> None:
    """An answer of a time stamping authority."""
    with_sorted_certificates(data)
    with suppress(EvidenceError):
        read_stamp(data, b"message")
    with suppress(EvidenceError):
        load_authorities(data, "authorities.pem")


_JSON = (b"{", b"}", b"[", b"]", b":", b",", b'"', b"null", b"1e999", b"NaN", b"\\ud800", b"[" * 300, b'"findings"', b'"outcome"', b'"pass"')
_LINE = f"{KEY.type} ".encode()
ENTRIES = (
    Entry(
        "ssh-signature",
        signature,
        (armour(SshSignature(KEY, "drcheck", "sha512", b"\0\0\0\x0bssh-ed25519\0\0\0\x40" + bytes(64))),),
        (b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n", b"U1NIU0lH", b"AAAA", b"=", b"\n"),
    ),
    Entry(
        "public-keys", keys, (KEY.blob, KEY.line.encode()), (_LINE, b"ssh-rsa ", b"\0\0\0\x0bssh-ed25519", b"\0\0\0\x20", b"\xff\xff\xff\xff", b" ")
    ),
    Entry(
        "allowed-signers",
        raising(EvidenceError)(lambda data: parse_allowed_signers(data, "allowed_signers")),
        (b'backups@hospital.example namespaces="drcheck",valid-after="20260101Z" ' + KEY.line.encode() + b"\n",),
        (b"*", b"?", b"!", b",", b'"', b"\\", b"valid-before=", b"cert-authority ", b"99999999999999", _LINE, b"\n", b"#"),
    ),
    Entry(
        "envelope",
        raising(EvidenceError)(read_envelope),
        (write_envelope(Envelope("application/x", b"{}", (("", b"x"),))),),
        (*_JSON, b"payload", b"AA=="),
    ),
    Entry("sums", sums, (b"ab" * 32 + b"  data/a\n" + b"cd" * 32 + b"  data/b\n",), (b"  ", b"../", b"/", b"\n", b"ab" * 32, b"data/", b"\xff")),
    Entry(
        "bag-info",
        raising(BadPack)(bag.read_info),
        (b"Payload-Oxum: 1.2\nExternal-Identifier: x\n",),
        (b": ", b"\n", b"\r", b"Payload-Oxum", b"\xff"),
    ),
    Entry("chain", chain, (LINK.canonical() + b"\n",), (*_JSON, b"\n", b'"number"', b'"previous"', b"sha256:")),
    Entry("record-counts", raising(ValueError)(count), (assessment_to_record(sample.nothing()),), _JSON),
    Entry(
        "time-stamp",
        stamp,
        (b"\x30\x0a\x30\x03\x02\x01\x00\x30\x03\x02\x01\x00",),
        (b"\x30", b"\x30\x80", b"\xa0", b"\x30\x84\xff\xff\xff\xff", b"\x02\x01\x00", b"\x06\x09"),
    ),
)
