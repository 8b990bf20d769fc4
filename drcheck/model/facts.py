"""Facts: something known about a target, a copy or a system, or the reason why it is not known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Reason(StrEnum):
    """Why a fact is missing."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed-out"
    ACCESS_DENIED = "access-denied"
    NO_CREDENTIALS = "no-credentials"
    UNTRUSTED = "untrusted"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"
    IN_PROGRESS = "in-progress"
    NOT_ATTEMPTED = "not-attempted"
    INTERNAL = "internal"


class Source(StrEnum):
    """How a fact is known, strongest first."""

    OBSERVED = "observed"
    """Bytes were read, or an API answered about the thing itself."""
    CONFIGURED = "configured"
    """A setting was read."""
    ATTESTED = "attested"
    """A signed record says so."""
    DECLARED = "declared"
    """The estate, or an unsigned record, says so."""

    @classmethod
    def weakest(cls, sources: Iterable[Source]) -> Source | None:
        """The weakest of `sources`; None where there is none."""
        return max(sources, key=_WEAKNESS.__getitem__, default=None)

    @property
    def weakness(self) -> int:
        """Its place among them: 0 for the strongest."""
        return _WEAKNESS[self]


_WEAKNESS = {source: place for place, source in enumerate(Source)}


class Depth(StrEnum):
    """How hard we looked, shallowest first."""

    NONE = "none"
    LISTED = "listed"
    ATTRIBUTES = "attributes"
    STRUCTURE = "structure"
    SAMPLED = "sampled"
    READ = "read"
    RESTORED = "restored"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class Observed(Generic[T]):
    """A fact that is known."""

    value: T
    at: datetime
    """When it was learnt, in UTC."""
    source: Source


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A fact that is not known. Never the same as an empty, zero or false one."""

    reason: Reason
    detail: str
    """What happened, to which thing, and what to do; safe to print after `drcheck.model.names.printable`."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


Fact = Observed[T] | Unobserved
