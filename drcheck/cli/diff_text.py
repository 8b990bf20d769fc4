"""The difference between two nights, for people: as text for a terminal, and as Markdown for a ticket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from drcheck.clock import format_moment
from drcheck.model import Night, Outcome, Severity, Subject, number_of
from drcheck.nights import Diff, Gone, Lack, Turn, WaiverTurn
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
_LACKS = list(Lack)


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
        rows, reasons = _rows(found, turn), _reasons(found, turn, everything=options.wide)
        if rows or reasons:
            shown = rows if options.wide or turn is Turn.BROKE else rows[:MOST]
            head = painted(f"{title} ({_count(found, turn)})", _COLOURS.get(turn, "1"), options)
            lines = [line for words in (*reasons, *map(_row_words, shown)) for line in text_lines(words, options, options.width, lead="- ")]
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
        words = [*_reasons(found, turn, everything=True), *map(_row_words, _rows(found, turn))]
        if words:
            blocks.append([f"## {title} ({_count(found, turn)})", "", *(f"- {escape(each)}" for each in words)])
    for title, texts in (("Waivers", [_waiver_words(each) for each in found.waivers]), ("Besides", list(_others(found)))):
        if texts:
            blocks.append([f"## {title}", "", *(f"- {escape(text)}" for text in texts)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _opening(found: Diff, options: ReportOptions) -> list[str]:
    colour = COLOURS[Outcome.FAIL if found.worse else Outcome.UNKNOWN if found.unsure else Outcome.PASS]
    answer = [painted(line, colour, options) for line in text_lines(_answer(found), options, options.width, whole=True)]
    return [*answer, *text_lines(_title(found), options, options.width)]


def _answer(found: Diff) -> str:
    worse = sum(each.worse for each in found.turned)
    lapsed = sum(each.turn is WaiverTurn.LAPSED for each in found.waivers)
    parts = [number_of(worse, "finding")] if worse else []
    parts += [number_of(lapsed, "waiver that ended", "waivers that ended")] if lapsed else []
    counts = {turn: len(found.of(turn)) for turn in Turn}
    if not parts:
        counts[Turn.LOST] -= len(found.lost)  # which are told by themselves
    told = [number_of(counts[turn], one, several) for turn, one, several in _COUNTED if counts[turn]]
    gone = number_of(len(found.unjudged), "finding is no longer judged", "findings are no longer judged") if found.unjudged else ""
    if parts:
        return "; ".join([f"WORSE by {' and '.join(parts)}", *([gone] if gone else []), *([", ".join(told)] if told else [])])
    lost = number_of(len(found.lost), "finding became unknown", "findings became unknown") if found.lost else ""
    less = " and ".join(each for each in (lost, gone) if each)
    good = f"NOT ALL KNOWN: nothing is known to be worse, and {less}" if less else "nothing got worse"
    return "; ".join([good, *([", ".join(told)] if told else [])])


_COUNTED = (
    (Turn.BROKE, "new failure", "new failures"),
    (Turn.LOST, "became unknown", "became unknown"),
    (Turn.FIXED, "fixed", "fixed"),
    (Turn.FOUND, "became known", "became known"),
    (Turn.STILL, "still failing", "still failing"),
    (Turn.UNSURE, "still unknown", "still unknown"),
)


def _title(found: Diff) -> str:
    between = f", {number_of(found.between, 'night')} between" if found.between else ""
    return f"{found.after.organisation}: from {_night(found.before)} to {_night(found.after)}{between}"


def _night(night: Night) -> str:
    return f"{format_moment(night.reference)} ({night.run})"


def _count(found: Diff, turn: Turn) -> int:
    return len(found.unjudged if turn is Turn.REMOVED else found.of(turn))


def _reasons(found: Diff, turn: Turn, *, everything: bool) -> list[str]:
    """What is not judged any more, however it stood, by why: a line each, with the names of the controls and of what they were asked of."""
    if turn is not Turn.REMOVED:
        return []
    groups: dict[Gone, list[Turned]] = {}
    for each in found.unjudged:
        if each.gone is not None:
            groups.setdefault(each.gone, []).append(each)
    return [
        _reason(gone, groups[gone], None if everything else MOST) for gone in sorted(groups, key=lambda gone: (_LACKS.index(gone.lack), gone.what))
    ]


def _reason(gone: Gone, group: Sequence[Turned], most: int | None) -> str:
    stood = Counter(each.before.outcome for each in group if each.before is not None)
    controls = sorted({f"{policy} {control}" for policy, control, _ in (each.key for each in group)})
    subjects = sorted({subject_name(each.key[2]) for each in group})
    were = ", ".join(f"{count} {outcome}" for outcome in Outcome if (count := stood[outcome]))
    names = "; ".join(listed(names, len(names) if most is None else most) for names in (controls, subjects))
    return f"{gone}: {number_of(len(group), 'finding')}, before {were} ({names})"


def _rows(found: Diff, turn: Turn) -> list[_Row]:
    groups: dict[object, list[Turned]] = {}
    for each in found.of(turn):
        if turn is Turn.REMOVED and each.before is not None and each.before.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            continue  # told with why it is gone, or as a control or subject that is
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
