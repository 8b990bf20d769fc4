"""The digest: what stands, what was mended, where it goes, and what comes next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from drcheck.clock import format_duration
from drcheck.estate.notices import Notices
from drcheck.model import Assessment, Finding, Night, Observed, Outcome, Past, Severity, number_of, printable
from drcheck.model.notices import Notice, NoticeKind, Told
from drcheck.nights import Rhythm
from drcheck.notices.events import State, state_of
from drcheck.notices.wording import MOST_LINES, Words, about, stands

WAIVERS_AHEAD = timedelta(days=30)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEVERITIES = list(Severity)


def due(notices: Notices, nights: Sequence[Night], told: Iterable[Told], now: datetime) -> Notice | None:
    """The digest that is due tonight; None where none is wanted, or it was told. The first comes with a day after the first night's."""
    today = now.astimezone(UTC).date()
    match notices.digest:
        case "none":
            return None
        case "daily":
            day = today
        case _:
            day = today - timedelta(days=(today.weekday() - _DAYS.index(notices.day)) % 7)
    if not nights or day <= nights[0].reference.astimezone(UTC).date():
        return None
    notice = Notice(NoticeKind.DIGEST, about=day.isoformat())
    return None if any(each.notice == notice for each in told) else notice


def digest_lines(assessment: Assessment, past: Past, told: Sequence[Told], every: timedelta, runs: Collection[str]) -> list[str]:
    """
    The digest, as lines.

    Args:
        told: every notice, tonight's among them.
        every: how often a night is expected.
        runs: those whose notices the message holds; a digest of one of them was not delivered so far, so what it would have said is said now.
    """
    now = assessment.run.reference
    since = _since(told, past, runs)
    period = [each.notice for each in told if each.at > since]
    words = Words(assessment)
    lines = [f"Digest since {since:%Y-%m-%d}", f"What stands: {stands(assessment)}.", *_standing(assessment, past)]
    mended = [notice for notice in period if notice.kind is NoticeKind.RECOVERED]
    lines += ["", "Mended since:" if mended else "Nothing was mended since.", *words.lines(mended)]
    recorded = _recorded([since, *(night.reference for night in past.nights if night.reference > since), now], Rhythm(every))
    lines += ["", f"Trend: {_trend(assessment, past, since)}; {recorded}."]
    ahead = [*_waivers(assessment), *_reading(assessment)]
    return [*lines, "Next: " + "; ".join(ahead) + "."] if ahead else lines


def _since(told: Sequence[Told], past: Past, runs: Collection[str]) -> datetime:
    """The night of the last digest that is not of `runs`, or the first night."""
    digests = [each.at for each in told if each.notice.kind is NoticeKind.DIGEST and each.run not in runs]
    return digests[-1] if digests else past.nights[0].reference


def _recorded(moments: Sequence[datetime], rhythm: Rhythm) -> str:
    """How many nights were recorded after the first moment, up to the last, which is tonight. A run by day is no night, and hides none."""
    ran, last = 0, moments[0]
    for moment in moments[1:]:
        if moment - last >= rhythm.every / 2:
            ran, last = ran + 1, moment
    missed = sum(rhythm.missed(later - earlier) for earlier, later in pairwise(moments))
    ran = max(ran, 1)
    return f"{ran} of {number_of(ran + missed, 'night')} {'was' if ran == 1 else 'were'} recorded"


def _standing(assessment: Assessment, past: Past) -> list[str]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in assessment.findings:
        if state_of(finding) in (State.FAILING, State.UNKNOWN):
            groups.setdefault((finding.check, finding.subject, finding.outcome), []).append(finding)
    titles = {(policy.id, control.id): control.title for policy in assessment.policies for control in policy.controls}
    now, rows = assessment.run.reference, []
    for group in groups.values():
        first = group[0]
        since = min(past.since.get((each.policy, each.control, each.subject), now) for each in group)
        worst = min(_SEVERITIES.index(each.severity) for each in group)
        age = f"since {since:%Y-%m-%d} ({format_duration(now - since)})" if since < now else "since tonight"
        title = printable(titles.get((first.policy, first.control), first.check))
        rows.append((first.outcome is not Outcome.FAIL, worst, about(first.subject), f"- {first.outcome}, {age}: {about(first.subject)}: {title}"))
    lines = [row[-1] for row in sorted(rows)]
    return lines[:MOST_LINES] + ([f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else [])


def _trend(assessment: Assessment, past: Past, since: datetime) -> str:
    first = next((night for night in past.nights if night.reference >= since), None)
    now = assessment.counts()
    named = ((Outcome.FAIL, "failed, waived or not,"), (Outcome.UNKNOWN, "unknown"), (Outcome.PASS, "passed"))
    return ", ".join(f"{word} {first.count(outcome) if first is not None else now[outcome]} → {now[outcome]}" for outcome, word in named)


def _waivers(assessment: Assessment) -> list[str]:
    today: date = assessment.run.reference.astimezone(UTC).date()
    ends = {finding.waiver.until for finding in assessment.findings if finding.waiver is not None}
    soon = sorted(end for end in ends if end <= today + WAIVERS_AHEAD)
    return [f"waivers end on {', '.join(map(str, soon))}"] if soon else []


def _reading(assessment: Assessment) -> list[str]:
    seen = [facts.verification.value.rotation for facts in assessment.facts.copies if isinstance(facts.verification, Observed)]
    rotations = [rotation for rotation in seen if rotation is not None]
    ends = [rotation.ends for rotation in rotations if rotation.ends is not None]
    late = sum(rotation.left > 0 for rotation in rotations)
    parts = [f"everything will have been read by {max(ends):%Y-%m-%d} at tonight's pace"] if ends else []
    return parts + ([f"{number_of(late, 'copy is', 'copies are')} not read within the cycle"] if late else [])
