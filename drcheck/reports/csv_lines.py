"""The report for a spreadsheet: one line a finding, worst first (RFC 4180), in which no cell is a formula, whatever the cells are parted by."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from drcheck.clock import format_moment
from drcheck.model import Assessment, Finding, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.rows import worst_first
from drcheck.reports.wording import fact_text

HEADER = (
    "judged_at",
    "as_of",
    "rehearsal",
    "run",
    "organisation",
    "policy",
    "policy_version",
    "control",
    "clause",
    "check",
    "subject_kind",
    "subject",
    "outcome",
    "severity",
    "assurance",
    "depth",
    "message",
    "remediation",
    "waived_by",
    "waived_until",
    "waived_because",
    "facts",
)
_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")
_PARTED = re.compile(rf"(;[\s\"]*)(?=[{re.escape(''.join(_FORMULA))}])")
"""What a cell of its own would begin after, to a spreadsheet whose language parts cells by semicolons."""


def csv_lines(assessment: Assessment, options: ReportOptions) -> str:
    """The findings as comma-separated values with a header line. Nothing is shortened; `only` is honoured."""
    text = io.StringIO()
    # RFC 4180 ends lines so, and readers of every system accept it. All is quoted, for some programs part cells by commas and by semicolons at once.
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    versions = {policy.id: policy.version for policy in assessment.policies}
    for finding in worst_first(assessment.findings, options.only):
        writer.writerow([cell(value) for value in _values(assessment, finding, versions.get(finding.policy, ""))])
    return text.getvalue()


def cell(text: str) -> str:
    """
    The text as a cell that a spreadsheet shows and never calculates: printable, and with an apostrophe where it begins like a formula, or goes on
    like one after a semicolon: where the decimal sign is a comma, Excel parts cells there, even inside quotation marks.

    Tabs, carriage returns and line feeds, which some programs skip before they look for a formula, are visible escapes by then.
    """
    safe = _PARTED.sub(r"\1'", printable(text))
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe


def _values(assessment: Assessment, finding: Finding, policy_version: str) -> Iterator[str]:
    run, waiver = assessment.run, finding.waiver
    yield format_moment(run.reference)
    yield "yes" if run.as_of else "no"
    yield "yes" if assessment.estate.rehearsal else "no"
    yield run.id
    yield assessment.estate.organisation
    yield finding.policy
    yield policy_version
    yield finding.control
    yield finding.clause
    yield finding.check
    yield finding.subject.kind
    yield finding.subject.id
    yield finding.outcome
    yield finding.severity
    yield finding.assurance or ""
    yield finding.depth
    yield finding.message
    yield finding.remediation
    yield waiver.owner if waiver else ""
    yield waiver.until.isoformat() if waiver else ""
    yield waiver.reason if waiver else ""
    yield "; ".join(map(fact_text, finding.facts))
