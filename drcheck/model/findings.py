"""Findings: one control on one subject, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from drcheck.model.facts import Depth, Reason, Source


class Outcome(StrEnum):
    """The result of one control on one subject. The first, and so the zero value, is unknown: only evidence moves it."""

    UNKNOWN = "unknown"
    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"
    """drcheck itself has a bug here."""


class Severity(StrEnum):
    """How much a failure matters, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class SubjectKind(StrEnum):
    """What a control is asked of."""

    ESTATE = "estate"
    SYSTEM = "system"
    COPY = "copy"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Subject:
    """What one finding is about: a kind and an id, where a copy's id is `system@target`."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class FactUsed:
    """One fact that a finding rests on, in a form that can be shown."""

    name: str
    value: str
    """In words; empty where the fact is missing."""
    source: Source | None
    at: datetime | None
    reason: Reason | None = None
    """Why it is missing; None where it is known."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted failure. It never changes the outcome; it only says who accepted it, why and until when."""

    policy: str
    control: str
    subject: str
    owner: str
    reason: str
    until: date
    """The last day on which it holds, in UTC."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One control × one subject."""

    policy: str
    control: str
    clause: str
    check: str
    subject: Subject
    outcome: Outcome
    severity: Severity
    assurance: Source | None
    """The weakest source that the finding rests on; None where nothing was known."""
    depth: Depth
    message: str
    facts: tuple[FactUsed, ...]
    waiver: Waiver | None
    remediation: str

    @property
    def waived(self) -> bool:
        """Whether somebody accepted this failure for now."""
        return self.waiver is not None
