"""
Public keys in OpenSSH's form, and what they say of a signature.

Sources: RFC 4253, 6.6 (RSA), RFC 5656, 3 (ECDSA), RFC 8332 (RSA with SHA-2), RFC 8709 (Ed25519), and OpenSSH's PROTOCOL.u2f for keys that live
in hardware (`sk-…`). DSA and RSA with SHA-1 are not taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from drcheck.errors import EvidenceError
from drcheck.evidence.wire import Reader, mpint, string

ED25519 = "ssh-ed25519"
RSA = "ssh-rsa"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
CURVES: dict[str, tuple[type[ec.EllipticCurve], type[hashes.HashAlgorithm]]] = {
    "nistp256": (ec.SECP256R1, hashes.SHA256),
    "nistp384": (ec.SECP384R1, hashes.SHA384),
    "nistp521": (ec.SECP521R1, hashes.SHA512),
}
"""By the name that a curve has in SSH: the curve, and the hash that is signed on it (RFC 5656, 6.2.1)."""
ECDSA = tuple(f"ecdsa-sha2-{curve}" for curve in CURVES)
RSA_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"rsa-sha2-512": hashes.SHA512, "rsa-sha2-256": hashes.SHA256}
TYPES = (ED25519, *ECDSA, RSA, SK_ED25519, SK_ECDSA)
"""The types that are taken, the recommended first."""
LEAST_RSA_BITS = 2048
_MOST_RSA_BITS = 16384
_LONGEST_LINE = 16_384
_Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key. Two are equal where their bytes are, whatever their comments say."""

    type: str
    """As it begins its line, such as `ssh-ed25519`."""
    blob: bytes
    """In the wire form."""
    comment: str = field(default="", compare=False)

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the digest in base64 without padding, as ssh-keygen and ssh-add show it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as it stands in a `.pub` file, without a line end."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}" + (f" {self.comment}" if self.comment else "")

    @property
    def raw_ed25519(self) -> bytes | None:
        """The 32 bytes of an Ed25519 key that signs data as it is; None for every other type, keys in hardware among them."""
        return self.blob[-32:] if self.type == ED25519 else None

    def verify(self, signature: bytes, data: bytes) -> None:
        """
        Return where `signature` (in the wire form: the algorithm and its value) is this key's of `data`.

        Raises:
            EvidenceError: it is not, or it is not in the one form that it may have.
        """
        reader = Reader(signature, "the signature")
        algorithm = reader.word()
        value = reader.string()
        try:
            match self.type:
                case "ssh-ed25519":
                    check = _ed25519(self.blob, algorithm, value)
                case "ssh-rsa":
                    check = _rsa(self.blob, algorithm, value)
                case "sk-ssh-ed25519@openssh.com" | "sk-ecdsa-sha2-nistp256@openssh.com":
                    check, data = _hardware(self, algorithm, value, reader.byte(), reader.uint32(), data)
                case _:
                    check = _ecdsa(self.blob, algorithm, value)
            reader.end()
            check(data)
        except (InvalidSignature, ValueError) as error:
            raise EvidenceError("the signature does not belong to these bytes and this key: one of the two was altered") from error


def key_from_blob(blob: bytes, comment: str = "") -> PublicKey:
    """
    The key that these bytes in the wire form are.

    Raises:
        EvidenceError: they are no key, or one of a type or size that is not taken.
    """
    reader = Reader(blob, "the public key")
    kind = reader.word()
    try:
        match kind:
            case "ssh-ed25519" | "sk-ssh-ed25519@openssh.com":
                Ed25519PublicKey.from_public_bytes(reader.string())
            case "ssh-rsa":
                _rsa_numbers(reader)
            case "sk-ecdsa-sha2-nistp256@openssh.com":
                _point(reader, "nistp256")
            case _ if kind in ECDSA:
                _point(reader, kind.removeprefix("ecdsa-sha2-"))
            case _:
                raise EvidenceError(f"a key of the type {kind} is not taken; make one of these: {', '.join(TYPES)}")
    except ValueError as error:
        raise EvidenceError(f"the public key is no key of the type {kind}: {error}") from error
    if kind in (SK_ED25519, SK_ECDSA):
        reader.word()  # the application, `ssh:` where nobody chose another
    reader.end()
    return PublicKey(kind, blob, comment)


def key_from_line(line: str) -> PublicKey:
    """
    The key in a line such as stands in a `.pub` file: type, base64, and perhaps a comment.

    Raises:
        EvidenceError: the line is no such key.
    """
    if len(line) > _LONGEST_LINE:
        raise EvidenceError(f"a public key of more than {_LONGEST_LINE} characters is not read")
    kind, _, rest = line.strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    if kind not in TYPES:
        raise EvidenceError(f"does not begin with a type of key that is taken: {', '.join(TYPES)}")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError(f"what follows {kind} is not base64") from error
    if base64.b64encode(blob).decode() != encoded:
        raise EvidenceError(f"what follows {kind} is not base64 in its one form")
    key = key_from_blob(blob, comment.strip())
    if key.type != kind:
        raise EvidenceError(f"says {kind} and holds a key of the type {key.type}")
    return key


