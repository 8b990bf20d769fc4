"""
The report for Nagios, Icinga, Checkmk and their like: a status line with performance data, then lines of detail (Monitoring Plugins Development
Guidelines, monitoring-plugins.org/doc/guidelines.html).

It is a contract of its own: the state that it tells is the exit code too, 0 to 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum

from drcheck.model import Assessment, Finding, Observed, Outcome, Severity, number_of, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.merged import MergedRow, merged_rows, subjects_name
from drcheck.reports.rows import accepted, copy_rows
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import caution

LONGEST = 4000
"""Bytes of the whole output. NRPE cuts at 4,096 by default."""
LONGEST_LINE = 400
"""Bytes of one line."""
_HARMLESS = str.maketrans(dict.fromkeys("|<>`$&", "?") | {";": ",", "\\": "/", "'": "\u2019", '"': "\u201d"})
"""
What becomes of marks that are more than text to somebody: the bar begins the performance data, semicolons part the fields of NSCA, backslashes are
escapes, and the others are markup to a page, or to the shell into which notification commands put the output.
"""


class State(IntEnum):
    """What a plugin says, which is its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def nagios(assessment: Assessment, _: ReportOptions) -> str:
    """The assessment as the output of a plugin: at most about 4 KB; what does not fit is counted."""
    answer = verdict(assessment).rpartition("; exit code ")[0]
    for word in ("FAIL: ", "UNKNOWN: ", "PASS: "):
        # The state says it, in a word of its own.
        answer = answer.removeprefix(word)
    state, first = nagios_state(assessment), caution(assessment)
    # Whatever has to be cut, it is not that this is of another moment or of no real places.
    told = f" ({first})" if first else ""
    summary = _fitted(_line(answer), LONGEST_LINE - len(f"DRCHECK {state.name} - {told}".encode())) + told
    return output(state, summary, perfdata(assessment), _details(assessment))


def nagios_state(assessment: Assessment) -> State:
    """
    CRITICAL where a finding of critical or high severity fails; else UNKNOWN where anything is unknown or in error, or nothing was judged; else
    WARNING where anything fails; else OK. What was waived is told and raises nothing.

    Unknown outweighs a warning, for what could not be seen may be critical.
    """
    standing = [finding for finding in assessment.findings if not accepted(finding.outcome, finding.waiver)]
    failed = {finding.severity for finding in standing if finding.outcome is Outcome.FAIL}
    if failed & {Severity.CRITICAL, Severity.HIGH}:
        return State.CRITICAL
    if any(finding.outcome in (Outcome.UNKNOWN, Outcome.ERROR) for finding in standing):
        return State.UNKNOWN
    if failed:
        return State.WARNING
    return State.UNKNOWN if assessment.exit_code else State.OK


def output(state: State, summary: str, measures: str = "", details: Iterable[str] = ()) -> str:
    """A plugin's output: the status line with its performance data, then as many of the lines of detail as fit."""
    first = _fitted(f"DRCHECK {state.name} - {_line(summary)}", LONGEST_LINE) + (f" | {measures}" if measures else "")
    lines, left, dropped = [first], LONGEST - len(first.encode()) - 80, 0
    for detail in details:
        line = _fitted(_line(detail), LONGEST_LINE)
        left -= len(line.encode()) + 1
        if left < 0 or dropped:
            dropped += 1
        else:
            lines.append(line)
    if dropped:
        lines.append(f"and {number_of(dropped, 'more line')}; the whole is in the other reports")
    return "\n".join(lines) + "\n"


def perfdata(assessment: Assessment) -> str:
    """The same few measures every night: counts of findings, the age of the oldest copy, and what reading took. `U` is not known."""
    standing = [finding for finding in assessment.findings if not accepted(finding.outcome, finding.waiver)]
    total = len(assessment.findings)
    measures = [f"{outcome.replace('-', '_')}={count};;;0;{total}" for outcome, count in assessment.counts().items()]
    measures.append(f"waived={total - len(standing)};;;0;{total}")
    measures += [f"fail_{severity}={_failed(standing, severity)};{_threshold(severity)};0;{total}" for severity in Severity]
    rows = copy_rows(assessment)
    ages = [int(row.age.total_seconds()) if row.age is not None else None for row in rows]
    measures.append(f"oldest_copy={_worst(ages)}s;;;0;" if _worst(ages) != "U" else "oldest_copy=U")
    read = [row.verification.value.bytes_read for row in rows if isinstance(row.verification, Observed)]
    measures.append(f"read={sum(read)}B;;;0;")
    seconds = max(0.0, (assessment.run.finished - assessment.run.started).total_seconds())
    measures.append(f"time={seconds:.3f}s;;;0;")
    return " ".join(measures)


def _failed(standing: list[Finding], severity: Severity) -> int:
    return sum(finding.outcome is Outcome.FAIL and finding.severity is severity for finding in standing)


def _threshold(severity: Severity) -> str:
    """Any failure alerts: as critical, or as a warning."""
    return ";0" if severity in (Severity.CRITICAL, Severity.HIGH) else "0;"


def _worst(ages: list[int | None]) -> str:
    known = [max(0, age) for age in ages if age is not None]
    # The oldest of some would look like the oldest of all.
    return str(max(known)) if known and len(known) == len(ages) else "U"


def _details(assessment: Assessment) -> Iterator[str]:
    for row in merged_rows(assessment.findings, ()):
        yield _row_line(row)
    for note in assessment.notes:
        yield f"note: {note}"


def _row_line(row: MergedRow) -> str:
    answers = [answer.message for answer in row.answers if answer.message]
    said = "; ".join(part for part in (row.message, *answers[:1]) if part)
    waived = f" [{row.waiver}]" if row.waiver else ""
    return f"* {row.outcome.upper()} {row.severity}: {subjects_name(row, str)}: {row.check}: {said}{waived}"


def _line(text: str) -> str:
    """The text as one line that is nothing but text to a monitoring system."""
    return printable(text).translate(_HARMLESS)


def _fitted(line: str, most: int) -> str:
    """The line in at most so many bytes of UTF-8."""
    encoded = line.encode()
    return line if len(encoded) <= most else encoded[: most - 3].decode(errors="ignore") + "..."
