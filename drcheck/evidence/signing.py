"""
Signing evidence, and checking who signed it.

A signature is an SSHSIG, which anybody checks with `ssh-keygen -Y verify`; drcheck and ssh-keygen must come to the same answer. Whom to believe
comes from the caller's own list of keys, and nothing from whatever was signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from drcheck.clock import now
from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import AllowedSigners
from drcheck.evidence.public_keys import PublicKey
from drcheck.evidence.sshsig import NAMESPACE, dearmour, signed_data

__all__ = ["NAMESPACE", "Signed", "Signer", "allowed_as", "signer_for", "verify"]


class Signer(Protocol):
    """What signs: a key file, a key in an agent, a key in a KMS."""

    @property
    def label(self) -> str:
        """A part of a file's name that is safe everywhere, and differs for two keys."""

    @property
    def public_key(self) -> str:
        """The public half, one line in OpenSSH's form."""

    def sign(self, message: bytes) -> bytes:
        """An SSHSIG of the message with SHA-512, in the text form that ssh-keygen writes. Raises `EvidenceError` where the key did not sign."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed, once that was checked."""

    principal: str
    """Who the key stands for: the principal that was asked about, else the principals of the key's line."""
    fingerprint: str
    """`SHA256:…`, as ssh-keygen shows it."""
    key_type: str
    """Such as `ssh-ed25519`."""


def signer_for(reference: str, passphrase: str | None = None) -> Signer:
    """
    What signs with the key that `reference` names.

    Args:
        reference: the path of a private key of OpenSSH, `agent:` with a fingerprint or comment, or `kms:` with a URI of securesystemslib, `#` and the
            file of its public half.
        passphrase: a reference to the secret that a key file is protected with.

    Raises:
        EvidenceError: there is no such key, or it cannot be used; the message says why and what to do.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme in ("agent", "kms"):
        if passphrase is not None:
            raise EvidenceError(f"{reference}: a passphrase belongs to a key file; {scheme}: has its own way to ask")
        if scheme == "agent":
            from drcheck.evidence.agent import agent_signer

            return agent_signer(name)
        from drcheck.evidence.kms import kms_signer

        return kms_signer(name)
    from drcheck.evidence.private_keys import load_signer

    return load_signer(Path(reference), passphrase)


def verify(armoured: bytes, message: bytes, allowed: AllowedSigners, principal: str | None = None, at: datetime | None = None) -> Signed:
    """
    Who signed `message`, where that is one of `allowed`.

    Args:
        armoured: the signature in its text form.
        principal: who must have signed; None where any of `allowed` will do.
        at: the moment at which the key must have been valid, such as one that a time stamp proves; None is now.

    Raises:
        EvidenceError: it does not hold: altered, by a key that is not listed, for another purpose, or not by a key that was valid then.
    """
    signed = dearmour(armoured)
    if signed.namespace != NAMESPACE:
        raise EvidenceError(f"the signature was made for {signed.namespace!r}, not for {NAMESPACE!r}")
    signed.key.verify(signed.signature, signed_data(message, signed.namespace, signed.hash))
    return allowed_as(signed.key, allowed, principal, at)


def allowed_as(key: PublicKey, allowed: AllowedSigners, principal: str | None, at: datetime | None) -> Signed:
    """
    Whom a key that has signed evidence stands for.

    Raises:
        EvidenceError: `allowed` does not list it, not for `principal`, or not as valid at that moment (None is now).
    """
    lines = allowed.of(key)
    if not lines:
        raise EvidenceError(f"signed by the key {key.fingerprint} ({key.type}), which {allowed.file} does not list")
    meant = [line for line in lines if principal is None or line.stands_for(principal)]
    if not meant:
        listed = ", ".join(dict.fromkeys(line.principals for line in lines))
        raise EvidenceError(f"signed by the key {key.fingerprint}, which {allowed.file} lists for {listed}, not for {principal}")
    moment = now() if at is None else at
    reasons = []
    for line in meant:
        against = line.against(NAMESPACE, moment)
        if not against:
            return Signed(line.principals if principal is None else principal, key.fingerprint, key.type)
        reasons.append(f"line {line.line}: {against}")
    raise EvidenceError(f"signed by the key {key.fingerprint}, which in {allowed.file} {'; '.join(reasons)}")
