"""The findings in a terminal with nothing left out: a table with every answer, its facts and every control that asked."""

from __future__ import annotations

from collections.abc import Iterator

from drcheck.model import Assessment, Outcome, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.rows import FindingRow, finding_rows
from drcheck.reports.terminal import COLOURS, LABELS, LINE, WAIVED_COLOUR, copy_name, in_columns, painted, text_lines
from drcheck.reports.wording import asked_by, fact_text, known_by, subject_name, waiver_text
from drcheck.reports.wrapping import columns

_NARROWEST_TEXT = 30
_RESULT_WIDTH = 8
_KNOWN_WIDTH = 10


def findings_wide(assessment: Assessment, options: ReportOptions) -> list[str]:
    """Every finding, worst first; those of several controls that are the same in every word and fact are one row."""
    rows = finding_rows(assessment.findings, options.only)
    if not rows:
        return []
    longest = max(columns(printable(subject_name(row.subject))) for row in rows)
    subject_width = min(longest, max(options.width // 4, 12))
    text_width = max(options.width - _RESULT_WIDTH - subject_width - _KNOWN_WIDTH - 6, _NARROWEST_TEXT)
    cells: list[list[str] | str] = []
    for row in rows:
        if cells:
            cells.append(LINE)
        name = copy_name(subject_name(row.subject), subject_width, options)
        texts = (_result(row, options), name, known_by(row.assurance, row.depth), _text(row, text_width, options))
        cells.append(["\n".join(lines) for lines in texts])
    return list(in_columns(("result", "about", "known by", "finding"), (_RESULT_WIDTH, subject_width, _KNOWN_WIDTH, text_width), cells))


def _result(row: FindingRow, options: ReportOptions) -> list[str]:
    lines = [LABELS[row.outcome], str(row.severity), *(["waived"] if row.waived else [])]
    return [painted(line, WAIVED_COLOUR if row.waived else COLOURS[row.outcome], options) for line in lines]


def _text(row: FindingRow, width: int, options: ReportOptions) -> Iterator[str]:
    yield from text_lines(row.message, options, width)
    if row.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE) and row.remediation:
        yield from text_lines(row.remediation, options, width, lead="→ ")
    if row.waiver is not None:
        yield from text_lines(waiver_text(row.waiver), options, width, lead="  ")
    for fact in row.facts:
        yield from text_lines(fact_text(fact), options, width, lead="· ")
    yield from text_lines(f"{row.check}, for {'; '.join(asked_by(row))}", options, width, lead="  ")
