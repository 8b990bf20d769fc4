"""Coverage: every system has a backup at all."""

from __future__ import annotations

from drcheck.checks.base import TO_SEE, Case, Check, Verdict
from drcheck.checks.counting import held, verdict
from drcheck.checks.seen import SystemCopies
from drcheck.model import Outcome, Severity, SubjectKind


def _judge(case: Case) -> Verdict:
    seen = case.fact("copies", SystemCopies)
    if not seen.value.copies:
        return Verdict(Outcome.FAIL, "no copy is declared: nothing of this system would survive the loss of production")
    return verdict(
        [held(copy, case.now) for copy in seen.value.copies], 1, "copy holds a usable recovery point", "copies hold a usable recovery point"
    )


SYSTEMS = Check(
    id="coverage.systems",
    title="Every system is backed up",
    passes="At least one copy of the system is declared, and at least one was seen to hold a finished recovery point that is not from the future.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points",),
    severity=Severity.CRITICAL,
    parameters=(),
    remediation="Declare a copy of the system in the estate, and make its backup job produce a finished recovery point.",
    judge=_judge,
    to_know=TO_SEE,
)
