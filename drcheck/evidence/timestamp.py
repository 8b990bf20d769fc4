"""
Time stamps (RFC 3161): a third party's word that a signature existed at a moment.

What is stamped is the signature file and not the pack: a signature that existed then was made then or before, over the manifest of everything in the
pack. The dates inside a pack are its maker's own word, and so is the moment at which a key that has since been closed was used; a stamp is not.

A request holds a digest and nothing else, so it can be carried out of a network that reaches no authority, and the answer carried in. It has no
nonce: an older genuine answer for the same signature would only prove more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from drcheck.errors import EvidenceError
from drcheck.evidence.der import with_sorted_certificates
from drcheck.evidence.foreign import bounded
from drcheck.model import printable

LARGEST = 256 * 1024
"""Bytes of the largest answer that is read; real ones have 2 to 10 thousand."""
SECONDS = 10.0
"""For taking one answer apart: a stranger wrote it, and Rust and cryptography read it, each with errors of its own."""
_HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
_NEEDED = "time stamps need the package rfc3161-client; run: pip install 'drcheck[timestamp]'"
_STATUS = {2: "refused", 3: "will answer later", 4: "warns that it will be revoked", 5: "says that it was revoked"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer says. Only `stamped_time` checks that an authority said it."""

    at: datetime
    """UTC."""
    authority: str
    """The name that the answer gives itself; may be empty."""
    serial: int
    policy: str
    """The object identifier of the authority's policy."""


def request_for(message: bytes) -> bytes:
    """
    A request to stamp `message`, in DER: a SHA-256 digest, and the wish for the authority's certificate. The same as `openssl ts -query` makes.

    Raises:
        EvidenceError: the extra `timestamp` is not installed.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise EvidenceError(_NEEDED) from error
    return TimestampRequestBuilder(message, HashAlgorithm.SHA256, nonce=False, cert_req=True).build().as_bytes()


def read_stamp(answer: bytes, message: bytes) -> Stamp:
    """
    What `answer` says of `message`. Who said it is not checked here.

    Raises:
        EvidenceError: it is no answer, a refusal, or about something else than `message`.
    """
    stamp, oid, imprint = _taken_apart(answer)
    name = _HASHES.get(oid)
    if name is None:
        raise EvidenceError(f"the time stamp rests on the digest {oid}, which is not taken")
    if imprint != hashlib.new(name, message).digest():
        raise EvidenceError("the time stamp is of something else: not of this signature, or of one that was altered since")
    return stamp


def stamped_time(answer: bytes, message: bytes, authorities: Sequence[x509.Certificate]) -> datetime:
    """
    The moment at which `message` existed, by the word of one of `authorities`, in UTC. What `drcheck.evidence.signing.verify` takes as `at`.

    The authority's certificate must have been valid at that moment and be meant for time stamps; whether it was revoked is not looked up.

    Args:
        authorities: the certificates that are trusted, see `load_authorities`.

    Raises:
        EvidenceError: nothing is proved.
    """
    try:
        from rfc3161_client import VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise EvidenceError(_NEEDED) from error
    stamp = read_stamp(answer, message)

    def hold() -> None:
        VerifierBuilder(roots=list(authorities)).build().verify_message(decode_timestamp_response(with_sorted_certificates(answer)), message)

    bounded("the time stamp does not hold", hold, SECONDS)
    return stamp.at


def load_authorities(content: bytes, file: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates in a PEM file: those of the time stamping authority's issuers, intermediate ones included.

    Raises:
        EvidenceError: it holds none.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise EvidenceError(f"{file}: holds no certificate in PEM form: {error}") from error


def _taken_apart(answer: bytes) -> tuple[Stamp, str, bytes]:
    """What an answer says, and of what: the object identifier of a digest, and the digest."""
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError as error:
        raise EvidenceError(_NEEDED) from error
    if len(answer) > LARGEST:
        raise EvidenceError(f"an answer of more than {LARGEST} bytes is not read")

    def take() -> tuple[Stamp, str, bytes]:
        response = decode_timestamp_response(with_sorted_certificates(answer))
        if response.status not in (0, 1):
            words = [_STATUS.get(response.status, f"gave the status {response.status}"), *map(printable, response.status_string)]
            raise EvidenceError(f"the authority {': '.join(words)}")
        info = response.tst_info
        stamp = Stamp(info.gen_time.astimezone(UTC), _words(info.name), info.serial_number, info.policy.dotted_string)
        return stamp, info.message_imprint.hash_algorithm.dotted_string, info.message_imprint.message

    return bounded("is no answer to a request for a time stamp", take, SECONDS)


def _words(name: x509.GeneralName | None) -> str:
    return printable(name.value.rfc4514_string()) if isinstance(name, x509.DirectoryName) else ""
