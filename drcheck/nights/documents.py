"""
Status, diff and trend as values that JSON has: what `--format json` prints, described in docs/history.md.

Moments are ISO 8601 in UTC, lengths whole seconds; what is not known or not there is None. Names are as they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from drcheck.clock import format_moment
from drcheck.model import Night, Subject, Waiver
from drcheck.nights.diff import Diff, Turned, WaiverTurned
from drcheck.nights.gaps import Gap
from drcheck.nights.standing import Standing
from drcheck.nights.status import Problem, Status
from drcheck.nights.trend import Repairs, Trend
from drcheck.nights.turn import Turn

STATUS, DIFF, TREND, HISTORY = "drcheck.status/1", "drcheck.diff/1", "drcheck.trend/1", "drcheck.history/1"


def night_document(night: Night) -> dict[str, Any]:
    """One night without its papers."""
    return {
        "run": night.run,
        "organisation": night.organisation,
        "reference": format_moment(night.reference),
        "as_of": night.as_of,
        "started": format_moment(night.started),
        "finished": format_moment(night.finished),
        "version": night.version,
        "estate_digest": night.estate_digest,
        "exit_code": night.exit_code,
        "counts": {outcome.value: count for outcome, count in night.counts},
        "link": night.link,
        "pruned": night.pruned,
    }


def gap_document(gap: Gap) -> dict[str, Any]:
    """One gap; `until` is None where it goes on."""
    return {
        "after": gap.after.run,
        "since": format_moment(gap.after.started),
        "until": _moment(gap.until.started if gap.until is not None else None),
        "length_seconds": _seconds(gap.length),
        "missed": gap.missed,
    }


def history_document(nights: Iterable[Night], found: Iterable[Gap]) -> dict[str, Any]:
    """Nights, the newest first, and the gaps among them."""
    return {"schema": HISTORY, "nights": [night_document(night) for night in nights], "gaps": [gap_document(gap) for gap in found]}


def status_document(every: Iterable[tuple[Status, list[dict[str, Any]] | None]], now: datetime, exit_code: int) -> dict[str, Any]:
    """How each organisation stands, with its copies where the record of its last night has them."""
    return {
        "schema": STATUS,
        "now": format_moment(now),
        "exit_code": exit_code,
        "organisations": [_status(each, copies) for each, copies in every],
    }


def _status(each: Status, copies: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {
        "organisation": each.organisation,
        "exit_code": each.exit_code,
        "current": each.current,
        "ahead": each.ahead,
        "waivers_ended": each.lapsed,
        "not_judged": each.unjudged,
        "night": None if each.night is None else night_document(each.night),
        "age_seconds": _seconds(each.age),
        "gap": None if each.gap is None else gap_document(each.gap),
        "problems": [_problem(problem) for problem in each.problems],
        "copies": copies,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "outcome": problem.outcome.value,
        "severity": problem.severity.value,
        "waived": problem.waived,
        "subject": subject_document(problem.subject),
        "since": format_moment(problem.since),
        "message": problem.message or None,
        "controls": [{"policy": policy, "control": control} for policy, control in problem.controls],
    }


def diff_document(found: Diff) -> dict[str, Any]:
    """Two nights beside each other."""
    return {
        "schema": DIFF,
        "before": night_document(found.before),
        "after": night_document(found.after),
        "between": found.between,
        "worse": found.worse,
        "unjudged": len(found.unjudged),
        "lost": len(found.lost),
        "notes": list(found.notes),
        "counts": {turn.value: len(found.of(turn)) for turn in Turn},
        "findings": [_turned(each) for each in found.turned],
        "waivers": [_waiver_turned(each) for each in found.waivers],
        "added_controls": [{"policy": policy, "control": control} for policy, control in found.added_controls],
        "removed_controls": [{"policy": policy, "control": control} for policy, control in found.removed_controls],
        "added_subjects": [subject_document(subject) for subject in found.added_subjects],
        "removed_subjects": [subject_document(subject) for subject in found.removed_subjects],
    }


def _turned(each: Turned) -> dict[str, Any]:
    policy, control, subject = each.key
    return {
        "policy": policy,
        "control": control,
        "subject": subject_document(subject),
        "change": each.turn.value,
        "worse": each.worse,
        "gone": None if each.gone is None else {"why": each.gone.lack.value, "what": each.gone.what or None},
        "severity": each.severity.value,
        "before": _standing(each.before),
        "after": _standing(each.after),
    }


def _standing(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    return {
        "outcome": standing.outcome.value,
        "since": format_moment(standing.since),
        "waived": standing.waived,
        "message": standing.message or None,
    }


def _waiver_turned(each: WaiverTurned) -> dict[str, Any]:
    policy, control, subject = each.key
    return {
        "policy": policy,
        "control": control,
        "subject": subject_document(subject),
        "change": each.turn.value,
        "outcome": each.outcome.value,
        "before": _waiver(each.before),
        "after": _waiver(each.after),
    }


def _waiver(waiver: Waiver | None) -> dict[str, Any] | None:
    return None if waiver is None else {"owner": waiver.owner, "reason": waiver.reason, "until": waiver.until.isoformat()}


def trend_document(found: Trend) -> dict[str, Any]:
    """How nights went on."""
    good = found.last_good
    return {
        "schema": TREND,
        "organisation": found.organisation,
        "now": format_moment(found.now),
        "since": _moment(found.since),
        "every_seconds": _seconds(found.rhythm.every),
        "grace_seconds": _seconds(found.rhythm.grace),
        "expected": found.expected,
        "ran": found.ran,
        "missed": found.missed,
        "last_good": None if good is None else night_document(good),
        "seconds_since_good": None if good is None else _seconds(max(found.now - good.reference, timedelta(0))),
        "nights": [night_document(night) for night in found.nights],
        "gaps": [gap_document(gap) for gap in found.gaps],
        "repairs": [_repairs(each) for each in found.repairs],
    }


def _repairs(each: Repairs) -> dict[str, Any]:
    return {
        "policy": each.policy,
        "control": each.control,
        "fixed": each.fixed,
        "mean_seconds": _seconds(each.mean),
        "longest_seconds": _seconds(each.longest),
        "going_on": each.going_on,
        "oldest": _moment(each.oldest),
    }


def subject_document(subject: Subject) -> dict[str, str]:
    """What a finding is about."""
    return {"kind": subject.kind.value, "id": subject.id}


def _moment(value: datetime | None) -> str | None:
    return None if value is None else format_moment(value)


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())
