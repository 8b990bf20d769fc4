"""The report for a spreadsheet: one line a finding, worst first (RFC 4180), in which no cell is a formula."""

from __future__ import annotations

import csv
import io
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


def csv_lines(assessment: Assessment, options: ReportOptions) -> str:
    """The findings as comma-separated values with a header line. Nothing is shortened; `only` is honoured."""
    text = io.StringIO()
    # RFC 4180 ends lines so, and readers of every system accept it.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    versions = {policy.id: policy.version for policy in assessment.policies}
    for finding in worst_first(assessment.findings, options.only):
        writer.writerow([cell(value) for value in _values(assessment, finding, versions.get(finding.policy, ""))])
    return text.getvalue()


def cell(text: str) -> str:
    """
    The text as a cell that a spreadsheet shows and never calculates: printable, and after an apostrophe where it begins like a formula.

    Tabs, carriage returns and line feeds, which some programs skip before they look for a formula, are visible escapes by then.
    """
    safe = printable(text)
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
