"""The report for a terminal: what is wrong and what to do first, then the copies, what did not answer, and by what was judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import SEPARATING_LINE, tabulate

from drcheck.model import Assessment, Outcome, Unobserved, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.rows import CopyRow, FindingRow, copy_rows, finding_rows, silent_targets
from drcheck.reports.wording import (
    asked_by,
    caution,
    closing,
    control_text,
    counts,
    fact_text,
    freshness,
    heading,
    issuer_choices,
    known_by,
    own_choices,
    point_count,
    policy_lines,
    subject_name,
    verified,
    waiver_text,
    where,
)
from drcheck.reports.wrapping import columns, shorten, shorten_words, wrap

LONGEST_WORD = 64
LONGEST_TEXT = 600
_NARROWEST_TEXT = 30
_RESULT_WIDTH = 8
_KNOWN_WIDTH = 10
_COPIES_SIDE_BY_SIDE = 100
_LABELS = {Outcome.FAIL: "FAIL", Outcome.ERROR: "ERROR", Outcome.UNKNOWN: "UNKNOWN", Outcome.PASS: "pass", Outcome.NOT_APPLICABLE: "n/a"}
_COLOURS = {Outcome.FAIL: "1;31", Outcome.ERROR: "1;35", Outcome.UNKNOWN: "1;33", Outcome.PASS: "32", Outcome.NOT_APPLICABLE: "2"}
_WAIVED_COLOUR = "36"


def table(assessment: Assessment, options: ReportOptions) -> str:
    """The assessment as text for a terminal. Names from outside are made printable and, unless `wide`, shortened in the middle."""
    blocks = [
        _opening(assessment, options),
        _findings(assessment, options),
        _copies(assessment, options),
        _silent(assessment, options),
        _policies(assessment, options),
        _notes(assessment, options),
        [_painted(line, "1", options) for line in wrap(printable(closing(assessment)), options.width)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _opening(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = [_painted(line, "1;33", options) for line in _text(caution(assessment), options, options.width)]
    for line in heading(assessment):
        lines += _text(line, options, options.width)
    return lines


def _findings(assessment: Assessment, options: ReportOptions) -> list[str]:
    if not assessment.findings:
        return ["Nothing was judged."]
    shown = f"; shown here: {', '.join(sorted(options.only))}" if options.only else ""
    lines = wrap(f"Findings: {counts(assessment)}{shown}", options.width)
    rows = finding_rows(assessment.findings, options.only)
    hidden = 0
    if not options.wide and Outcome.NOT_APPLICABLE not in options.only:
        hidden = sum(len(row.asked_by) for row in rows if row.outcome is Outcome.NOT_APPLICABLE)
        rows = [row for row in rows if row.outcome is not Outcome.NOT_APPLICABLE]
    if rows:
        lines += ["", *_finding_table(rows, options)]
    if hidden:
        lines += ["", f"{hidden} more {'is' if hidden == 1 else 'are'} not applicable; --wide shows them."]
    return lines


def _finding_table(rows: list[FindingRow], options: ReportOptions) -> Iterator[str]:
    longest = max(columns(printable(subject_name(row.subject))) for row in rows)
    subject_width = min(longest, max(options.width // 4, 12))
    text_width = max(options.width - _RESULT_WIDTH - subject_width - _KNOWN_WIDTH - 6, _NARROWEST_TEXT)
    widths = (_RESULT_WIDTH, subject_width, _KNOWN_WIDTH, text_width)
    cells: list[list[str] | str] = []
    previous: FindingRow | None = None
    for row in rows:
        if previous is not None and not (_brief(row, options) and _brief(previous, options)):
            cells.append(SEPARATING_LINE)
        name = _copy_name(subject_name(row.subject), subject_width, options)
        texts = (_result(row, options), name, known_by(row.assurance, row.depth), _finding_text(row, text_width, options))
        cells.append(["\n".join(lines) for lines in texts])
        previous = row
    return _columns(("result", "about", "known by", "finding"), widths, cells)


def _brief(row: FindingRow, options: ReportOptions) -> bool:
    return row.outcome is Outcome.PASS and not options.wide


def _result(row: FindingRow, options: ReportOptions) -> list[str]:
    lines = [_LABELS[row.outcome]]
    if options.wide or row.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        lines.append(str(row.severity))
    if row.waived:
        lines.append("waived")
    return [_painted(line, _WAIVED_COLOUR if row.waived else _COLOURS[row.outcome], options) for line in lines]


def _copy_name(name: str, width: int, options: ReportOptions) -> list[str]:
    """A name in lines of `width` columns; a copy's is parted before its target."""
    safe = printable(name)
    if columns(safe) <= width:
        return [safe]
    system, at, target = safe.rpartition("@")
    parts = [system, at + target] if at else [safe]
    return [line for part in parts for line in (wrap(part, width) if options.wide else [shorten(part, width)])]


