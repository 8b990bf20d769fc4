"""What the estate says of notices: who is told, how, and how often."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from drcheck.estate.fields import Duration, SecretReference

_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
_HOST = r"^[A-Za-z0-9._:-]+$"
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _address(value: str) -> str:
    if not re.fullmatch(_ADDRESS, value) or len(value) > 254:
        raise ValueError("an address is written as name@example.org, in ASCII and without a display name")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(_HOST, value):
        raise ValueError("a host is a name such as smtp.example.org or an address; the port stands in `port`")
    return value


Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Smtp(_Declared):
    """The mail server that takes notices."""

    host: Host = Field(description="Its name", examples=["smtp.example.org"])
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = Field(default=None, description="Default: 587 for starttls, 465 for tls, 25 for none")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is encrypted; the certificate is verified. `none` is refused but on this machine itself"
    )
    insecure: StrictBool = Field(default=False, description="Allows `none` to another machine: anybody on the way can read notices and the password")
    username: str = Field(default="", description="To log in with; none where the server asks for no login", examples=["drcheck@example.org"])
    password: SecretReference | None = Field(default=None, description="Where its password is kept", examples=["systemd:smtp-password"])
    sender: Address = Field(alias="from", description="Whom notices come from", examples=["drcheck@example.org"])
    to: tuple[Address, ...] = Field(min_length=1, description="Who is told; each gets a message of their own", examples=[["it@example.org"]])

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.security == "none" and not self.insecure and not _loopback(self.host):
            raise ValueError('security = "none" sends notices over the network for all to read; use "starttls" or "tls", or add insecure = true')
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password come together")
        if len(set(self.to)) < len(self.to):
            raise ValueError("one address is named twice in `to`")
        return self

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or _PORTS[self.security]


class Ping(_Declared):
    """The monitor that is told of each night, so that it turns red when none comes: healthchecks.io, or one that speaks as it does."""

    url: SecretReference = Field(description="Where its address is kept, which is a secret: whoever has it can ping", examples=["systemd:ping-url"])
    success: Literal["examined", "good"] = Field(
        default="examined",
        description="What a success is: `examined`, that every copy could be looked at, whatever was found; or `good`, that the exit code is 0",
    )


class Notices(_Declared):
    """Who is told of what a night changed. Only what has changed is told, each thing once, and a digest."""

    to: tuple[SecretReference, ...] = Field(
        default=(),
        description="Where Apprise URLs are kept, one each: chat, push, SMS, e-mail and some hundred more (github.com/caronc/apprise)."
        " Needs `pip install 'drcheck[notices]'`",
        examples=[["systemd:teams-url", "env:NTFY_URL"]],
    )
    smtp: Smtp | None = Field(default=None, description="A mail server")
    ping: Ping | None = Field(default=None, description="A monitor")
    digest: Literal["weekly", "daily", "none"] = Field(default="weekly", description="How often to tell what stands, also where nothing has changed")
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        default="monday", description="The day of the weekly digest, in UTC"
    )
    every: Duration = Field(
        default=timedelta(hours=24),
        description="How often a night is expected; one that is more than six hours late is told of as a silence",
        examples=["24h"],
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.to)) < len(self.to):
            raise ValueError("one reference is named twice in `to`")
        return self


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
