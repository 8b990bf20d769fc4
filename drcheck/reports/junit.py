"""
The report for build servers: JUnit XML, one suite a policy and one case a finding.

There is no schema of this format; it is the common denominator of what Jenkins, GitLab and GitHub's readers take. A case has at most one of
`failure`, `error` and `skipped`: what failed is a failure, what is unknown or crashed an error, what was accepted or is not applicable is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from drcheck.model import EXIT_UNKNOWN, Assessment, Finding, Outcome, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.rows import accepted, worst_first
from drcheck.reports.wording import caution, fact_text, subject_name, waiver_text

NOTHING = "drcheck"
"""The suite that there is only where nothing was judged: an empty file would look like success."""


class _Counted(NamedTuple):
    """A suite or all of them: how many cases, and how many of each kind."""

    tests: int
    failures: int
    errors: int
    skipped: int


def junit(assessment: Assessment, _: ReportOptions) -> str:
    """The findings as JUnit XML. No option leaves anything out: half of it would be half a verdict."""
    suites: dict[str, list[Finding]] = {policy.id: [] for policy in assessment.policies}
    for finding in worst_first(assessment.findings, ()):
        suites.setdefault(finding.policy, []).append(finding)
    versions = {policy.id: policy.version for policy in assessment.policies}
    nothing = assessment.exit_code == EXIT_UNKNOWN and _count(assessment.findings).errors == 0
    total = _count(assessment.findings)
    if nothing:
        total = total._replace(tests=total.tests + 1, errors=1)
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites{_attributes(name=_title(assessment))}{_counts(total)}{_times(assessment)}>",
            *(line for policy, findings in suites.items() for line in _suite(assessment, policy, versions.get(policy, ""), findings)),
            *(_nothing(assessment) if nothing else ()),
            "</testsuites>\n",
        ]
    )


def _title(assessment: Assessment) -> str:
    first = caution(assessment)
    return f"Backups of {assessment.estate.name}" + (f" ({first})" if first else "")


def _count(findings: Iterable[Finding]) -> _Counted:
    kinds = [_kind(finding) for finding in findings]
    return _Counted(len(kinds), kinds.count("failure"), kinds.count("error"), kinds.count("skipped"))


def _kind(finding: Finding) -> str:
    """The element that says how a case ended; empty for one that passed."""
    if accepted(finding.outcome, finding.waiver):
        return "skipped"
    match finding.outcome:
        case Outcome.PASS:
            return ""
        case Outcome.FAIL:
            return "failure"
        case Outcome.NOT_APPLICABLE:
            return "skipped"
        case _:
            return "error"


def _suite(assessment: Assessment, policy: str, version: str, findings: list[Finding]) -> Iterator[str]:
    name = f"{policy} {version}" if version else policy
    yield f"<testsuite{_attributes(name=name)}{_counts(_count(findings))}{_times(assessment)}>"
    yield "<properties>"
    run = assessment.run
    values = {
        "organisation": assessment.estate.organisation,
        "run": run.id,
        "drcheck": run.version,
        "judged_at": run.reference.isoformat(),
        "as_of": "yes" if run.as_of else "no",
        "rehearsal": "yes" if assessment.estate.rehearsal else "no",
    }
    for key, value in values.items():
        yield f"<property{_attributes(name=key, value=value)}/>"
    yield "</properties>"
    for finding in findings:
        yield _case(finding)
    yield "</testsuite>"


def _case(finding: Finding) -> str:
    start = f"<testcase{_attributes(classname=f'{finding.policy}.{finding.control}', name=subject_name(finding.subject))}"
    kind = _kind(finding)
    if not kind:
        return start + "/>"
    message = f"{finding.outcome.upper()}: {finding.message}"
    if finding.waiver is not None and accepted(finding.outcome, finding.waiver):
        message = f"{waiver_text(finding.waiver)}; it is still {message}"
    details = "\n".join(_text(line) for line in _details(finding))
    return f"{start}>\n<{kind}{_attributes(type=finding.outcome, message=message)}>{details}</{kind}>\n</testcase>"


def _details(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity}; judged by {finding.check}" + (f" for {finding.clause}" if finding.clause else "")
    yield f"known by: {finding.assurance or 'not known'}; depth: {finding.depth}"
    for fact in finding.facts:
        yield fact_text(fact)
    if finding.remediation:
        yield f"what to do: {finding.remediation}"


def _nothing(assessment: Assessment) -> Iterator[str]:
    yield f"<testsuite{_attributes(name=NOTHING)}{_counts(_Counted(1, 0, 1, 0))}{_times(assessment)}>"
    yield f"<testcase{_attributes(classname=NOTHING, name='something was judged')}>"
    yield f"<error{_attributes(type=Outcome.UNKNOWN, message='Nothing was judged, so nothing is known.')}/>"
    yield "</testcase>"
    yield "</testsuite>"


def _counts(counted: _Counted) -> str:
    return _attributes(**{name: str(value) for name, value in counted._asdict().items()})


def _times(assessment: Assessment) -> str:
    run = assessment.run
    seconds = max(0.0, (run.finished - run.started).total_seconds())
    return _attributes(time=f"{seconds:.3f}", timestamp=_moment(run.started))


def _moment(moment: datetime) -> str:
    # The readers' schemas know no zone here; it is UTC.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_text(value)}"' for name, value in values.items())


def _text(text: str) -> str:
    """The text as XML 1.0 may hold it: control characters and what is no character become visible escapes first."""
    return escape(printable(text))
