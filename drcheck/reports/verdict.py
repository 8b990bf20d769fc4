"""The answer of an assessment in one line."""

from __future__ import annotations

from drcheck.model import Assessment, Finding, Outcome, SubjectKind, number_of
from drcheck.reports.rows import accepted
from drcheck.reports.wording import waived
from drcheck.reports.wrapping import listed

MOST_PLACES = 4


def verdict(assessment: Assessment) -> str:
    """The answer in a line: whether something failed, how much and where, what else stands in the way, and the exit code."""
    standing = [finding for finding in assessment.findings if not accepted(finding.outcome, finding.waiver)]
    failed, unknown, wrong = (
        [finding for finding in standing if finding.outcome is outcome] for outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR)
    )
    open_ = [f"{number_of(len(unknown), 'finding')} unknown"] if unknown else []
    open_ += [f"{number_of(len(wrong), 'finding')} in error (a bug in drcheck)"] if wrong else []
    excused = waived(assessment)
    also = [f"{excused} waived"] if excused else []
    if failed:
        problems = number_of(len({(finding.check, finding.subject) for finding in failed}), "problem")
        parts = [f"FAIL: {problems} ({number_of(len(failed), 'failed finding')}) in {_places(assessment, failed)}", *open_, *also]
    elif open_:
        parts = [f"UNKNOWN: nothing failed, but {' and '.join(open_)}, in {_places(assessment, unknown + wrong)}", *also]
    elif assessment.exit_code:
        parts = ["UNKNOWN: nothing was judged"]
    else:
        but = f" but for {number_of(excused, 'waived finding')}" if excused else ""
        parts = [f"PASS{but}: nothing {'else ' if excused else ''}failed, and everything {'else ' if excused else ''}was determined"]
    return "; ".join([*parts, f"exit code {assessment.exit_code}"])


def _places(assessment: Assessment, findings: list[Finding]) -> str:
    """The systems, and what else, that findings are about; the first few by name."""
    systems = {f"{copy.system}@{copy.target}": copy.system for copy in assessment.copies}
    names = set()
    for subject in {finding.subject for finding in findings}:
        match subject.kind:
            case SubjectKind.COPY:
                names.add((0, systems.get(subject.id, subject.id)))
            case SubjectKind.SYSTEM:
                names.add((0, subject.id))
            case _:
                names.add((1, f"{subject.kind} {subject.id}"))
    return listed([name for _, name in sorted(names)], MOST_PLACES)