def _finding_text(row: FindingRow, width: int, options: ReportOptions) -> Iterator[str]:
    yield from _text(row.message, options, width)
    if row.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE) and row.remediation:
        yield from _text(row.remediation, options, width, lead="→ ")
    if row.waiver is not None:
        yield from _text(waiver_text(row.waiver), options, width, lead="  ")
    if options.wide:
        for fact in row.facts:
            yield from _text(fact_text(fact), options, width, lead="· ")
    controls = f"{row.check}, for {'; '.join(asked_by(row))}"
    if _brief(row, options):
        yield shorten(printable(controls), width)
    else:
        yield from _text(controls, options, width, lead="  ")


def _copies(assessment: Assessment, options: ReportOptions) -> list[str]:
    rows = copy_rows(assessment)
    if not rows:
        return []
    name_width = max(options.width // 4, 12)
    header = ["copy", "site", "newest usable", "usable points", "read and compared"]
    cells = [
        [
            "\n".join(_copy_name(f"{row.place.system}@{row.place.target}", name_width, options)),
            "\n".join(_name(part, name_width, options) for part in where(row)),
            "\n".join(freshness(row)),
            "\n".join(point_count(row)),
            "\n".join(verified(row)),
        ]
        for row in rows
    ]
    if options.width < _COPIES_SIDE_BY_SIDE:
        header = ["copy, site", *header[2:]]
        cells = [[f"{name}\n{site}", *others] for name, site, *others in cells]
    widths = [_widest(column) for column in zip(header, *cells, strict=True)]
    lines = ["Copies", "", *_columns(header, widths, cells)]
    if options.wide:
        lines += [line for row in rows for reason in _why_unknown(row) for line in _text(reason, options, options.width)]
    return lines


def _why_unknown(row: CopyRow) -> Iterator[str]:
    name = f"{row.place.system}@{row.place.target}"
    if isinstance(row.points, Unobserved):
        yield f"{name}: recovery points not known, {row.points}"
    if isinstance(row.verification, Unobserved):
        yield f"{name}: not read, {row.verification}"
    elif row.verification.value.stopped is not None:
        yield f"{name}: reading stopped early, {row.verification.value.stopped}"


def _silent(assessment: Assessment, options: ReportOptions) -> list[str]:
    silent = silent_targets(assessment)
    if not silent:
        return []
    lines = ["Targets that did not answer"]
    for target in silent:
        place = target.place
        lines += _text(f"{place.target} ({place.connector}, {place.address}, at {place.site}): {target.why}", options, options.width, lead="- ")
    return lines


def _policies(assessment: Assessment, options: ReportOptions) -> list[str]:
    if not assessment.policies:
        return []
    lines = ["Judged by"]
    for policy in assessment.policies:
        first, document = policy_lines(policy)
        lines += _text(first, options, options.width, lead="- ")
        lines += _text(document, options, options.width, lead="  ", whole=True)
        for title, choices in (
            ("drcheck's or the estate's own choice: ", own_choices(policy)),
            ("the document's: ", issuer_choices(policy) if options.wide else []),
        ):
            if choices:
                lines += _text(title + "; ".join(choices), options, options.width, lead="  ", whole=True)
        if options.wide:
            for control in policy.controls:
                lines += _text(control_text(control), options, options.width, lead="  · ")
    return lines


def _notes(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = [line for note in assessment.notes for line in _text(note, options, options.width, lead="- ")]
    return ["Notes", *lines] if lines else []


def _text(text: str, options: ReportOptions, width: int, lead: str = "", whole: bool = False) -> list[str]:
    """Text from outside in lines of `width` columns, the first after `lead` and the others indented as far; shortened unless `wide` or `whole`."""
    safe = printable(text)
    if not (options.wide or whole):
        safe = shorten(shorten_words(safe, LONGEST_WORD), LONGEST_TEXT)
    lines = wrap(safe, width - columns(lead))
    return [(" " * columns(lead) if index else lead) + line for index, line in enumerate(lines)]


def _name(name: str, width: int, options: ReportOptions) -> str:
    safe = printable(name)
    return safe if options.wide else shorten(safe, width)


def _columns(header: Sequence[str], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """
    The cells in columns below an underlined header.

    Header and underline are rows like the others, so that a column's width does not depend on whether tabulate finds wcwidth on this machine.
    """
    rows = [list(header), ["-" * width for width in widths], *cells]
    for line in tabulate(rows, tablefmt="plain", disable_numparse=True).splitlines():
        yield line.rstrip()


def _widest(cells: Iterable[str]) -> int:
    return max(columns(line) for cell in cells for line in cell.split("\n"))


def _painted(text: str, code: str, options: ReportOptions) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if options.colour else text
