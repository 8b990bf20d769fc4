"""What the estate may say about an S3 bucket."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from drcheck.connectors.base import Options
from drcheck.estate.fields import Duration, EstatePath, SecretReference

_FOLDER = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,254})/([^\x00-\x1f]+)")
_AWS_HOST = re.compile(r"(?:^|\.)amazonaws\.com(?:\.cn)?$")


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL ({error}); write it as https://s3.example.org or https://s3.example.org:9000") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("not a URL of a server; write it as https://s3.example.org or https://s3.example.org:9000")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with a user name or password in it; give access_key and secret_key as references instead")
    if parts.query or parts.fragment:
        raise ValueError("a URL with ? or # in it; write only the server's address, as https://s3.example.org")
    return value.rstrip("/")


def _folder(value: str) -> str:
    if not _FOLDER.fullmatch(value):
        raise ValueError("not a folder in a bucket; write it as s3://bucket/folder")
    return value


FolderUrl = Annotated[str, AfterValidator(_folder)]
"""A folder in some bucket, written `s3://bucket/folder`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that may lie in another bucket than the target."""

    bucket: str
    prefix: str
    """Ends with a slash."""
    owner: str | None
    """The account that the bucket must belong to."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


class S3Options(Options):
    """How an S3 bucket is reached."""

    bucket: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")] = Field(
        description="Name of the bucket", examples=["north-hospital-backups"]
    )
    prefix: str = Field(default="", description="Folder inside the bucket that is the target's root; empty means all of it", examples=["nightly"])
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None, description="Address of an S3-compatible server; default: AWS", examples=["https://s3.example.org"]
    )
    region: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")] | None = Field(
        default=None, description="Region of the bucket; default: that of the profile", examples=["eu-west-2"]
    )
    profile: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="Profile of the AWS configuration files to take credentials from", examples=["backup-audit"]
    )
    role: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$")] | None = Field(
        default=None, description="ARN of a role to assume with those credentials", examples=["arn:aws:iam::111122223333:role/drcheck"]
    )
    external_id: SecretReference | None = Field(
        default=None, description="External id that the role asks for, as a reference", examples=["env:EXTERNAL_ID"]
    )
    access_key: SecretReference | None = Field(default=None, description="Access key id, as a reference", examples=["env:BACKUP_KEY_ID"])
    secret_key: SecretReference | None = Field(default=None, description="Secret access key, as a reference", examples=["file:/etc/drcheck/s3-key"])
    session_token: SecretReference | None = Field(default=None, description="Session token of temporary keys, as a reference")
    style: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="Whether the bucket's name stands in the path or in the host name of a request"
    )
    listing: Literal["auto", "flat", "tree"] = Field(
        default="auto", description="Whether to list all keys at once, or folder by folder for servers that list in the order of folders"
    )
    connections: Annotated[int, Field(ge=1, le=64)] = Field(
        default=16, description="Connections that are open at once, at most, while objects are read"
    )
    inventory: FolderUrl | None = Field(
        default=None,
        description="Folder of the dated reports of S3 Inventory, which are read in place of listing; default: list",
        examples=["s3://north-hospital-reports/inventory/north-hospital-backups/daily"],
    )
    inventory_max_age: Duration = Field(
        default=timedelta(hours=48), description="How long ago the newest report may have been begun; an older one makes everything unknown"
    )
    checksum_reports: FolderUrl | None = Field(
        default=None,
        description="Folder of the completion reports of the owner's Compute checksum jobs",
        examples=["s3://north-hospital-reports/checksums"],
    )
    checksum_reports_max_age: Duration = Field(default=timedelta(days=30), description="How long ago such a report may have been made to be used")
    reports_owner: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="AWS account that the bucket of such reports must belong to; default: owner", examples=["444455556666"]
    )
    ca_bundle: EstatePath | None = Field(
        default=None, description="File of the certificates that the server's is checked against; default: the system's", examples=["ca.pem"]
    )
    owner: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="AWS account that the bucket must belong to", examples=["111122223333"]
    )
    anonymous: StrictBool = Field(default=False, description="Send no credentials at all")
    insecure: StrictBool = Field(default=False, description="Allow an http:// endpoint that is not on this machine")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            given, missing = ("access_key", "secret_key") if self.access_key else ("secret_key", "access_key")
            raise ValueError(f"{given} is given without {missing}; give both, or neither to use the profile or the environment")
        if self.session_token and not self.access_key:
            raise ValueError("session_token belongs to access_key and secret_key; give all three")
        if self.access_key and self.profile:
            raise ValueError("access_key and profile are two sources of credentials; keep one")
        if self.external_id and not self.role:
            raise ValueError("external_id is sent when a role is assumed; give role as well, or remove it")
        if self.reports_owner and not (self.inventory or self.checksum_reports):
            raise ValueError("reports_owner is the owner of the bucket of inventory or checksum_reports; give one of them, or remove it")
        if self.anonymous and (self.access_key or self.profile or self.role):
            raise ValueError("anonymous sends no credentials; remove it, or access_key, secret_key, profile and role")
        if self.secure:
            if self.insecure:
                raise ValueError("insecure is for an http:// endpoint only; remove it")
            return self
        if self.ca_bundle:
            raise ValueError("ca_bundle does nothing for an http:// endpoint; write https://, or remove it")
        if not self.insecure and not self.loopback:
            raise ValueError("an http:// endpoint sends backups in clear text; write https://, or accept that with insecure = true")
        return self

    @property
    def root(self) -> str:
        """What every key of the target begins with: empty, or ending with a slash."""
        return self.prefix if not self.prefix or self.prefix.endswith("/") else f"{self.prefix}/"

    def folder(self, url: str | None) -> Folder | None:
        """Where reports lie; None where the option does not say."""
        found = _FOLDER.fullmatch(url or "")
        if found is None:
            return None
        owner = self.owner if found[1] == self.bucket and not self.reports_owner else self.reports_owner or self.owner
        return Folder(found[1], f"{found[2].strip('/')}/", owner)

    @property
    def secure(self) -> bool:
        """Whether requests go over TLS."""
        return self.endpoint is None or self.endpoint.startswith("https:")

    @property
    def aws(self) -> bool:
        """Whether the endpoint is Amazon's own."""
        return self.endpoint is None or bool(_AWS_HOST.search(urlsplit(self.endpoint).hostname or ""))

    @property
    def loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        host = urlsplit(self.endpoint or "").hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def service(self) -> str:
        """Which storage service this is: `aws`, or the endpoint's host and port."""
        return "aws" if self.aws else urlsplit(self.endpoint or "").netloc.lower()
