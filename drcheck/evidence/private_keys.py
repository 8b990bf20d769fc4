"""
Private keys in files, in the form of OpenSSH.

A file that others can read or change is refused: whoever has read it signs as us. Only files that the caller names are ever read.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from drcheck.errors import EvidenceError, NoCredentials
from drcheck.evidence.public_keys import CURVES, ED25519, PublicKey, ecdsa_value, key_from_crypto, key_from_line, signature_blob
from drcheck.evidence.signer import KeySigner
from drcheck.evidence.small_files import read_small
from drcheck.secrets import resolve

PrivateKey = Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_MAKE = "make a key with: drcheck key new"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileSigner(KeySigner):
    """A key whose private half was read from a file."""

    def __init__(self, private: PrivateKey, key: PublicKey) -> None:
        super().__init__(key)
        self._private = private

    def _sign_data(self, data: bytes) -> bytes:
        match self._private:
            case Ed25519PrivateKey():
                return signature_blob(ED25519, self._private.sign(data))
            case rsa.RSAPrivateKey():
                return signature_blob("rsa-sha2-512", self._private.sign(data, padding.PKCS1v15(), hashes.SHA512()))
            case _:
                _, hash_class = CURVES[self.key.type.removeprefix("ecdsa-sha2-")]
                r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(hash_class())))
                return signature_blob(self.key.type, ecdsa_value(r, s))


def load_signer(path: Path, passphrase: str | None = None) -> FileSigner:
    """
    The key in the file, ready to sign.

    Args:
        passphrase: a reference to the secret that it is protected with, such as `systemd:drcheck-key`.

    Raises:
        EvidenceError: the file is not there, can be read by others, is no key of OpenSSH, or the passphrase is not its own.
    """
    content = read_small(path, lambda found: _refuse_mode(path, found), _MAKE)
    try:
        private = serialization.load_ssh_private_key(content, None if passphrase is None else _secret(passphrase))
    except TypeError as error:  # cryptography's word for a passphrase that is missing, or one too many
        if passphrase is None:
            raise EvidenceError(
                f"{path}: is protected by a passphrase; say where it is kept, such as --passphrase file:/etc/drcheck/key.pass"
            ) from error
        raise EvidenceError(f"{path}: is not protected by a passphrase, so leave --passphrase away") from error
    except UnsupportedAlgorithm as error:
        raise EvidenceError(f"{path}: the private half is not in this file, or of a type that is not taken: {_elsewhere(path)}") from error
    except ValueError as error:
        raise EvidenceError(f"{path}: {_why(content, passphrase)}") from error
    if not isinstance(private, (Ed25519PrivateKey, rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise EvidenceError(f"{path}: a key of this type is not taken; make one with: drcheck key new")
    key = key_from_crypto(private.public_key())
    with contextlib.suppress(EvidenceError):  # the comment stands there; the key itself does not depend on it
        beside = read_public(path)
        return FileSigner(private, beside if beside == key else key)
    return FileSigner(private, key)


def read_public(path: Path) -> PublicKey:
    """
    The public half that stands beside the private key at `path`, or that `path` itself is where it ends in `.pub`.

    Raises:
        EvidenceError: there is none, or it is no key.
    """
    file = path if path.suffix == ".pub" else public_file(path)
    text = read_small(file, missing=_MAKE).decode("utf-8", "replace")
    try:
        return key_from_line(text)
    except EvidenceError as error:
        raise EvidenceError(f"{file}: {error}") from error


def public_file(path: Path) -> Path:
    """Where the public half of the key at `path` stands."""
    return path.with_name(path.name + ".pub")


def write_new(path: Path, comment: str, passphrase: str | None = None) -> PublicKey:
    """
    Make an Ed25519 key: the private half at `path` with mode 0600, the public one beside it. Nothing is ever overwritten.

    Args:
        passphrase: a reference to the secret to protect it with; without one, only the file's mode protects it.

    Raises:
        EvidenceError: a file is there already, or could not be written.
    """
    private = Ed25519PrivateKey.generate()
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        protection = serialization.BestAvailableEncryption(_secret(passphrase))
    key = key_from_crypto(private.public_key(), comment)
    content = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)
    beside = public_file(path)
    if beside.exists():
        raise EvidenceError(f"{beside}: is there already, and is not overwritten; name another place with --out, or see: drcheck key rotate")
    _create(path, content, 0o600)
    try:
        _create(beside, f"{key.line}\n".encode(), 0o644)
    except EvidenceError:
        path.unlink()  # it was made a moment ago, and nobody has seen it
        raise
    return key


def refuse_readable(path: Path) -> None:
    """
    Return where only its owner can read and change the private key at `path`. On Windows the folder's own rights are what protects it.

    Raises:
        EvidenceError: others can, or the file is not there; the message holds the command that mends it.
    """
    try:
        _refuse_mode(path, path.stat())
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror or error}") from error


def _refuse_mode(path: Path, found: os.stat_result) -> None:
    if os.name == "posix" and found.st_mode & _OTHERS:
        raise EvidenceError(
            f"{path}: others can read or change this private key (mode {stat.S_IMODE(found.st_mode):04o}); run: chmod 600 {shlex.quote(str(path))}"
            " and, where others may have read it, drcheck key rotate"
        )


def _secret(reference: str) -> bytes:
    try:
        return resolve(reference).reveal().encode()
    except NoCredentials as error:
        raise EvidenceError(f"the passphrase: {error}") from error


def _why(content: bytes, passphrase: str | None) -> str:
    if b"PRIVATE KEY-----" not in content:
        return "is no private key" + ("; name the file without .pub" if content.startswith((b"ssh-", b"ecdsa-", b"sk-")) else "")
    if b"BEGIN OPENSSH PRIVATE KEY" not in content:
        return "is a private key in another form than OpenSSH's; copy it, and convert the copy with: ssh-keygen -p -f FILE"
    return "the file is damaged" + ("" if passphrase is None else ", or the passphrase is not its own")


def _elsewhere(path: Path) -> str:
    return f"where it is kept in hardware, run ssh-add {shlex.quote(str(path))} and sign with agent:FINGERPRINT"


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink()  # it holds half of a key that nobody has seen
            raise
    except FileExistsError as error:
        raise EvidenceError(f"{path}: is there already, and is not overwritten; name another place with --out, or see: drcheck key rotate") from error
    except OSError as error:
        raise EvidenceError(f"{path}: could not be written: {error.strerror or error}") from error
