"""The difference between two nights, for people: as text for a terminal, and as Markdown for a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from drcheck.clock import format_moment
from drcheck.model import Night, Outcome, Severity, Subject, number_of
from drcheck.nights import Diff, Turn, WaiverTurn
from drcheck.nights.diff import Turned, WaiverTurned
from drcheck.reports import ReportOptions
from drcheck.reports.markdown import escape
from drcheck.reports.terminal import COLOURS, painted, text_lines
from drcheck.reports.wording import subject_name, waiver_text
from drcheck.reports.wrapping import listed

MOST = 20
"""Rows that are shown of what stands as it stood, unless all are asked for."""
_TITLES = {
    Turn.BROKE: "New failures",
    Turn.LOST: "Became unknown",
    Turn.STILL: "Still failing",
    Turn.UNSURE: "Still unknown",
    Turn.REMOVED: "No longer judged, and not known to be repaired",
    Turn.FIXED: "Fixed",
    Turn.FOUND: "Became known, and does not fail",
    Turn.EXEMPT: "No longer applicable",
}
"""What is told of findings, in this order; those that are newly judged and well are told by their controls and subjects."""
_COLOURS = {Turn.BROKE: COLOURS[Outcome.FAIL], Turn.LOST: COLOURS[Outcome.UNKNOWN], Turn.FIXED: COLOURS[Outcome.PASS]}
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class _Row:
    """What became of one subject, for however many controls that say it alike."""

    turn: Turn
    subject: Subject
    severity: Severity
    waived: bool
    was: Outcome | None
    since: datetime | None
    message: str
    controls: tuple[str, ...]


def diff_text(found: Diff, options: ReportOptions) -> str:
    """The difference as text: what got worse first."""
    blocks = [_opening(found, options)]
    for turn, title in _TITLES.items():
        rows = _rows(found, turn)
        if rows:
            shown = rows if options.wide or turn is Turn.BROKE else rows[:MOST]
            head = painted(f"{title} ({len(found.of(turn))})", _COLOURS.get(turn, "1"), options)
            lines = [line for row in shown for line in text_lines(_row_words(row), options, options.width, lead="- ")]
            left = len(rows) - len(shown)
            blocks.append([head, *lines, *([f"and {left} more; --wide shows all"] if left else [])])
    waivers = [line for each in found.waivers for line in text_lines(_waiver_words(each), options, options.width, lead="- ")]
    others = [line for text in _others(found) for line in text_lines(text, options, options.width, lead="- ")]
    blocks += [["Waivers", *waivers] if waivers else [], ["Besides", *others] if others else []]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def diff_markdown(found: Diff) -> str:
    """The difference as GitHub-flavoured Markdown, in which no name from outside can be markup."""
    blocks = [[f"# {escape(_title(found))}", "", f"**{escape(_answer(found))}**"]]
    for turn, title in _TITLES.items():
        rows = _rows(found, turn)
        if rows:
            blocks.append([f"## {title} ({len(found.of(turn))})", "", *(f"- {escape(_row_words(row))}" for row in rows)])
    for title, texts in (("Waivers", [_waiver_words(each) for each in found.waivers]), ("Besides", list(_others(found)))):
        if texts:
            blocks.append([f"## {title}", "", *(f"- {escape(text)}" for text in texts)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _opening(found: Diff, options: ReportOptions) -> list[str]:
    colour = COLOURS[Outcome.FAIL if found.worse else Outcome.PASS]
    answer = [painted(line, colour, options) for line in text_lines(_answer(found), options, options.width, whole=True)]
    return [*answer, *text_lines(_title(found), options, options.width)]


def _answer(found: Diff) -> str:
    worse = sum(each.worse for each in found.turned)
    lapsed = sum(each.turn is WaiverTurn.LAPSED for each in found.waivers)
    parts = [number_of(worse, "finding")] if worse else []
    parts += [number_of(lapsed, "waiver that ended", "waivers that ended")] if lapsed else []
    told = [f"{len(found.of(turn))} {words}" for turn, words in _COUNTED if found.of(turn)]
    besides = f"; {', '.join(told)}" if told else ""
    return (f"WORSE by {' and '.join(parts)}" if parts else "nothing got worse") + besides


_COUNTED = (
    (Turn.BROKE, "new failures"),
    (Turn.LOST, "became unknown"),
    (Turn.FIXED, "fixed"),
    (Turn.FOUND, "became known"),
    (Turn.STILL, "still failing"),
    (Turn.UNSURE, "still unknown"),
)


def _title(found: Diff) -> str:
    between = f", {number_of(found.between, 'night')} between" if found.between else ""
    return f"{found.after.organisation}: from {_night(found.before)} to {_night(found.after)}{between}"


def _night(night: Night) -> str:
    return f"{format_moment(night.reference)} ({night.run})"


def _rows(found: Diff, turn: Turn) -> list[_Row]:
    groups: dict[object, list[Turned]] = {}
    for each in found.of(turn):
        if turn is Turn.REMOVED and each.before is not None and each.before.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            continue  # told with its control or subject
        standing = each.after or each.before
        was = None if each.before is None else each.before.outcome
        alike = None if standing is None else (standing.waived, standing.message or standing.since)
        groups.setdefault((each.key[2], was, alike), []).append(each)
    rows = [_row(group) for group in groups.values()]
    return sorted(rows, key=lambda row: (row.waived, _SEVERITIES.index(row.severity), row.subject.kind, row.subject.id, row.message))


def _row(group: Sequence[Turned]) -> _Row:
    first = group[0]
    standings = [standing for each in group if (standing := each.after or each.before) is not None]
    if first.turn in (Turn.FIXED, Turn.FOUND, Turn.EXEMPT):
        # How long it had been as it was: that is what is over now.
        since = min((each.before.since for each in group if each.before is not None), default=None)
    else:
        since = min((standing.since for standing in standings), default=None)
    return _Row(
        turn=first.turn,
        subject=first.key[2],
        severity=min((each.severity for each in group), key=_SEVERITIES.index),
        waived=standings[0].waived,
        was=None if first.before is None else first.before.outcome,
        since=since,
        message=standings[0].message,
        controls=tuple(f"{policy} {control}" for policy, control, _ in (each.key for each in group)),
    )


def _row_words(row: _Row) -> str:
    waived = ", waived" if row.waived else ""
    said = f": {row.message}" if row.message else ""
    return f"{row.severity}{waived}, {subject_name(row.subject)}{said}; {_how(row)} ({listed(row.controls, 3)})"


def _how(row: _Row) -> str:
    day = "" if row.since is None else format_moment(row.since)
    match row.turn:
        case Turn.STILL | Turn.UNSURE:
            return f"since {day}"
        case Turn.FIXED | Turn.FOUND | Turn.EXEMPT | Turn.REMOVED:
            return f"was {row.was} since {day}"
        case _:
            return "was not judged" if row.was is None else f"was {row.was}"


def _waiver_words(each: WaiverTurned) -> str:
    policy, control, subject = each.key
    now, was = (None if waiver is None else waiver_text(waiver) for waiver in (each.after, each.before))
    words = {
        WaiverTurn.LAPSED: f"no longer waived, and still {each.outcome}" + (f"; it was {was}" if was else ""),
        WaiverTurn.ACCEPTED: f"{now or 'waived'}; it is {each.outcome}",
        WaiverTurn.CHANGED: f"{now or 'waived'}; it was {was or 'waived before'}",
    }
    return f"{each.severity}, {subject_name(subject)}: {words[each.turn]} ({policy} {control})"


def _others(found: Diff) -> Iterator[str]:
    pairs: tuple[tuple[str, Sequence[str]], ...] = (
        ("new controls", [f"{policy} {control}" for policy, control in found.added_controls]),
        ("controls that are gone", [f"{policy} {control}" for policy, control in found.removed_controls]),
        ("new subjects", [subject_name(subject) for subject in found.added_subjects]),
        ("subjects that are gone", [subject_name(subject) for subject in found.removed_subjects]),
    )
    for what, names in pairs:
        if names:
            yield f"{what}: {listed(names, MOST)}"
    yield from found.notes
