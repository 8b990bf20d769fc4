"""Keys in a service: securesystemslib's own signer from a file, its AWS signer against a server on loopback, and ones that lie."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, SecretsHandler, Signature, Signer

from drcheck.errors import EvidenceError
from drcheck.evidence.kms import kms_signer
from drcheck.evidence.public_keys import key_from_crypto
from drcheck.evidence.signing import signer_for
from drcheck.evidence.sshsig import NAMESPACE
from tests.evidence.ssh import KEYGEN, keygen_verifies

MESSAGE = b"manifest"
WHO = "backups@hospital.example"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384()}
Private = Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KINDS: dict[str, Callable[[], Private]] = {
    "ed25519": Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
}


def put(folder: Path, private: Private) -> tuple[Path, Path]:
    """The private half as securesystemslib reads it, and the public one as services give it out."""
    secret, public = folder / "kms.key", folder / "kms.pem"
    secret.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def listed(line: str) -> str:
    return f'{WHO} namespaces="{NAMESPACE}" {line}\n'


@KEYGEN
@pytest.mark.parametrize("kind", list(KINDS))
def test_ssh_keygen_takes_what_a_service_signs(tmp_path: Path, kind: str) -> None:
    private = KINDS[kind]()
    secret, public = put(tmp_path, private)
    signer = signer_for(f"kms:file2:{secret}#{public}")
    assert keygen_verifies(signer.sign(MESSAGE), MESSAGE, listed(signer.public_key), WHO)
    assert signer.label.startswith("kms-")
    line = tmp_path / "kms.pub"
    line.write_text(key_from_crypto(private.public_key(), "clinic@hospital.example").line)
    assert kms_signer(f"file2:{secret}#{line}").label.startswith("clinic-hospital.example-")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto.kms import utils
    from moto.server import ThreadedMotoServer

    # The service signs a digest that it is sent as a digest (API_Sign, MessageType); moto hashes it once more.
    def ecdsa(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        done: bytes = self.private_key.sign(message, ec.ECDSA(Prehashed(HASHES[signing_algorithm[-3:]])))
        return done

    def pkcs1(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        assert signing_algorithm == "RSASSA_PKCS1_V1_5_SHA_512"
        done: bytes = self.private_key.sign(message, padding.PKCS1v15(), Prehashed(hashes.SHA512()))
        return done

    monkeypatch.setattr(utils.ECDSAPrivateKey, "sign", ecdsa)
    monkeypatch.setattr(utils.RSAPrivateKey, "sign", pkcs1)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("ENDPOINT_URL_KMS", f"http://{host}:{port}"),
        ("ACCESS_KEY_ID", "x"),
        ("SECRET_ACCESS_KEY", "x"),
        ("DEFAULT_REGION", "eu-west-2"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    yield "eu-west-2"
    server.stop()


@KEYGEN
@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "RSA_2048"])
def test_a_key_in_aws_kms_signs(aws: str, tmp_path: Path, spec: str) -> None:
    client = boto3.client("kms", region_name=aws)
    made = client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public = serialization.load_der_public_key(client.get_public_key(KeyId=made)["PublicKey"])
    file = tmp_path / "drcheck.pem"
    file.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    signer = kms_signer(f"awskms:{made}#{file}")
    assert keygen_verifies(signer.sign(MESSAGE), MESSAGE, listed(signer.public_key), WHO)
    with pytest.raises(EvidenceError, match=r"kms:awskms:nobody did not sign: \w+: .*"):
        kms_signer(f"awskms:nobody#{file}").sign(MESSAGE)


def test_a_service_that_signs_with_another_key_is_found_out(tmp_path: Path) -> None:
    secret, _ = put(tmp_path, Ed25519PrivateKey.generate())
    (tmp_path / "other").mkdir()
    _, public = put(tmp_path / "other", Ed25519PrivateKey.generate())
    with pytest.raises(EvidenceError, match=r"altered|could not be used"):
        kms_signer(f"file2:{secret}#{public}").sign(MESSAGE)


class Odd(Signer):
    """A service that answers what is no signature."""

    def __init__(self, answer: str, key: Key) -> None:
        self._answer, self._key = answer, key

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None) -> Odd:
        return cls(priv_key_uri.partition(":")[2], public_key)

    def sign(self, payload: bytes) -> Signature:
        if self._answer == "raise":
            raise RuntimeError("no \x1b[31mnetwork")
        return Signature("x", self._answer)

    @property
    def public_key(self) -> Key:
        return self._key


@pytest.mark.parametrize(
    ("answer", "because"),
    [("raise", r"did not sign: RuntimeError: no \\x1b\[31mnetwork"), ("zz", "did not sign: ValueError"), ("00", "no ECDSA signature")],
)
def test_what_is_no_signature_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, because: str) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "odd", Odd)
    _, public = put(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(EvidenceError, match=because):
        kms_signer(f"odd:{answer}#{public}").sign(MESSAGE)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, public = put(tmp_path, Ed25519PrivateKey.generate())
    other = tmp_path / "other.pem"
    other.write_bytes(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    for reference, because in (
        ("awskms:alias/drcheck", "name the file of its public half behind a #"),
        (f"#{public}", "name the file of its public half"),
        (f"awskms:x#{tmp_path / 'none'}", "there is no such file"),
        (f"awskms:x#{secret}", "holds no public key that can be used"),
        (f"awskms:x#{other}", "holds no public key that can be used"),
        (f"nosuch:x#{public}", "is none of the kinds that securesystemslib knows: .*awskms"),
        (f"file2:{tmp_path / 'none'}#{public}", "could not be used: FileNotFoundError"),
        (f"gcpkms:x#{public}", r"could not be used: \w+"),
    ):
        with pytest.raises(EvidenceError, match=because):
            kms_signer(reference)
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    with pytest.raises(EvidenceError, match=r"pip install 'drcheck\[kms\]'"):
        kms_signer(f"awskms:x#{public}")


def test_the_signer_is_securesystemslibs_own() -> None:
    assert SIGNER_FOR_URI_SCHEME["file2"] is CryptoSigner
