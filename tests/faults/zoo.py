"""How a fault of the zoo is written down, and how it is tried: what it turns, everywhere and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from drcheck.model import Assessment, Finding, Outcome
from tests.faults.healthy import Place

PASS, FAIL, UNKNOWN, NOT_APPLICABLE = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE

Key = tuple[str, str, str]
"""Policy, control and subject of one finding."""
Findings = Mapping[Key, Finding]
P = TypeVar("P", bound=Place)


@dataclass(frozen=True)
class Turned:
    """What a fault does to one check of one subject under every control that binds it, or to one control of one subject."""

    what: str
    """The id of a check, or of one control."""
    subject: str
    outcome: Outcome
    says: str
    """What each message, or the reason of a missing fact that it names, holds."""

    def concerns(self, finding: Finding) -> bool:
        """Whether this speaks of the finding."""
        return self.what in (finding.check, finding.control) and self.subject == finding.subject.id


@dataclass(frozen=True)
class Fault(Generic[P]):
    """One way in which backups go wrong."""

    damage: Callable[[P], None]
    turned: tuple[Turned, ...]

    def __str__(self) -> str:
        return self.damage.__name__


class Zoo(list[Fault[P]]):
    """The faults of one file, in its order."""

    def fault(self, *turned: Turned) -> Callable[[Callable[[P], None]], Callable[[P], None]]:
        """A decorator that adds a fault: the function damages a place, and `turned` is all that may come of it."""

        def add(damage: Callable[[P], None]) -> Callable[[P], None]:
            self.append(Fault(damage, turned))
            return damage

        return add


def passes(what: str, subject: str, says: str) -> Turned:
    """The finding is a pass, and says so much."""
    return Turned(what, subject, PASS, says)


def fails(what: str, subject: str, says: str) -> Turned:
    """The finding is a failure."""
    return Turned(what, subject, FAIL, says)


def unknown(what: str, subject: str, says: str) -> Turned:
    """The finding is unknown."""
    return Turned(what, subject, UNKNOWN, says)


def not_asked(what: str, subject: str, says: str) -> Turned:
    """The finding is not applicable."""
    return Turned(what, subject, NOT_APPLICABLE, says)


def findings_of(assessment: Assessment) -> Findings:
    """Every finding, by policy, control and subject."""
    return {(finding.policy, finding.control, finding.subject.id): finding for finding in assessment.findings}


def try_out(fault: Fault[P], place: P, healthy: Findings) -> Assessment:
    """Damage the place, look, and make sure that exactly the findings that the fault names differ from the healthy ones."""
    fault.damage(place)
    assessment = place.look()
    check(fault.turned, assessment, healthy)
    return assessment


def check(turned: tuple[Turned, ...], assessment: Assessment, healthy: Findings) -> None:
    """Make sure that exactly these findings differ from the healthy ones, that they say why, and that the exit code is theirs."""
    found = findings_of(assessment)
    expected: dict[Key, Turned] = {}
    for each in turned:
        keys = [key for key, finding in found.items() if each.concerns(finding)]
        assert keys, f"nothing judges {each.what} of {each.subject}"
        expected.update(dict.fromkeys(keys, each))
    wrong = []
    for key, finding in found.items():
        wanted = {expected[key].outcome} if key in expected else _as_healthy(key, healthy)
        says = expected[key].says if key in expected else ""
        words = "; ".join([finding.message, *(f"{fact.reason}: {fact.detail}" for fact in finding.facts if fact.detail)])
        if finding.outcome not in wanted or says not in words:
            wrong.append(f"{' '.join(key)} should be {' or '.join(sorted(wanted))} and say {says!r}, and is {finding.outcome}: {words}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    standing = {finding.outcome for key, finding in found.items() if key in expected and not finding.waived}
    assert assessment.exit_code == (10 if FAIL in standing else 11 if UNKNOWN in standing else 0)


def _as_healthy(key: Key, healthy: Findings) -> set[Outcome]:
    """What a finding may be that the fault does not name: what it was, and nothing bad where its subject is new."""
    return {healthy[key].outcome} if key in healthy else {PASS, NOT_APPLICABLE}
