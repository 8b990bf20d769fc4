"""What is known of earlier nights: the assessments that were recorded, and how long each finding has been as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drcheck.model.findings import Outcome, Severity, Subject

FindingKey = tuple[str, str, Subject]
"""Policy, control and subject: what one finding is of, night after night."""


@dataclass(frozen=True, slots=True)
class Night:
    """An assessment that was recorded, without its papers."""

    number: int
    """Counts up over the whole store."""
    organisation: str
    run: str
    started: datetime
    finished: datetime
    reference: datetime
    as_of: bool
    estate_digest: str
    version: str
    """Of the drcheck that made it."""
    exit_code: int
    counts: tuple[tuple[Outcome, int], ...]
    link: str
    """The digest of its link in the organisation's chain."""
    pruned: bool = False
    """Whether its papers were thrown away, so that it cannot be shown again."""

    def count(self, outcome: Outcome) -> int:
        """How many findings had `outcome`."""
        return dict(self.counts).get(outcome, 0)


@dataclass(frozen=True, slots=True)
class Interval:
    """The assessments, one after the other, in which one control had one outcome on one subject."""

    policy: str
    control: str
    subject: Subject
    outcome: Outcome
    waived: bool
    severity: Severity
    first: int
    """The number of the first of these assessments."""
    since: datetime
    """The reference time of the first."""
    last: int
    until: datetime

    @property
    def key(self) -> FindingKey:
        """What it is of."""
        return self.policy, self.control, self.subject


@dataclass(frozen=True, slots=True)
class Past:
    """What the nights before say beside an assessment."""

    nights: tuple[Night, ...] = ()
    """Nights of their own moments (not `--as-of` another) up to this one, the oldest first, this one left out."""
    before: Mapping[FindingKey, Interval] = field(default_factory=dict)
    """How each finding of the night before stood then, those that this assessment no longer has among them; empty where there was no night."""
    since: Mapping[FindingKey, datetime] = field(default_factory=dict)
    """Since which night's reference time each finding of this assessment has had its outcome without a break."""
