"""A key that signs evidence, wherever its private half is kept."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod

from drcheck.evidence.public_keys import PublicKey
from drcheck.evidence.sshsig import HASH, NAMESPACE, SshSignature, armour, signed_data

_LONGEST_LABEL = 40


class KeySigner(ABC):
    """What a key file, an agent and a KMS have in common: the public half, and signatures that are tried before they are given out."""

    def __init__(self, key: PublicKey) -> None:
        self.key = key

    @property
    def public_key(self) -> str:
        """One line, as in a `.pub` file."""
        return self.key.line

    @property
    def label(self) -> str:
        """A part of a file's name that is safe everywhere, is the same for the same key and comment, and differs for two keys."""
        start = hashlib.sha256(self.key.blob).hexdigest()[:8]
        words = re.sub(r"[^A-Za-z0-9._-]+", "-", self.key.comment).strip(".-")[:_LONGEST_LABEL]
        return f"{words}-{start}" if words else start

    def sign(self, message: bytes) -> bytes:
        """
        An SSHSIG of `message` in the text form that ssh-keygen writes. For Ed25519 the same message gives the same bytes.

        Raises:
            EvidenceError: the key did not sign.
        """
        signature = self.sign_data(signed_data(message))
        return armour(SshSignature(self.key, NAMESPACE, HASH, signature))

    def sign_data(self, data: bytes) -> bytes:
        """
        A signature of `data` as it is, in SSH's wire form, held against the public key before it is given out.

        Raises:
            EvidenceError: the key did not sign, or what came back is not its signature.
        """
        signature = self._sign_data(data)
        self.key.verify(signature, data)
        return signature

    @abstractmethod
    def _sign_data(self, data: bytes) -> bytes:
        """A signature in SSH's wire form: RSA keys sign with SHA-512, ECDSA keys with the hash of their curve."""
