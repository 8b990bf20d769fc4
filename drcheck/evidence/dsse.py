"""
DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0): a payload with its type, and signatures over both.

For machines that read in-toto; people check the SSHSIG beside it. The signatures are Ed25519 over the bytes as they are, which is what other readers
expect of such a key.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from drcheck.canonical import canonical_json
from drcheck.errors import EvidenceError

LARGEST = 8 << 20
"""Bytes of the largest envelope that is read."""
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope, taken apart; nothing in it has been checked."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    """Of each its key's id, which anybody can have written, and the signature itself."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def write_envelope(envelope: Envelope) -> bytes:
    """The envelope as a JSON document, in the form of RFC 8785."""
    signatures = [{"keyid": keyid, "sig": base64.b64encode(value).decode()} for keyid, value in envelope.signatures]
    payload = base64.b64encode(envelope.payload).decode()
    return canonical_json({"payload": payload, "payloadType": envelope.payload_type, "signatures": signatures})


def read_envelope(content: bytes) -> Envelope:
    """
    The envelope in a JSON document, with either kind of base64.

    Raises:
        EvidenceError: it is none.
    """
    found = read_object(content, "the envelope")
    match found:
        case {"payload": str(payload), "payloadType": str(kind), "signatures": list(signatures)} if signatures:
            return Envelope(_encodable(kind), _decoded(payload), tuple(_signature(each) for each in signatures))
    raise EvidenceError("the envelope lacks its payload, payloadType or signatures")


def read_object(content: bytes, what: str) -> dict[str, Any]:
    """
    The JSON object in `content`, which `what` names in messages. No key may stand twice in an object: readers differ in which one they take.

    Raises:
        EvidenceError: it is none.
    """
    if len(content) > LARGEST:
        raise EvidenceError(f"{what} is larger than {LARGEST} bytes, and is not read")
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{what} is not JSON that can be read: {error}") from error
    if not isinstance(found, dict):
        raise EvidenceError(f"{what} is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _signature(found: Any) -> tuple[str, bytes]:
    match found:
        case {"sig": str(value)} if isinstance(found.get("keyid", ""), str):
            return _encodable(found.get("keyid", "")), _decoded(value)
    raise EvidenceError("a signature in the envelope lacks its sig, or its keyid is no text")


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EvidenceError("a text in the envelope has no form in UTF-8") from error
    return text


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("a part of the envelope is not base64") from error
