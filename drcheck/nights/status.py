"""How things stand now, by the last night of an organisation: whether drcheck still runs, what is wrong, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN, Assessment, FindingKey, Interval, Night, Outcome, Severity, Subject
from drcheck.nights.gaps import Gap, Rhythm, ahead, gap_now
from drcheck.nights.standing import BAD, Standing, own_moment, standings


@dataclass(frozen=True, slots=True)
class Problem:
    """What is no pass, for however many controls that ask the same of the same subject."""

    outcome: Outcome
    severity: Severity
    """The worst of the controls'."""
    waived: bool
    subject: Subject
    since: datetime
    """Since which night's reference time it has had this outcome; the earliest of the controls'."""
    message: str
    """What was found; empty where the night's record is gone."""
    controls: tuple[tuple[str, str], ...]
    """Policy and control of each that asks."""


@dataclass(frozen=True, slots=True)
class Status:
    """How one organisation stands."""

    organisation: str
    now: datetime
    night: Night | None
    """The last one of its own moment; None where there was none yet."""
    gap: Gap | None
    """The gap that goes on now, where drcheck should have run since."""
    ahead: bool
    """Whether the last night is dated after now: then nobody can tell whether drcheck still runs."""
    problems: tuple[Problem, ...]
    """Worst first, what was waived last."""
    lapsed: int = 0
    """Findings whose waivers ended since the last night, as far as its record tells: what they accepted stands again."""
    unjudged: int = 0
    """Findings that needed somebody on a night before, no further back than nights are apart, and that the last one did not judge."""

    @property
    def current(self) -> bool:
        """
        Whether the last night says how things stand now.

        One that was good because of waivers does not once such a waiver has ended, and neither does one that was good because it did not judge
        what failed: nobody saw that mended.
        """
        if self.night is None or self.gap is not None or self.ahead:
            return False
        return not ((self.lapsed or self.unjudged) and self.night.exit_code == EXIT_GOOD)

    @property
    def age(self) -> timedelta | None:
        """How long ago the last night began; None where there was none. Never negative."""
        return None if self.night is None else max(self.now - self.night.started, timedelta(0))

    @property
    def exit_code(self) -> int:
        """That of the last night where it is current; else 11, for what it found may not be so any more, and nobody knows what is new."""
        return self.night.exit_code if self.night is not None and self.current else EXIT_UNKNOWN


def status(
    organisation: str, nights: Collection[Night], intervals: Collection[Interval], assessment: Assessment | None, *, now: datetime, rhythm: Rhythm
) -> Status:
    """
    How the organisation stands at `now`.

    Args:
        nights: the organisation's, in any order.
        intervals: the organisation's, in the order in which they began.
        assessment: of `last_night`, where its record is there.
    """
    last = last_night(nights)
    if last is None:
        return Status(organisation, now, None, None, ahead=False, problems=())
    ahead_ = ahead(last, now)
    found = standings(last, nights, intervals, assessment)
    today = now.astimezone(UTC).date()
    lapsed = sum(each.outcome in BAD and each.waiver is not None and each.waiver.until < today for each in found.values())
    gap = None if ahead_ else gap_now(last, now, rhythm)
    return Status(organisation, now, last, gap, ahead_, problems(found), lapsed, _unjudged(last, nights, intervals, rhythm))


def _unjudged(last: Night, nights: Iterable[Night], intervals: Iterable[Interval], rhythm: Rhythm) -> int:
    """How many findings were open when a night shortly before the last one judged them, and are absent or not applicable on that."""
    earlier = [night for night in own_moment(nights) if night.number < last.number]
    recent = [night for night in earlier if not rhythm.missed(last.started - max(night.started, night.finished))]
    if not recent:
        return 0
    judged = {each.key: each for each in intervals if each.first <= last.number and each.outcome is not Outcome.NOT_APPLICABLE}
    return sum(each.outcome in BAD and not each.waived and recent[0].number <= each.last < last.number for each in judged.values())


def last_night(nights: Iterable[Night]) -> Night | None:
    """The newest night of its own moment."""
    own = own_moment(nights)
    return own[-1] if own else None


def exit_code(every: Collection[Status]) -> int:
    """10 where something is known to fail now, else 11 where anything is unknown, not current or missing, else 0; 11 where there is none at all."""
    codes = {each.exit_code for each in every}
    return next((code for code in (EXIT_FAIL, EXIT_UNKNOWN, EXIT_GOOD) if code in codes), EXIT_UNKNOWN)


def problems(found: dict[FindingKey, Standing]) -> tuple[Problem, ...]:
    """Everything that is no pass, worst first; what several controls say alike of one subject is one."""
    groups: dict[object, list[tuple[FindingKey, Standing]]] = {}
    for key, standing in found.items():
        if standing.outcome in BAD:
            alike = standing.message or standing.since
            groups.setdefault((key[2], standing.outcome, standing.waived, alike), []).append((key, standing))
    return tuple(sorted((_problem(group) for group in groups.values()), key=_order))


_SEVERITIES = list(Severity)
_RANKS = {Outcome.FAIL: 0, Outcome.ERROR: 1, Outcome.UNKNOWN: 2}


def _problem(group: list[tuple[FindingKey, Standing]]) -> Problem:
    (_, _, subject), first = group[0]
    return Problem(
        outcome=first.outcome,
        severity=min((standing.severity for _, standing in group), key=_SEVERITIES.index),
        waived=first.waived,
        subject=subject,
        since=min(standing.since for _, standing in group),
        message=first.message,
        controls=tuple(key[:2] for key, _ in group),
    )


def _order(problem: Problem) -> tuple[object, ...]:
    rank = (problem.waived, _RANKS[problem.outcome], _SEVERITIES.index(problem.severity))
    return *rank, problem.since, problem.subject.kind, problem.subject.id, problem.message
