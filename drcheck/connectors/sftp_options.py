"""What the estate says about an SFTP target. Parsing it does no I/O."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, StrictBool, field_validator, model_validator

from drcheck.connectors.base import Options
from drcheck.connectors.sftp_hostkeys import pins_from_text
from drcheck.estate.fields import EstatePath, SecretReference


class SftpOptions(Options):
    """How to reach a folder on an SFTP server."""

    host: str = Field(min_length=1, pattern=r"^[^\s@/]+$")
    """Its name or address, without user and port."""
    port: int = Field(default=22, ge=1, le=65535)
    """Where its SSH server listens."""
    user: str = Field(min_length=1)
    """The account to log in as; one that can only list and read."""
    root: str = Field(min_length=1)
    """The folder on the server: `/srv/backups`, `/`, or relative to the folder that a login begins in, such as `.`."""
    password: SecretReference | None = None
    """Where the account's password is kept, where it logs in by password."""
    key_file: EstatePath | None = None
    """The private key; only its owner may be able to read it."""
    passphrase: SecretReference | None = None
    """What opens `key_file`, where it is encrypted."""
    certificate: EstatePath | None = None
    """The OpenSSH user certificate for `key_file`."""
    agent: StrictBool = False
    """Whether the SSH agent of SSH_AUTH_SOCK is asked."""
    host_key: str | None = None
    """The server's key: its fingerprint (`SHA256:...`) or its public key line (`ssh-ed25519 AAAA...`)."""
    known_hosts: EstatePath | None = None
    """A file with the server's key, in the form that OpenSSH uses."""

    server_hash: Literal["", "sha256sum", "sha512sum", "openssl"] = ""
    """The program with which the server hashes files itself, where it may: not a byte is read here, so this shows less. Empty: drcheck reads them."""

    @field_validator("host_key")
    @classmethod
    def _understood(cls, text: str | None) -> str | None:
        if text is not None:
            pins_from_text(text)
        return text

    @field_validator("root")
    @classmethod
    def _without_nul(cls, root: str) -> str:
        if "\0" in root:
            raise ValueError("a path cannot hold a NUL")
        return root

    @model_validator(mode="after")
    def _pinned_once(self) -> Self:
        if (self.host_key is None) == (self.known_hosts is None):
            raise ValueError(
                "give exactly one of host_key and known_hosts: without a pinned host key anybody can answer in the server's place. Run "
                f"ssh-keyscan -p {self.port} {self.host} | ssh-keygen -lf -, compare the fingerprint with the server's owner by telephone, and "
                'write host_key = "SHA256:..."'
            )
        return self

    @model_validator(mode="after")
    def _able_to_log_in(self) -> Self:
        if self.key_file is None and self.password is None and not self.agent:
            raise ValueError("give at least one way to log in: key_file, password (a reference such as env:NAME) or agent = true")
        for name in ("passphrase", "certificate"):
            if getattr(self, name) is not None and self.key_file is None:
                raise ValueError(f"{name} belongs to a key_file, and there is none")
        return self
