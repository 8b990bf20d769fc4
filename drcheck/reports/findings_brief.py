"""The findings in a terminal for a reader with little time: what is wrong, told once for all that it concerns, and a line for each check passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, zip_longest

from drcheck.model import Assessment, Outcome, number_of
from drcheck.reports.base import ReportOptions
from drcheck.reports.merged import Answer, MergedRow, PassedRow, merged_rows, passed_name, passed_rows, subjects_counted, subjects_name
from drcheck.reports.terminal import BOLD, COLOURS, DIM, LABELS, LONGEST_TEXT, WAIVED_COLOUR, name_text, painted, text_lines
from drcheck.reports.wording import known_by
from drcheck.reports.wrapping import columns, named

LONGEST_NAME = 48
_LABEL_WIDTH = 10
_NARROWEST_TEXT = 30
_ALIGNED = 100
"""Columns below which the names of checks that passed take no more room than they need."""


def findings_brief(assessment: Assessment, options: ReportOptions) -> list[str]:
    """What is no pass, worst first; then a line for each check that passed, and how many findings are not applicable."""
    blocks = []
    advised: set[str] = set()
    for _, rows in groupby(merged_rows(assessment.findings, options.only), key=_together):
        block = list(rows)
        advice = block[0].remediation if block[0].remediation not in advised else ""
        advised.add(advice)
        blocks.append(list(_block(block, advice, options)))
    hidden = assessment.counts()[Outcome.NOT_APPLICABLE]
    good = list(_passed(passed_rows(assessment.findings), options)) if not options.only or Outcome.PASS in options.only else []
    if hidden and not options.only:
        good.append(_label(Outcome.NOT_APPLICABLE, options) + f"{number_of(hidden, 'finding')}; --wide shows {'it' if hidden == 1 else 'them'}")
    blocks.append(good)
    lines = [line for block in blocks if block for line in ("", *block)]
    return lines[1:]


def _together(row: MergedRow) -> object:
    """What rows have alike that are told in one block."""
    return row.outcome, row.severity, row.check, row.remediation, row.waiver


def _block(rows: Sequence[MergedRow], advice: str, options: ReportOptions) -> Iterator[str]:
    """Rows of one check, outcome and severity, beside their label."""
    first = rows[0]
    code = WAIVED_COLOUR if first.waiver else COLOURS[first.outcome]
    labels = [LABELS[first.outcome], str(first.severity), *(["waived"] if first.waiver else [])]
    for label, line in zip_longest(labels, _block_text(rows, advice, options), fillvalue=""):
        yield ((painted(label, code, options) if label else "") + " " * (_LABEL_WIDTH - len(label)) + line).rstrip()


def _block_text(rows: Sequence[MergedRow], advice: str, options: ReportOptions) -> Iterator[str]:
    width = max(options.width - _LABEL_WIDTH, _NARROWEST_TEXT)
    everybody = replace(rows[0], subjects=tuple(subject for row in rows for subject in row.subjects))
    known = dict.fromkeys(", ".join(known_by(row.assurance, row.depth)) for row in rows if row.assurance is not None)
    title = " · ".join([_subjects(everybody, options) if len(rows) == 1 else subjects_counted(everybody), everybody.check, *known])
    for line in text_lines(title, options, width, whole=True):
        yield painted(line, BOLD, options)
    alike = all(row.answers == rows[0].answers for row in rows)
    for row in rows:
        if len(rows) > 1:
            yield from text_lines(f"{_subjects(row, options, kind=False)}: {row.message}", options, width, "- ")
        else:
            yield from text_lines(row.message, options, width)
        if not alike:
            yield from _answers(row.answers, options, width, "  ")
    if alike and any(answer.message for answer in rows[0].answers):
        yield from _answers(rows[0].answers, options, width, "")
    yield from text_lines(advice, options, width, "→ ")
    if alike and not any(answer.message for answer in rows[0].answers):
        yield from _answers(rows[0].answers, options, width, "")
    yield from text_lines(rows[0].waiver, options, width)


def _answers(answers: Sequence[Answer], options: ReportOptions, width: int, lead: str) -> Iterator[str]:
    for answer in answers:
        said = name_text(answer.message, LONGEST_TEXT, options) or "asked by"
        lines = text_lines(f"{said}: {', '.join(answer.controls)}", options, width, lead + ("- " if answer.message else ""), whole=True)
        yield from lines if answer.message else (painted(line, DIM, options) for line in lines)


def _subjects(row: MergedRow, options: ReportOptions, *, kind: bool = True) -> str:
    return subjects_name(row, lambda name: name_text(name, LONGEST_NAME, options), kind=kind)


def _passed(rows: Sequence[PassedRow], options: ReportOptions) -> Iterator[str]:
    narrow = options.width < _ALIGNED
    check_width = 0 if narrow else max((columns(name_text(row.check, LONGEST_NAME, options)) for row in rows), default=0)
    for row in rows:
        check = name_text(row.check, LONGEST_NAME, options)
        lead = " " * _LABEL_WIDTH + check + " " * (max(check_width - columns(check), 0) + 2)
        known = f" · {', '.join(known_by(row.assurance, row.depth))}"
        room = max(options.width - columns(lead) - columns(known), _NARROWEST_TEXT)
        names = named([name_text(passed_name(one), LONGEST_NAME, options) for one in row.subjects], room)
        first, *others = text_lines(names + known, options, max(options.width, columns(lead) + _NARROWEST_TEXT), lead, whole=True)
        yield _label(Outcome.PASS, options) + first[_LABEL_WIDTH:]
        yield from others


def _label(outcome: Outcome, options: ReportOptions) -> str:
    label = LABELS[outcome]
    return painted(label, COLOURS[outcome], options) + " " * (_LABEL_WIDTH - len(label))
