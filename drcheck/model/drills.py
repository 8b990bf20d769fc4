"""Drills: rehearsed restores, and what was written down about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Drill:
    """
    A rehearsed restore, recorded by a person.

    The fields follow Türkiye BİGR 3.1.13.4 (date and time, systems, proof, result, problems, lessons) and NIST CSF 2.0 RC.RP-03.
    """

    system: str
    target: str
    """The copy that was restored from."""
    recovery_point: str
    started: datetime
    ended: datetime
    success: bool
    verified_by: str
    """Who checked that the restored data was right."""
    data_loss: timedelta | None
    """Between the recovery point and the moment of the (rehearsed) disaster; None where it was not written down."""
    problems: str = ""
    lessons: str = ""
    evidence: str = ""
    """Where the proof lies: a ticket, a log."""
    record: str = ""
    """The file and entry that it was read from."""

    @property
    def took(self) -> timedelta:
        """How long the restore took."""
        return self.ended - self.started
