"""Independence: copies that no single failure takes together."""

from __future__ import annotations

from drcheck.checks.base import TO_SEE, Case, Check, Parameter, ParameterKind, Verdict, used
from drcheck.checks.copies import PRODUCTION_COUNTS, minimum_of, separated
from drcheck.checks.seen import CopySeen, SystemCopies
from drcheck.estate.schema import DOMAIN_KINDS
from drcheck.model import FactUsed, Severity, Source, SubjectKind


def _judge(case: Case) -> Verdict:
    """
    The largest set of copies of which no two share a failure domain of the kinds asked for.

    Two sites are not two failure domains: at Guy's and St Thomas' in July 2022 both data centres, each the other's backup, failed on the same
    hot day. A kind that is not known for a copy leaves it "not known to be independent", never independent.
    """
    seen = case.fact("copies", SystemCopies).value
    kinds = case.words("domains")
    grounds = [_domains(copy, rehearsal=seen.rehearsal) for copy in seen.copies]
    return separated(case, seen, kinds, f"independent in {', '.join(kinds)}", grounds)


def _domains(copy: CopySeen, *, rehearsal: bool) -> FactUsed:
    name = f"identity of {copy.name}"
    if rehearsal:
        return FactUsed(name, "declared domains (a rehearsal)", Source.DECLARED, None)
    return copy.place.once(_domains, lambda: used(name, copy.place.identity, "what was seen of its device, account and region"))


INDEPENDENT = Check(
    id="copies.independent",
    title="Copies that no single failure takes together",
    passes="At least `minimum` copies that hold something share none of the failure domains asked for, neither declared nor observed, and every one "
    "of those kinds is known for each of them; no two lie on one device. The message names every shared domain.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points", "identity"),
    severity=Severity.CRITICAL,
    parameters=(
        minimum_of(2),
        Parameter(
            "domains",
            ParameterKind.WORDS,
            ("building", "power", "cooling"),
            "The kinds of failure domain in which they must differ, and which must be known",
            choices=DOMAIN_KINDS,
        ),
        PRODUCTION_COUNTS,
    ),
    remediation="Put a copy where it shares no building, power, cooling or account with another, and declare the domains of every site and target.",
    judge=_judge,
    to_know=TO_SEE + " Declare the domains of every site and target.",
)
