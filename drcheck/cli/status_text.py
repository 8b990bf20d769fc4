"""How things stand, in one screen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drcheck.clock import format_duration, format_moment
from drcheck.model import Assessment, Night, Observed, Outcome, Unobserved, number_of, printable
from drcheck.model.bounds import percent_at_least
from drcheck.nights import Problem, Status
from drcheck.reports import ReportOptions
from drcheck.reports.rows import CopyRow, copy_rows
from drcheck.reports.terminal import COLOURS, LABELS, WAIVED_COLOUR, in_columns, painted, text_lines, widest
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import caution, subject_name
from drcheck.reports.wrapping import shorten
from drcheck.store import Holder

MOST_FAILED, MOST_OTHER, MOST_COPIES = 10, 4, 10
"""Rows that are shown unless all are asked for: the whole is to fit on a screen."""
_LONGEST_NAME = 32
_ORDER = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)


def status_text(each: Status, assessment: Assessment | None, running: Holder | None, options: ReportOptions) -> str:
    """One organisation: first whether drcheck still runs, then what its last night found, worst first, and each copy."""
    blocks = [
        [*_warnings(each, running, options), *_answer(each, assessment, options)],
        _problems(each, options),
        _copies(each, assessment, options) if assessment is not None else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def not_current(each: Status) -> str:
    """Why the last night does not say how things stand now; empty where it does."""
    if each.night is None:
        return f"drcheck has not run: no night of {printable(each.organisation)} is recorded"
    if each.ahead:
        dated = format_moment(max(each.night.started, each.night.finished))
        return f"the last night is dated {dated}, after now: see to the clocks; until then nobody can tell whether drcheck still runs"
    if each.gap is not None and each.age is not None:
        missed = number_of(each.gap.missed, "night was", "nights were")
        return f"drcheck has not run since {format_moment(each.night.started)}, {format_duration(each.age)} ago: {missed} missed"
    if not each.current and not each.lapsed:
        stood = number_of(each.unjudged, "finding that was no pass was", "findings that were no pass were")
        return f"{stood} not judged on the last night, so nobody saw that mended: drcheck diff with a night before says which"
    if not each.current:
        ended = number_of(
            each.lapsed, "finding was waived on the last night by a waiver that has", "findings were waived on the last night by waivers that have"
        )
        return f"{ended} ended since: what was accepted stands again; see to it, or renew the waiver in the file of waivers"
    return ""


def answer(each: Status, assessment: Assessment | None) -> str:
    """What the last night found, in a line; empty where there was none."""
    if each.night is None:
        return ""
    if assessment is not None:
        return verdict(assessment)
    words = {Outcome.FAIL: "failed", Outcome.ERROR: "in error", Outcome.UNKNOWN: "unknown"}
    found = [f"{number_of(count, 'finding')} {words[outcome]}" for outcome, count in each.night.counts if count and outcome in words]
    return f"{', '.join(found) or 'nothing failed and nothing was unknown'}; exit code {each.night.exit_code}"


def _warnings(each: Status, running: Holder | None, options: ReportOptions) -> list[str]:
    lines = [painted(line, COLOURS[Outcome.FAIL], options) for line in text_lines(not_current(each), options, options.width, whole=True)]
    if running is not None:
        going_on = f"a run has begun and not ended, so it goes on or was killed: {running}"
        lines += [painted(line, COLOURS[Outcome.UNKNOWN], options) for line in text_lines(going_on, options, options.width, whole=True)]
    return lines


def _answer(each: Status, assessment: Assessment | None, options: ReportOptions) -> list[str]:
    if each.night is None:
        return []
    night, code = each.night, {10: Outcome.FAIL, 11: Outcome.UNKNOWN, 0: Outcome.PASS}
    lines = [] if assessment is None else text_lines(caution(assessment), options, options.width)
    colour = COLOURS[code.get(night.exit_code, Outcome.UNKNOWN)]
    lines += [painted(line, colour, options) for line in text_lines(answer(each, assessment), options, options.width, whole=True)]
    who = printable(each.organisation if assessment is None else f"{assessment.estate.name} ({each.organisation})")
    lines += text_lines(f"{who}: {_when(each, night)}; run {night.run}", options, options.width)
    counts = ", ".join(f"{night.count(outcome)} {outcome}" for outcome in _ORDER)
    return [*lines, f"Findings: {counts}"]


def _when(each: Status, night: Night) -> str:
    took = format_duration(max(night.finished - night.started, timedelta(0)))
    ago = f", {format_duration(each.age)} ago" if each.age is not None and not each.ahead else ""
    return f"last night {format_moment(night.started)}{ago}, in {took}"


def _problems(each: Status, options: ReportOptions) -> list[str]:
    failed = [problem for problem in each.problems if problem.outcome is Outcome.FAIL and not problem.waived]
    other = [problem for problem in each.problems if problem.outcome is not Outcome.FAIL or problem.waived]
    shown = list(each.problems) if options.wide else [*failed[:MOST_FAILED], *other[:MOST_OTHER]]
    if not shown:
        return []
    header = ("", "", "about", "since", "what was found")
    rows = [_row(problem, each.now, options) for problem in shown]
    widths = [widest(column) for column in zip(header[:-1], *rows, strict=True)]
    room = max(options.width - sum(widths) - 2 * len(widths), 20)
    cells = [(*row, _said(problem, room, options)) for problem, row in zip(shown, rows, strict=True)]
    lines = list(in_columns(header, [*widths, widest([header[-1], *(row[-1] for row in cells)])], cells))
    lines[2:] = [_coloured(problem, line, options) for problem, line in zip(shown, lines[2:], strict=True)]
    left = len(each.problems) - len(shown)
    return [*lines, *([f"and {left} more; --wide shows all, drcheck report what to do"] if left else [])]


def _row(problem: Problem, now: datetime, options: ReportOptions) -> tuple[str, ...]:
    subject = printable(subject_name(problem.subject))
    since = f"{problem.since:%Y-%m-%d} ({format_duration(max(now - problem.since, timedelta(0))).partition(' ')[0]})"
    return (
        LABELS[problem.outcome],
        "waived" if problem.waived else str(problem.severity),
        subject if options.wide else shorten(subject, _LONGEST_NAME),
        since,
    )


def _said(problem: Problem, room: int, options: ReportOptions) -> str:
    controls = f"{problem.controls[0][0]} {problem.controls[0][1]}" + (f" and {len(problem.controls) - 1} more" if len(problem.controls) > 1 else "")
    said = printable(problem.message or controls)
    if options.wide:
        return f"{said} ({printable(', '.join(f'{policy} {control}' for policy, control in problem.controls))})" if problem.message else said
    return shorten(said, room)


def _coloured(problem: Problem, line: str, options: ReportOptions) -> str:
    label = LABELS[problem.outcome]
    return painted(label, WAIVED_COLOUR if problem.waived else COLOURS[problem.outcome], options) + line[len(label) :]


def _copies(each: Status, assessment: Assessment, options: ReportOptions) -> list[str]:
    rows = copy_rows(assessment)
    if not rows:
        return []
    shown = rows if options.wide else rows[:MOST_COPIES]
    header = ("copy", "newest usable", "age now", "read within its cycle", "oldest reading", "all read by")
    cells = [_copy(row, each.now, options) for row in shown]
    widths = [widest(column) for column in zip(header, *cells, strict=True)]
    left = len(rows) - len(shown)
    return [*in_columns(header, widths, cells), *([f"and {left} more copies; --wide shows all"] if left else [])]


def _copy(row: CopyRow, now: datetime, options: ReportOptions) -> tuple[str, ...]:
    name = printable(row.id)
    fresh = (format_moment(row.newest.time), format_duration(max(now - row.newest.time, timedelta(0)))) if row.newest is not None else ("NONE", "")
    if isinstance(row.points, Unobserved):
        fresh = ("unknown", str(row.points.reason))
    return (name if options.wide else shorten(name, _LONGEST_NAME + 8), *fresh, *_read(row, now))


def _read(row: CopyRow, now: datetime) -> tuple[str, str, str]:
    if isinstance(row.verification, Unobserved):
        return f"unknown: {row.verification.reason}", "", ""
    found = row.verification.value
    bad = f"{found.bad} BAD, " if found.bad else ""
    turn = found.rotation
    if turn is None:
        return f"{bad}{found.objects_read:,} of {found.objects_total:,} objects", f"{found.started:%Y-%m-%d}" if found.objects_read else "", ""
    done = f"{bad}{percent_at_least(found.share_done(now))} of {format_duration(turn.cycle)}" + (f", {turn.left:,} LATE" if turn.left > 0 else "")
    return done, f"{turn.oldest_read:%Y-%m-%d}" if turn.oldest_read else "never", f"{turn.ends:%Y-%m-%d}" if turn.ends else ""


def copies_document(assessment: Assessment, now: datetime) -> list[dict[str, Any]]:
    """Each copy as the last night saw it, with its age now."""
    return [_copy_document(row, now) for row in copy_rows(assessment)]


def _copy_document(row: CopyRow, now: datetime) -> dict[str, Any]:
    newest = row.newest.time if row.newest is not None else None
    found = row.verification.value if isinstance(row.verification, Observed) else None
    turn = found.rotation if found is not None else None
    return {
        "copy": row.id,
        "system": row.place.system,
        "target": row.place.target,
        "offsite": row.place.offsite,
        "newest": None if newest is None else format_moment(newest),
        "age_seconds": None if newest is None else int((now - newest).total_seconds()),
        "points_unobserved": _why(row.points),
        "objects_read": None if found is None else found.objects_read,
        "objects_total": None if found is None else found.objects_total,
        "bad": None if found is None else found.bad,
        "oldest_read": None if turn is None or turn.oldest_read is None else format_moment(turn.oldest_read),
        "cycle_seconds": None if turn is None else int(turn.cycle.total_seconds()),
        "cycle_done": None if turn is None or found is None else percent_at_least(found.share_done(now)),
        "late": None if turn is None else turn.left,
        "all_read_by": None if turn is None or turn.ends is None else format_moment(turn.ends),
        "verification_unobserved": _why(row.verification),
    }


def _why(fact: Observed[Any] | Unobserved) -> dict[str, str] | None:
    return {"reason": fact.reason.value, "detail": fact.detail} if isinstance(fact, Unobserved) else None
