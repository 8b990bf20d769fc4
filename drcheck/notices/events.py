"""
What has changed since people were last told: a pure function of tonight's findings and of every notice before.

It is held against what was told, not against the night before: whatever happened in between, a run by day, a run that was killed, each change is told
once, and a recovery only to whoever was told of the failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from drcheck.clock import format_moment
from drcheck.model import Finding, FindingKey, Night, Outcome, Severity, Subject, SubjectKind, Waiver
from drcheck.model.notices import Notice, NoticeKind, Told
from drcheck.nights import Rhythm

WAIVER_DAYS = 14
"""A waiver that ends within so many days is told of."""
_WORST_FIRST = tuple(Severity)


class State(Enum):
    """What people have to know of one finding."""

    GOOD = auto()
    FAILING = auto()
    UNKNOWN = auto()
    ACCEPTED = auto()
    """Not as it should be, and waived."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What people were told of one finding."""

    state: State = State.GOOD
    severity: Severity | None = None
    waiver: str = ""
    """The end of the waiver that they were told ends, where that was the last they heard."""


_NEVER = Standing()


def changes(findings: Iterable[Finding], waivers: Iterable[Waiver], told: Sequence[Told], now: datetime) -> tuple[Notice, ...]:
    """
    What people have to be told of tonight's findings.

    Args:
        waivers: all that are written down, those that have ended too.
        told: every notice so far, in the order in which they were made.
        now: the night's reference time.
    """
    today = now.astimezone(UTC).date()
    before = standing(told)
    ended = {(each.policy, each.control, each.subject): each.until for each in waivers if each.until < today}
    ending = {(each.notice.key, each.notice.about) for each in told if each.notice.kind is NoticeKind.WAIVER_ENDING}
    made, seen = [], set()
    for finding in findings:
        key = (finding.policy, finding.control, finding.subject)
        seen.add(key)
        was = before.get(key, _NEVER)
        until = ended.get((finding.policy, finding.control, finding.subject.id))
        if kind := _changed(was, finding, until.isoformat() if until is not None else ""):
            about = until.isoformat() if kind is NoticeKind.WAIVER_ENDED and until is not None else ""
            made.append(Notice(kind, *key, finding.outcome, finding.severity, about))
        if finding.waiver is not None:
            end = finding.waiver.until
            if today <= end <= today + timedelta(days=WAIVER_DAYS) and (key, end.isoformat()) not in ending:
                made.append(Notice(NoticeKind.WAIVER_ENDING, *key, finding.outcome, finding.severity, end.isoformat()))
    gone = (key for key, was in before.items() if key not in seen and key[0] and was.state is not State.GOOD)
    return (*made, *(Notice(NoticeKind.GONE, *key, severity=before[key].severity) for key in gone))


def troubles(wrong: Mapping[str, str], told: Sequence[Told]) -> tuple[Notice, ...]:
    """
    What people have to be told of what drcheck itself could not do in a night: new trouble, and trouble that is over.

    Args:
        wrong: what could not be done, such as `output`, and what went wrong.
    """
    before = {key[1] for key, was in standing(told).items() if not key[0] and was.state is not State.GOOD}
    subject = Subject(SubjectKind.ESTATE, "")
    new = [Notice(NoticeKind.FAILED, "", what, subject, Outcome.FAIL, Severity.HIGH, why) for what, why in wrong.items() if what not in before]
    over = [Notice(NoticeKind.RECOVERED, "", what, subject, Outcome.PASS, Severity.HIGH) for what in sorted(before - set(wrong))]
    return (*new, *over)


def silence(last: Night | None, rhythm: Rhythm, told: Iterable[Told], now: datetime) -> Notice | None:
    """That no night was recorded for longer than there should be between two; None where that is not so, or was told."""
    if last is None or not rhythm.missed(now - last.reference):
        return None
    notice = Notice(NoticeKind.SILENCE, about=format_moment(last.reference))
    return None if any(each.notice == notice for each in told) else notice


def standing(told: Iterable[Told]) -> dict[FindingKey, Standing]:
    """What people know of each finding that they were ever told of."""
    found: dict[FindingKey, Standing] = {}
    for each in told:
        notice = each.notice
        if notice.kind in (NoticeKind.SILENCE, NoticeKind.DIGEST):
            continue
        was = found.get(notice.key, _NEVER)
        if notice.kind is NoticeKind.WAIVER_ENDING:
            found[notice.key] = Standing(was.state, was.severity, notice.about)
        else:
            found[notice.key] = Standing(_told_state(notice), notice.severity)
    return found


def _told_state(notice: Notice) -> State:
    match notice.kind:
        case NoticeKind.RECOVERED | NoticeKind.GONE:
            return State.GOOD
        case NoticeKind.ACCEPTED:
            return State.ACCEPTED
        case _:
            return State.FAILING if notice.outcome is Outcome.FAIL else State.UNKNOWN


def state_of(finding: Finding) -> State:
    """What people have to know of a finding."""
    if finding.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        return State.GOOD
    if finding.waived:
        return State.ACCEPTED
    return State.FAILING if finding.outcome is Outcome.FAIL else State.UNKNOWN


def _changed(was: Standing, finding: Finding, ended: str) -> NoticeKind | None:
    is_ = state_of(finding)
    if is_ is State.GOOD:
        # What is not asked any more was not seen to be mended.
        mended = NoticeKind.GONE if finding.outcome is Outcome.NOT_APPLICABLE else NoticeKind.RECOVERED
        return None if was.state is State.GOOD else mended
    if is_ is State.ACCEPTED:
        return NoticeKind.ACCEPTED if was.state in (State.FAILING, State.UNKNOWN) else None
    # Nobody needs to be told that a waiver has ended which they do not know of.
    knew = was.waiver == ended if was.waiver else was.state is State.ACCEPTED
    if ended and knew and was.state in (State.GOOD, State.ACCEPTED):
        return NoticeKind.WAIVER_ENDED
    if is_ is State.UNKNOWN:
        return None if was.state is State.UNKNOWN else NoticeKind.UNKNOWN
    if was.state is State.UNKNOWN or (was.state is State.FAILING and _worse(finding.severity, was.severity)):
        return NoticeKind.WORSE
    return None if was.state is State.FAILING else NoticeKind.FAILED


def _worse(now: Severity, then: Severity | None) -> bool:
    return then is not None and _WORST_FIRST.index(now) < _WORST_FIRST.index(then)
