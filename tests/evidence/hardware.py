"""A key in hardware, in software: it signs as FIDO tokens do for OpenSSH (PROTOCOL.u2f), with a flag for a touch and a counter."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from drcheck.evidence.public_keys import SK_ECDSA, SK_ED25519, PublicKey, ecdsa_value, key_from_blob, signature_blob
from drcheck.evidence.wire import string, uint32

TOUCHED = 0x01


class Token:
    """One key, of the kind with Ed25519 or with ECDSA."""

    def __init__(self, kind: str = SK_ED25519, application: bytes = b"ssh:") -> None:
        self._application = application
        self._counter = 7
        if kind == SK_ED25519:
            self._ed25519: Ed25519PrivateKey | None = Ed25519PrivateKey.generate()
            raw = self._ed25519.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            blob = string(kind.encode()) + string(raw)
        else:
            self._ed25519 = None
            self._ecdsa = ec.generate_private_key(ec.SECP256R1())
            point = self._ecdsa.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
            blob = string(SK_ECDSA.encode()) + string(b"nistp256") + string(point)
        self.key: PublicKey = key_from_blob(blob + string(application), "token@hospital.example")

    def sign(self, data: bytes) -> bytes:
        """A signature in the wire form."""
        self._counter += 1
        rest = bytes([TOUCHED]) + uint32(self._counter)
        signed = hashlib.sha256(self._application).digest() + rest + hashlib.sha256(data).digest()
        if self._ed25519 is not None:
            return signature_blob(SK_ED25519, self._ed25519.sign(signed), rest)
        return signature_blob(SK_ECDSA, ecdsa_value(*decode_dss_signature(self._ecdsa.sign(signed, ec.ECDSA(hashes.SHA256())))), rest)
