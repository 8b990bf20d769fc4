"""
Keys in a key management service or a hardware module, through the signers of securesystemslib (the extra `kms`).

A reference is `URI#FILE`: the URI says to securesystemslib which key signs, the file holds its public half as PEM or as a line of OpenSSH. The public
half is never fetched: what may sign for an organisation is settled once, by a person, and not by whatever a service answers tonight.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from drcheck.errors import EvidenceError
from drcheck.evidence.foreign import bounded
from drcheck.evidence.public_keys import ECDSA, ED25519, RSA, PublicKey, ecdsa_value, key_from_crypto, key_from_line, signature_blob
from drcheck.evidence.signer import KeySigner
from drcheck.evidence.small_files import read_small

if TYPE_CHECKING:
    from securesystemslib.signer import Signer as ServiceSigner

SECONDS = 60.0
"""For one call to a service; each service's client has bounds and errors of its own (securesystemslib.signer.Signer)."""
_SCHEMES = {ED25519: "ed25519", RSA: "rsa-pkcs1v15-sha512"} | {kind: kind for kind in ECDSA}
"""By the type that a key has in SSH: the scheme of securesystemslib whose signatures are those that SSH wants."""


class KmsSigner(KeySigner):
    """A key that a service signs with."""

    def __init__(self, key: PublicKey, service: ServiceSigner, uri: str) -> None:
        super().__init__(key)
        self._service = service
        self._uri = uri

    def _sign_data(self, data: bytes) -> bytes:
        value = bounded(f"kms:{self._uri} did not sign", lambda: bytes.fromhex(self._service.sign(data).signature), SECONDS)
        if self.key.type == ED25519:
            return signature_blob(ED25519, value)
        if self.key.type == RSA:
            return signature_blob("rsa-sha2-512", value)
        try:
            r, s = decode_dss_signature(value)
        except ValueError as error:
            raise EvidenceError(f"kms:{self._uri}: what came back is no ECDSA signature") from error
        return signature_blob(self.key.type, ecdsa_value(r, s))


def kms_signer(name: str) -> KmsSigner:
    """
    The key that `URI#FILE` names, such as `awskms:alias/drcheck#/etc/drcheck/kms.pub`.

    Raises:
        EvidenceError: the extra is not installed, the file holds no public key that can sign evidence, or the service's client would not have it.
    """
    uri, mark, file = name.rpartition("#")
    if not mark or not uri or not file:
        raise EvidenceError(f"kms:{name}: name the file of its public half behind a #, such as kms:awskms:alias/drcheck#kms.pub")
    try:
        from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, Signer, SSlibKey
    except ImportError as error:
        raise EvidenceError(f"kms:{name}: needs the package securesystemslib; run: pip install 'drcheck[kms]'") from error
    key = read_public_half(Path(file))
    if key.type not in _SCHEMES:
        raise EvidenceError(f"{file}: a key of the type {key.type} does not sign through a service; these do: {', '.join(_SCHEMES)}")
    if uri.partition(":")[0] not in SIGNER_FOR_URI_SCHEME:
        raise EvidenceError(f"kms:{uri}: is none of the kinds that securesystemslib knows: {', '.join(sorted(SIGNER_FOR_URI_SCHEME))}")
    loaded = serialization.load_ssh_public_key(key.line.encode())
    public = SSlibKey.from_crypto(loaded, scheme=_SCHEMES[key.type])
    return KmsSigner(key, bounded(f"kms:{uri} could not be used", lambda: Signer.from_priv_key_uri(uri, public), SECONDS), uri)


def read_public_half(file: Path) -> PublicKey:
    """
    The public key in a file: PEM, as services give it out, or a line of OpenSSH.

    Raises:
        EvidenceError: the file cannot be read, or holds no such key.
    """
    content = read_small(file)
    try:
        if content.lstrip().startswith(b"-----BEGIN PUBLIC KEY-----"):
            return key_from_crypto(serialization.load_pem_public_key(content), comment=file.stem)
        return key_from_line(content.decode("utf-8", "replace"))
    except (EvidenceError, ValueError) as error:
        raise EvidenceError(f"{file}: holds no public key that can be used: {error}") from error
