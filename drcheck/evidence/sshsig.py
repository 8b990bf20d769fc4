"""
SSHSIG: signatures that `ssh-keygen -Y verify` checks (OpenSSH's PROTOCOL.sshsig).

What is signed is not the message but a preamble, a namespace and a digest of the message, so that a signature made for one purpose is none for
another. What is read must be written as ssh-keygen writes it, to the byte: a second form of one signature would be a byte that nobody checks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from drcheck.errors import EvidenceError
from drcheck.evidence.public_keys import PublicKey, key_from_blob
from drcheck.evidence.wire import Reader, string, uint32

NAMESPACE = "evidence@drcheck"
"""What signatures of evidence are made for: the `-n` of ssh-keygen."""
HASH = "sha512"
"""The digest that is signed, as ssh-keygen does where it is not told otherwise."""
HASHES = ("sha512", "sha256")
LARGEST = 65_536
"""Bytes of the largest signature that is read."""
_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
_END = b"-----END SSH SIGNATURE-----\n"
_WIDTH = 70
"""Columns of base64 in a line, as ssh-keygen writes them."""


@dataclass(frozen=True, slots=True)
class SshSignature:
    """One signature, taken apart; nothing in it has been checked."""

    key: PublicKey
    """The key that it says it is by."""
    namespace: str
    hash: str
    """`sha512` or `sha256`."""
    signature: bytes
    """In the wire form: the algorithm and its value."""


def signed_data(message: bytes, namespace: str = NAMESPACE, hash_name: str = HASH) -> bytes:
    """The bytes that a key signs in place of `message`."""
    digest = hashlib.new(hash_name, message).digest()
    return _MAGIC + string(namespace.encode()) + string(b"") + string(hash_name.encode()) + string(digest)


def armour(signed: SshSignature) -> bytes:
    """The signature as the text that ssh-keygen writes."""
    parts = (signed.key.blob, signed.namespace.encode(), b"", signed.hash.encode(), signed.signature)
    encoded = base64.b64encode(_MAGIC + uint32(_VERSION) + b"".join(map(string, parts)))
    lines = (encoded[at : at + _WIDTH] + b"\n" for at in range(0, len(encoded), _WIDTH))
    return _BEGIN + b"".join(lines) + _END


def dearmour(armoured: bytes) -> SshSignature:
    """
    The signature in a text such as ssh-keygen writes. That it is well formed says nothing of whether it holds.

    Raises:
        EvidenceError: it is no such text, or not in the one form that ssh-keygen writes.
    """
    if len(armoured) > LARGEST:
        raise EvidenceError(f"a signature of more than {LARGEST} bytes is not read")
    if not (armoured.startswith(_BEGIN) and armoured.endswith(_END)):
        raise EvidenceError("is no SSH signature: it begins with `-----BEGIN SSH SIGNATURE-----` and ends with its end, and has Unix line ends")
    try:
        blob = base64.b64decode(armoured[len(_BEGIN) : -len(_END)].replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise EvidenceError("the signature is not base64") from error
    reader = Reader(blob, "the signature")
    if reader.fixed(len(_MAGIC)) != _MAGIC:
        raise EvidenceError("the signature does not begin with SSHSIG")
    version = reader.uint32()
    if version != _VERSION:
        raise EvidenceError(f"the signature is of version {version}; this drcheck knows version {_VERSION}")
    key = key_from_blob(reader.string())
    namespace = reader.word()
    if reader.string():
        raise EvidenceError("the signature uses a field that is reserved")
    hash_name = reader.word()
    if hash_name not in HASHES:
        raise EvidenceError(f"the signature rests on the digest {hash_name}, which is not taken; sign with {HASH}")
    signed = SshSignature(key, namespace, hash_name, reader.string())
    reader.end()
    if armour(signed) != armoured:
        raise EvidenceError("the signature is not written as ssh-keygen writes it: something in it was altered")
    return signed
