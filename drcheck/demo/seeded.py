"""The demo's faults: what was broken on purpose, and which finding must say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drcheck.model import Finding, Outcome


@dataclass(frozen=True, slots=True)
class SeededFault:
    """One thing that was broken on purpose."""

    name: str
    story: str
    check: str
    subject: str
    outcome: Outcome
    says: str
    """A text that the finding's message must hold: the fault is found by name, not by luck."""


FLIPPED_STUDY = "studies/MR/MR-0007.dcm"

FAULTS = (
    SeededFault(
        "flipped byte",
        f"one byte of {FLIPPED_STUDY} was changed at the county archive",
        "integrity.checksums",
        "imaging@offsite-sftp",
        Outcome.FAIL,
        FLIPPED_STUDY,
    ),
    SeededFault(
        "stale copy",
        "the patient record's copy in the second data centre stopped nine days ago",
        "backup.recency",
        "patient-record@second-dc",
        Outcome.FAIL,
        "9d",
    ),
    SeededFault(
        "shared cooling",
        "both data centres hang on chiller-plant-1, so pathology's three copies are two",
        "copies.independent",
        "pathology",
        Outcome.FAIL,
        "chiller-plant-1",
    ),
    SeededFault(
        "old drill",
        "pathology was last restored more than a year ago",
        "restore.tested",
        "pathology",
        Outcome.FAIL,
        "ago",
    ),
    SeededFault(
        "target down",
        "nobody answers at the university",
        "backup.recency",
        "patient-record@university",
        Outcome.UNKNOWN,
        "unreachable",
    ),
)


def found(fault: SeededFault, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that report this fault, by name."""
    return tuple(
        finding
        for finding in findings
        if (finding.check, finding.subject.id, finding.outcome) == (fault.check, fault.subject, fault.outcome) and fault.says in finding.message
    )


def unexpected(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Failures and errors that no seeded fault explains."""
    explained = {(fault.check, fault.subject) for fault in FAULTS}
    return tuple(
        finding for finding in findings if finding.outcome in (Outcome.FAIL, Outcome.ERROR) and (finding.check, finding.subject.id) not in explained
    )
