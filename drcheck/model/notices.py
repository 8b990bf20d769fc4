"""Notices: what people are told of when it changes, each once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drcheck.model.findings import Outcome, Severity, Subject, SubjectKind
from drcheck.model.past import FindingKey

_ALL = Subject(SubjectKind.ESTATE, "")


class NoticeKind(StrEnum):
    """What has changed."""

    FAILED = "failed"
    """It fails, and did not when people were last told of it."""
    WORSE = "worse"
    """It was unknown and is now known to fail, or fails and matters more."""
    UNKNOWN = "unknown"
    """It can no longer be told."""
    RECOVERED = "recovered"
    """It is as it should be; that it was not had been told."""
    ACCEPTED = "accepted"
    """Somebody waived what had been told."""
    GONE = "gone"
    """It is no longer judged; that it was not as it should be had been told."""
    WAIVER_ENDING = "waiver-ending"
    WAIVER_ENDED = "waiver-ended"
    """Its waiver has ended, and it is still not as it should be."""
    SILENCE = "silence"
    """No night was recorded for longer than there should be between two."""
    DIGEST = "digest"
    """What stands, whether or not anything has changed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that people are told."""

    kind: NoticeKind
    policy: str = ""
    control: str = ""
    subject: Subject = _ALL
    outcome: Outcome | None = None
    """Of the finding, as it was then."""
    severity: Severity | None = None
    about: str = ""
    """What tells it from others besides: the day when a waiver ends or a digest is due, the moment before a silence, what went wrong."""

    @property
    def key(self) -> FindingKey:
        """The finding that it is about."""
        return self.policy, self.control, self.subject


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as it stands in the store: of which night, and at which moment."""

    notice: Notice
    run: str
    at: datetime
    """The night's reference time, UTC."""


class DeliveryState(StrEnum):
    """How far the notices of one night have come on one channel."""

    WAITING = "waiting"
    """Not accepted so far; tried again with the next night."""
    ACCEPTED = "accepted"
    DROPPED = "dropped"
    """The channel was taken out of the estate before it accepted them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The notices of one night on one channel."""

    run: str
    channel: str
    at: datetime
    """The night's reference time, UTC."""
    state: DeliveryState
    tried: datetime | None
    """When it was last tried, UTC."""
    trouble: str
    """Why it was not accepted the last time."""