def key_from_crypto(key: object, comment: str = "") -> PublicKey:
    """
    The key in OpenSSH's form, made from one of `cryptography`.

    Raises:
        EvidenceError: it is of a type or size that is not taken.
    """
    if not isinstance(key, (Ed25519PublicKey, rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise EvidenceError(f"a key of this type is not taken; make one of these: {', '.join(TYPES)}")
    try:
        line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    except ValueError as error:
        raise EvidenceError(f"the key has no form in OpenSSH: {error}") from error
    return key_from_line(f"{line} {comment}")


def safe_comment(text: str) -> str:
    """The text where it can be a key's comment and a principal of an allowed_signers file; else an `EvidenceError` that says what can."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", text):
        raise EvidenceError(
            f"{text!r} cannot name a key: write up to 100 letters, digits and any of . _ @ + -, with no spaces, such as backups@hospital.example"
        )
    return text


def signature_blob(algorithm: str, value: bytes, *more: bytes) -> bytes:
    """A signature in the wire form."""
    return string(algorithm.encode()) + string(value) + b"".join(more)


def ecdsa_value(r: int, s: int) -> bytes:
    """The value of an ECDSA signature in the wire form (RFC 5656, 3.1.2)."""
    return mpint(r) + mpint(s)


def _ed25519(blob: bytes, algorithm: str, value: bytes) -> _Check:
    _same(algorithm, ED25519)
    return partial(Ed25519PublicKey.from_public_bytes(blob[-32:]).verify, value)


def _rsa(blob: bytes, algorithm: str, value: bytes) -> _Check:
    reader = Reader(blob, "the public key")
    reader.word()
    key = _rsa_numbers(reader)
    if algorithm not in RSA_HASHES:
        raise EvidenceError(f"an RSA signature of the kind {algorithm} is not taken; sign with {' or '.join(RSA_HASHES)}")
    # Some agents leave out leading zeros, and OpenSSH puts them back too.
    padded = value.rjust(key.key_size // 8, b"\0")
    return lambda data: key.verify(padded, data, padding.PKCS1v15(), RSA_HASHES[algorithm]())


def _ecdsa(blob: bytes, algorithm: str, value: bytes) -> _Check:
    reader = Reader(blob, "the public key")
    kind = reader.word()
    _same(algorithm, kind)
    key, hash_class = _point(reader, kind.removeprefix("ecdsa-sha2-"))
    return _dss(key, hash_class, value)


def _hardware(key: PublicKey, algorithm: str, value: bytes, flags: int, counter: int, data: bytes) -> tuple[_Check, bytes]:
    """What a key in hardware signs: digests of its application and of the data, and between them its flags and counter (PROTOCOL.u2f)."""
    _same(algorithm, key.type)
    reader = Reader(key.blob, "the public key")
    reader.word()
    check: _Check
    if key.type == SK_ED25519:
        check = partial(Ed25519PublicKey.from_public_bytes(reader.string()).verify, value)
    else:
        check = _dss(*_point(reader, "nistp256"), value)
    application = hashlib.sha256(reader.string()).digest()
    return check, application + bytes([flags]) + counter.to_bytes(4, "big") + hashlib.sha256(data).digest()


def _dss(key: ec.EllipticCurvePublicKey, hash_class: type[hashes.HashAlgorithm], value: bytes) -> _Check:
    reader = Reader(value, "the signature")
    r, s = reader.mpint(), reader.mpint()
    reader.end()
    return lambda data: key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hash_class()))


def _point(reader: Reader, curve: str) -> tuple[ec.EllipticCurvePublicKey, type[hashes.HashAlgorithm]]:
    if reader.word() != curve:
        raise EvidenceError(f"{reader.what} names another curve than its type does")
    curve_class, hash_class = CURVES[curve]
    point = reader.string()
    if point[:1] != b"\x04":
        raise EvidenceError(f"{reader.what} holds a point that is not written in full")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve_class(), point), hash_class


def _rsa_numbers(reader: Reader) -> rsa.RSAPublicKey:
    exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    if not LEAST_RSA_BITS <= bits <= _MOST_RSA_BITS:
        raise EvidenceError(f"an RSA key of {bits} bits is not taken: {LEAST_RSA_BITS} at least, {_MOST_RSA_BITS} at most")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _same(algorithm: str, kind: str) -> None:
    if algorithm != kind:
        raise EvidenceError(f"the signature is of the kind {algorithm}, and the key of the type {kind}")
