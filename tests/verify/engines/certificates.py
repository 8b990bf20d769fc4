"""Authorities that sign certificates for one test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """
    A new authority and one certificate signed by it, as files.

    Attributes:
        ca, cert, key: their paths (PEM).
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        authority, one = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        signed_by, named = _name("Test authority"), _name("Test cluster")
        # What RFC 5280 asks for, and newer versions of Python insist on.
        root = _begun(signed_by, signed_by, authority).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        root = root.add_extension(_SIGNS, critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        leaf = _begun(named, signed_by, one).add_extension(issuer, critical=False)
        self.ca.write_bytes(root.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.cert.write_bytes(leaf.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.key.touch(0o600)
        self.key.write_bytes(one.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    @property
    def options(self) -> list[str]:
        """As Dask's own programs take them."""
        return ["--tls-ca-file", str(self.ca), "--tls-cert", str(self.cert), "--tls-key", str(self.key)]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    begun = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    dated = begun.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    return dated.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
