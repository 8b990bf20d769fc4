"""What changed since the night before, for a page: what became worse, what was mended, what is judged no longer, as `drcheck diff` says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drcheck.model import Assessment, Finding, Interval, Outcome, Past, Subject, SubjectKind
from drcheck.nights import Turn, no_longer_judged, turn_of
from drcheck.reports.html_controls import ControlLink, ControlLinks
from drcheck.reports.wording import subject_name

_RANKS = {Outcome.FAIL: 0, Outcome.ERROR: 1, Outcome.UNKNOWN: 2, Outcome.PASS: 3, Outcome.NOT_APPLICABLE: 3}
_NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Change:
    """One subject whose controls went from one outcome to another."""

    subject: str
    then: str
    now: str
    controls: tuple[ControlLink, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Everything that changed since the night before."""

    night: str
    """The run of the night before; empty where none is known."""
    worse: tuple[Change, ...] = ()
    """What fails or is unknown, and did not fail, or was not unknown."""
    mended: tuple[Change, ...] = ()
    gone: tuple[Change, ...] = ()
    """What was judged then, however it stood, and is not any more: nobody mended it."""
    still: int = 0
    """How many findings fail, or are unknown or in error, as they were."""

    @property
    def none(self) -> bool:
        """Whether nothing changed."""
        return not (self.worse or self.mended or self.gone)


def changed(assessment: Assessment, links: ControlLinks, past: Past | None) -> Changed:
    """What this assessment says beside the night before; nothing where no night before is known."""
    if past is None or not past.nights:
        return Changed("")
    worse, mended, gone, still = _Moves(), _Moves(), _Moves(), 0
    here = set()
    for finding in assessment.findings:
        key = (finding.policy, finding.control, finding.subject)
        here.add(key)
        then = past.before.get(key)
        was, now = then.outcome if then else None, finding.outcome
        if no_longer_judged(was, now):
            gone.add(finding, was, now)
            continue
        match turn_of(was, now):
            case Turn.BROKE | Turn.LOST:
                worse.add(finding, was, now)
            case Turn.FIXED | Turn.FOUND:
                mended.add(finding, was, now)
            case Turn.STILL | Turn.UNSURE:
                still += 1
    for key, interval in past.before.items():
        if key not in here and no_longer_judged(interval.outcome, None):
            gone.add(interval, interval.outcome, None)
    return Changed(past.nights[-1].run, worse.told(links), mended.told(links), gone.told(links), still)


class _Moves:
    """Findings that moved, told together by subject and move."""

    def __init__(self) -> None:
        self._found: dict[tuple[Subject, str, str], list[tuple[str, str]]] = {}

    def add(self, finding: Finding | Interval, was: Outcome | None, now: Outcome | None) -> None:
        """Add one finding."""
        self._found.setdefault((finding.subject, was or _NOT_JUDGED, now or _NOT_JUDGED), []).append((finding.policy, finding.control))

    def told(self, links: ControlLinks) -> tuple[Change, ...]:
        """All of them, the worst now first."""
        return tuple(
            Change(subject_name(subject), was, now, tuple(_links(controls, links)))
            for (subject, was, now), controls in sorted(self._found.items(), key=lambda move: _order(*move[0]))
        )


def _order(subject: Subject, was: str, now: str) -> tuple[object, ...]:
    kinds = list(SubjectKind)
    return _RANKS.get(Outcome(now), 9) if now != _NOT_JUDGED else 9, was, kinds.index(subject.kind), subject.id


def _links(controls: Iterable[tuple[str, str]], links: ControlLinks) -> Iterable[ControlLink]:
    return (links.of(policy, control) for policy, control in sorted(controls))
