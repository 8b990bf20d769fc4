"""What a target says about itself: who we are there, what else the place is, and how what lies there is protected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asked, and which place answered."""

    principal: str
    """The identity that the place gave us: a user name, an ARN."""
    device: str
    """Equal for two targets when they are one storage device or service, as far as can be seen; empty where it cannot be seen."""
    traits: tuple[tuple[str, str], ...] = ()
    """Other things seen, as (name, value): mount_source, mount_options, file_system, host_key, server, account, region, bucket, …"""

    def trait(self, name: str) -> str:
        """The value of one trait; empty where it was not seen."""
        return dict(self.traits).get(name, "")


@dataclass(frozen=True, slots=True)
class Protection:
    """Whether what lies there can be changed or deleted before its time."""

    mode: str
    """`compliance` (nobody can lift it), `governance` (an administrator can), `legal-hold`, `append-only`, `read-only` (mounted so) or `none`."""
    until: datetime | None = None
    """For one object: the moment when the lock ends, UTC."""
    days: int | None = None
    """For a whole place: the days of retention that new objects get by default; 0 where only objects that their writer locks are protected."""
    detail: str = ""

    @property
    def immutable(self) -> bool:
        """Whether the mode is one that no administrator of the place can lift before its end."""
        return self.mode == "compliance"


@dataclass(frozen=True, slots=True)
class Versions:
    """Whether the place keeps what is overwritten or deleted."""

    enabled: bool
    noncurrent_days: int | None = None
    """Days for which old versions are kept by rule; None where no rule removes them."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How data is encrypted there and on the way."""

    at_rest: str
    """The method, such as `AES256` or `aws:kms`; `none` where the place says that it does not encrypt."""
    in_transit: str
    """The protocol and cipher, such as `TLSv1.3` or `aes128-gcm@openssh.com`; `none` for clear text, empty where there is no network."""
    key: str = ""
    """The identifier of the key, where one is named."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What our identity may do, learnt without trying to write. None where it cannot be told."""

    can_list: bool | None
    can_read: bool | None
    can_write: bool | None
    can_delete: bool | None
    how: str
    """How this was learnt, in words."""
