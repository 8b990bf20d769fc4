"""Judging: every control on every subject of its kind, exactly one finding each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from drcheck.checks.base import Case, Verdict, used
from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate
from drcheck.model import Depth, Facts, Finding, Observed, Outcome, Source, Subject, Unobserved, Waiver, printable
from drcheck.policy.pack import Control, Pack
from drcheck.policy.subjects import Subjects
from drcheck.policy.waivers import attach

log = logging.getLogger(__name__)


def judge(
    estate: Estate, packs: Sequence[Pack], facts: Facts, *, now: datetime, waivers: Sequence[Waiver] = ()
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """
    The findings of every control on every subject of its kind, in the order of the packs, their controls and the estate; and notes on waivers.

    Does no I/O; `now` is the moment that is judged (UTC).

    Raises:
        ConfigError: there is nothing to judge, or a pack is given twice.
        RuntimeError: a control and subject have no finding, or more than one (a bug).
    """
    subjects = Subjects(estate, facts)
    matrix = [(pack, control, subject) for pack in packs for control in pack.controls for subject in subjects.of(control.check.subject)]
    if not matrix:
        raise ConfigError(f"{estate.file}: there is nothing to judge: no control of {_named(packs)} has a subject in this estate")
    if len({pack.id for pack in packs}) != len(packs):
        raise ConfigError(f"{estate.file}: a pack is given twice: {_named(packs)}")
    findings = [_finding(pack, control, subject, subjects, now) for pack, control, subject in matrix]
    wanted = [(pack.id, control.id, subject) for pack, control, subject in matrix]
    found = [(finding.policy, finding.control, finding.subject) for finding in findings]
    if found != wanted or len(set(found)) != len(found):
        raise RuntimeError("not every control has exactly one finding on every subject; this is a bug")
    return attach(findings, waivers, now)


def _named(packs: Sequence[Pack]) -> str:
    return ", ".join(pack.id for pack in packs) or "no pack"


def _finding(pack: Pack, control: Control, subject: Subject, subjects: Subjects, now: datetime) -> Finding:
    verdict = _verdict(control, subject, subjects, now)
    return Finding(
        policy=pack.id,
        control=control.id,
        clause=control.written.clause,
        check=control.check.id,
        subject=subject,
        outcome=verdict.outcome,
        severity=control.severity,
        assurance=_assurance(verdict),
        depth=verdict.depth,
        message=verdict.message,
        facts=verdict.facts,
        waiver=None,
        remediation=control.check.advice(verdict.outcome),
    )


def _assurance(verdict: Verdict) -> Source | None:
    return Source.weakest(fact.source for fact in verdict.facts if fact.source is not None)


def _verdict(control: Control, subject: Subject, subjects: Subjects, now: datetime) -> Verdict:
    """
    What one control says of one subject: not applicable where it is not asked of such a subject, by declaration; unknown before its check runs where
    a needed fact is missing; error where the check crashes.
    """
    try:
        tiers = control.written.tiers
        if tiers and not subjects.tiers(subject) & set(tiers):
            return Verdict(Outcome.NOT_APPLICABLE, f"asked of {' and '.join(tiers)} systems only")
        declared = subjects.declared(subject)
        exempt = control.check.exempt(Case(subject, declared, {}, control.parameters, now))
        if exempt:
            return Verdict(Outcome.NOT_APPLICABLE, exempt)
        known = subjects.known(subject)
        needed = {name: known[name] for name in control.check.needs}
        missing = {name: fact for name, fact in needed.items() if isinstance(fact, Unobserved)}
        if missing:
            message = "; ".join(f"{name} not known: {subjects.missing(subject, fact)}" for name, fact in missing.items())
            return Verdict(Outcome.UNKNOWN, message, tuple(used(name, fact) for name, fact in missing.items()))
        observed = {name: fact for name, fact in needed.items() if isinstance(fact, Observed)}
        verdict: object = control.check.judge(Case(subject, declared, observed, control.parameters, now))
        if not isinstance(verdict, Verdict) or not isinstance(verdict.outcome, Outcome):
            raise TypeError(f"the check returned a {type(verdict).__name__}, which is no verdict")
        if verdict.outcome is Outcome.PASS and _assurance(verdict) is None:
            raise ValueError("the check passed without naming a fact that it rests on")
    except Exception as error:
        log.exception("the check %s crashed on %s", control.check.id, subject.id)
        words = f"{control.check.id} crashed, which is a bug: {type(error).__name__}: {printable(str(error))}"
        return Verdict(Outcome.ERROR, words, depth=Depth.NONE)
    return verdict
