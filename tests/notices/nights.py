"""Nights made by hand: what was found, what that is beside the night before, and what people are told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from drcheck.model import (
    Assessment,
    ControlUsed,
    CopyFacts,
    CopyPlace,
    Depth,
    EstateUsed,
    Facts,
    Finding,
    Outcome,
    PolicyUsed,
    Reason,
    Run,
    Severity,
    Source,
    Subject,
    SubjectKind,
    Unobserved,
    Waiver,
)
from drcheck.model.notices import Notice, Told
from drcheck.notices.events import changes

FIRST = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
COPY = Subject(SubjectKind.COPY, "epr@vault")
UNSEEN = Unobserved(Reason.NOT_ATTEMPTED, "")
ADVICE = "Make the backup job run."


def at(number: int) -> datetime:
    """The reference time of a numbered night."""
    return FIRST + number * DAY


def waiver(control: str, until: date) -> Waiver:
    """A waiver of one control on the copy."""
    return Waiver("pack", control, COPY.id, "CIO", "because of the patient Smith", until)


@dataclass(frozen=True)
class Found:
    """What a night found of one control on the copy."""

    outcome: Outcome
    severity: Severity = Severity.HIGH


def findings(found: dict[str, Found], waivers: tuple[Waiver, ...], now: datetime) -> tuple[Finding, ...]:
    """The findings of a night, with the waivers that hold."""
    held = {each.control: each for each in waivers if now.date() <= each.until}
    made = []
    for control, one in found.items():
        bad = one.outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR)
        message = "scans/Smith_Jane.dcm is gone"
        finding = Finding(
            "pack", control, "1", f"check.{control}", COPY, one.outcome, one.severity, Source.OBSERVED, Depth.LISTED, message, (), None, ADVICE
        )
        made.append(replace(finding, waiver=held[control]) if bad and control in held else finding)
    return tuple(made)


class People:
    """Everybody who is told, with all that they were told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def night(self, number: int, found: dict[str, Found], waivers: tuple[Waiver, ...] = ()) -> list[Notice]:
        """What they are told of a night."""
        new = changes(findings(found, waivers, at(number)), waivers, self.told, at(number))
        self.told += [Told(notice, f"run-{number}", at(number)) for notice in new]
        return list(new)


def assessment(number: int, found: dict[str, Found], waivers: tuple[Waiver, ...] = ()) -> Assessment:
    """The assessment of a numbered night."""
    now = at(number)
    controls = tuple(ControlUsed(name, "1", f"Title of {name}", f"check.{name}", one.severity, "verified", (), ()) for name, one in found.items())
    policy = PolicyUsed("pack", "1", "Pack", "Issuer", "Document", "1", "https://example.org/", "sha256:0", controls)
    facts = Facts(now, (), (CopyFacts("epr", "vault", UNSEEN, UNSEEN, UNSEEN),), UNSEEN)
    return Assessment(
        Run(f"run-{number}", now, False, "", now, now, "0.1.0"),
        EstateUsed("estate.toml", "sha256:e", "north", "North Hospital", "GB", "", False),
        (policy,),
        (),
        (CopyPlace("epr", "vault", "away", "", "dated", "primary", True),),
        facts,
        findings(found, waivers, now),
    )
