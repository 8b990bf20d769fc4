"""
Judging: every control on every subject of its kind, exactly one finding each.

Packs ask much the same. So a check with its parameters is a question, which is put once to each subject, and every control that asks it gets the same
verdict: a check is pure, so it could not give another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from drcheck.checks.base import Case, Verdict, used
from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate
from drcheck.model import Depth, Facts, FactUsed, Finding, Observed, Outcome, Source, Subject, SubjectKind, Unobserved, Waiver, printable
from drcheck.policy.pack import Control, Pack
from drcheck.policy.subjects import Subjects
from drcheck.policy.waivers import attach

log = logging.getLogger(__name__)

_Question = tuple[int, str, tuple[str, ...]]
"""Which check, its parameters and the tiers that it is asked of."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a question was answered for one subject: the parts of a finding that do not depend on who asks."""

    outcome: Outcome
    assurance: Source | None
    depth: Depth
    message: str
    facts: tuple[FactUsed, ...]


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
    if not any(subjects.of(control.check.subject) for pack in packs for control in pack.controls):
        raise ConfigError(f"{estate.file}: there is nothing to judge: no control of {_named(packs)} has a subject in this estate")
    if len({pack.id for pack in packs}) != len(packs):
        raise ConfigError(f"{estate.file}: a pack is given twice: {_named(packs)}")
    answers = _answers(packs, subjects, now)
    by_kind = {kind: subjects.of(kind) for kind in SubjectKind}
    del subjects  # what was worked out of millions of facts is not needed beside millions of findings
    findings = tuple(
        finding
        for pack in packs
        for control in pack.controls
        for finding in _findings(pack, control, by_kind[control.check.subject], answers[_question(control)])
    )
    del answers
    if not _each_once(findings, packs, by_kind):
        raise RuntimeError("not every control has exactly one finding on every subject; this is a bug")
    return attach(findings, waivers, now)


def _named(packs: Sequence[Pack]) -> str:
    return ", ".join(pack.id for pack in packs) or "no pack"


def _each_once(findings: Sequence[Finding], packs: Sequence[Pack], subjects: Mapping[SubjectKind, Sequence[Subject]]) -> bool:
    """Whether there is one finding of every control on every subject, in their order, and no two controls or subjects are one."""
    if any(len(set(of_kind)) != len(of_kind) for of_kind in subjects.values()):
        return False
    if any(len({control.id for control in pack.controls}) != len(pack.controls) for pack in packs):
        return False
    wanted = ((pack.id, control.id, subject) for pack in packs for control in pack.controls for subject in subjects[control.check.subject])
    for finding, which in zip_longest(findings, wanted):
        if finding is None or (finding.policy, finding.control, finding.subject) != which:
            return False
    return True


def _question(control: Control) -> _Question:
    # Which object a check is: nothing is expected of what a plugin puts into one. The parameters as text: true is not 1 there.
    return id(control.check), repr(dict(control.parameters)), control.written.tiers


def _answers(packs: Sequence[Pack], subjects: Subjects, now: datetime) -> Mapping[_Question, list[_Answer]]:
    """What each question is answered, for every subject of its kind in their order. One subject after the other, so that its facts are made once."""
    asked = {_question(control): control for pack in packs for control in pack.controls}
    answers: dict[_Question, list[_Answer]] = {question: [] for question in asked}
    for kind in SubjectKind:
        messages: dict[str, str] = {}  # the same words are said of many subjects: they are kept once
        questions = [(control, answers[question]) for question, control in asked.items() if control.check.subject is kind]
        for subject in subjects.of(kind) if questions else ():
            answered: dict[object, Any] = {}
            for control, given in questions:
                verdict = _verdict(control, subject, subjects, now, answered)
                message = messages.setdefault(verdict.message, verdict.message)
                given.append(_Answer(verdict.outcome, _assurance(verdict), verdict.depth, message, verdict.facts))
    return answers


def _findings(pack: Pack, control: Control, subjects: Sequence[Subject], answers: Sequence[_Answer]) -> Iterator[Finding]:
    policy, asker, clause, check, severity = pack.id, control.id, control.written.clause, control.check.id, control.severity
    advice = {outcome: control.check.advice(outcome) for outcome in Outcome}
    for subject, answer in zip(subjects, answers, strict=True):
        outcome, assurance, depth = answer.outcome, answer.assurance, answer.depth
        # By position, in the order of the fields: by name it takes half as long again, millions of times.
        yield Finding(policy, asker, clause, check, subject, outcome, severity, assurance, depth, answer.message, answer.facts, None, advice[outcome])


def _assurance(verdict: Verdict) -> Source | None:
    return Source.weakest(fact.source for fact in verdict.facts if fact.source is not None)


def _verdict(control: Control, subject: Subject, subjects: Subjects, now: datetime, answered: dict[object, Any]) -> Verdict:
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
        verdict: object = control.check.judge(Case(subject, declared, observed, control.parameters, now, answered))
        if not isinstance(verdict, Verdict) or not isinstance(verdict.outcome, Outcome) or not isinstance(verdict.message, str):
            raise TypeError(f"the check returned a {type(verdict).__name__}, which is no verdict")
        if verdict.outcome is Outcome.PASS and _assurance(verdict) is None:
            raise ValueError("the check passed without naming a fact that it rests on")
    except Exception as error:
        log.exception("the check %s crashed on %s", control.check.id, subject.id)
        words = f"{control.check.id} crashed, which is a bug: {type(error).__name__}: {printable(str(error))}"
        return Verdict(Outcome.ERROR, words, depth=Depth.NONE)
    return verdict
