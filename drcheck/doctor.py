"""
Diagnosis: for each target, what works, what does not, and what will stay unknown.

It looks as `drcheck check` does, reads one byte of each copy's newest recovery point, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drcheck.clock import Deadline
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, attempt
from drcheck.estate.schema import Estate, Target
from drcheck.inspect import inspect
from drcheck.model import CopyFacts, Encryption, Fact, Facts, Observed, Protection, Reason, TargetFacts, Unobserved, Versions, number_of
from drcheck.workers import Done, run_all

LARGEST_SKEW = 300.0
"""Seconds by which a target's clock may differ before it is a problem: S3 refuses requests beyond 15 minutes, Kerberos beyond 5."""


class State(StrEnum):
    """How one question about a target was answered."""

    GOOD = "good"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Symptom:
    """One question about one target, and its answer."""

    target: str
    question: str
    state: State
    detail: str
    advice: str = ""


_ADVICE = {
    Reason.UNREACHABLE: "Is it switched on, mounted, and allowed through the firewall from here? Is the address right?",
    Reason.TIMED_OUT: "It accepts and does not answer in time: look at its load and the network, or raise its timeout in the estate.",
    Reason.ACCESS_DENIED: "Check the user and the permissions that the connector's page lists.",
    Reason.NO_CREDENTIALS: "The reference in the estate leads nowhere: see the message.",
    Reason.UNTRUSTED: "Do not go on: compare the fingerprint or certificate with its owner by telephone, then correct the estate.",
    Reason.MALFORMED: "The answer makes no sense for this connector: is it the right kind of server, the right address?",
}


def diagnose(estate: Estate, *, now: datetime, seconds: float, workers: int) -> tuple[Facts, tuple[Symptom, ...]]:
    """The facts that looking gave (nothing was verified), and every symptom, in the order of the estate."""
    run = Deadline(None)
    targets, copies = inspect(estate, now=now, seconds=seconds, workers=workers, run=run)
    drills = Unobserved(Reason.NOT_ATTEMPTED, "not looked at")
    facts = Facts(at=now, targets=targets, copies=copies, drills=drills)
    readable = _read_one_byte_each(estate, copies, seconds, workers, now)
    symptoms: list[Symptom] = []
    for target in estate.targets:
        seen = facts.target(target.id)
        symptoms.extend(_of_place(target, seen))
        for copy in copies:
            if copy.target == target.id and not _offline_as_declared(target, seen):
                symptoms.extend(_of_copy(copy, readable.get(copy.id), estate))
    return facts, tuple(symptoms)


def _of_place(target: Target, seen: TargetFacts) -> Iterator[Symptom]:
    identity = seen.identity
    if isinstance(identity, Unobserved):
        if _offline_as_declared(target, seen):
            yield Symptom(target.id, "reachable", State.GOOD, f"declared offline, and it does not answer ({identity.reason})")
            return
        supported = identity.reason is Reason.UNSUPPORTED
        yield Symptom(target.id, "reachable", State.UNKNOWN if supported else State.PROBLEM, str(identity), _ADVICE.get(identity.reason, ""))
        if not supported:
            return
    else:
        who = identity.value
        yield Symptom(target.id, "reachable", State.GOOD, f"as {who.principal}" if who.principal else "")
        key = who.trait("host_key")
        if key:
            yield Symptom(target.id, "host key", State.GOOD, f"{key}, as pinned")
    yield from _of_permissions(target, seen)
    yield _of_clock(target, seen)
    for question, fact in (("protection", seen.protection), ("encryption", seen.encryption), ("versions", seen.versions)):
        if isinstance(fact, Unobserved):
            yield Symptom(target.id, question, State.UNKNOWN, str(fact), "" if fact.reason is Reason.UNSUPPORTED else _ADVICE.get(fact.reason, ""))
        else:
            yield Symptom(target.id, question, State.GOOD, _in_words(fact.value))


def _offline_as_declared(target: Target, seen: TargetFacts) -> bool:
    identity = seen.identity
    return target.offline is not None and isinstance(identity, Unobserved) and identity.reason in (Reason.UNREACHABLE, Reason.TIMED_OUT)


def _in_words(value: Protection | Encryption | Versions) -> str:
    names = getattr(type(value), "__slots__", ())
    shown = ((name, getattr(value, name)) for name in names)
    return ", ".join(f"{name.replace('_', ' ')} {content}" for name, content in shown if content not in (None, ""))


def _of_permissions(target: Target, seen: TargetFacts) -> Iterator[Symptom]:
    permissions = seen.permissions
    if isinstance(permissions, Unobserved):
        yield Symptom(target.id, "permissions", State.UNKNOWN, str(permissions))
        return
    may = permissions.value
    too_many = [name for name, allowed in (("write", may.can_write), ("delete", may.can_delete)) if allowed]
    too_few = [name for name, allowed in (("list", may.can_list), ("read", may.can_read)) if allowed is False]
    untold = [name for name, allowed in (("write", may.can_write), ("delete", may.can_delete)) if allowed is None]
    if too_many:
        yield Symptom(
            target.id,
            "permissions",
            State.PROBLEM,
            f"too many: this identity may {' and '.join(too_many)} ({may.how})",
            "drcheck needs to list and read only; give it an identity that can do no more.",
        )
    if too_few:
        yield Symptom(
            target.id,
            "permissions",
            State.PROBLEM,
            f"too few: this identity may not {' or '.join(too_few)} ({may.how})",
            _ADVICE[Reason.ACCESS_DENIED],
        )
    if untold and not too_many:
        yield Symptom(target.id, "permissions", State.UNKNOWN, f"whether it may {' or '.join(untold)} cannot be told without trying ({may.how})")
    elif not too_many and not too_few:
        yield Symptom(target.id, "permissions", State.GOOD, f"list and read, and no more ({may.how})")


def _of_clock(target: Target, seen: TargetFacts) -> Symptom:
    skew = seen.clock_skew
    if isinstance(skew, Unobserved):
        return Symptom(target.id, "clock", State.UNKNOWN, str(skew))
    seconds = skew.value
    if abs(seconds) > LARGEST_SKEW:
        word = "ahead" if seconds > 0 else "behind"
        return Symptom(
            target.id, "clock", State.PROBLEM, f"{abs(seconds):.0f} s {word}", "Set the time by NTP here and there: ages of backups rest on it."
        )
    return Symptom(target.id, "clock", State.GOOD, f"{seconds:+.0f} s")


def _of_copy(copy: CopyFacts, first_byte: Fact[int] | None, estate: Estate) -> Iterator[Symptom]:
    question = f"copy {copy.system}"
    declared = next(each for each in estate.copies if each.id == copy.id)
    if isinstance(copy.points, Unobserved):
        yield Symptom(copy.target, question, State.PROBLEM, f"cannot be listed: {copy.points}", _ADVICE.get(copy.points.reason, ""))
        return
    points = copy.points.value
    if points.total == 0:
        yield Symptom(
            copy.target,
            question,
            State.PROBLEM,
            f"no recovery point at {declared.path or 'the root'!r}; {points.unrecognised} entries were not recognised"
            + (f", such as {points.unrecognised_sample[0]!r}" if points.unrecognised_sample else ""),
            "Check the copy's path and the pattern in its options.",
        )
        return
    yield Symptom(copy.target, question, State.GOOD, f"{number_of(points.total, 'recovery point')}, {number_of(points.objects, 'object')}")
    if isinstance(first_byte, Unobserved):
        yield Symptom(copy.target, question, State.PROBLEM, f"listed, and cannot be read: {first_byte}", _ADVICE.get(first_byte.reason, ""))
    if declared.manifest is None:
        yield Symptom(
            copy.target,
            question,
            State.UNKNOWN,
            "no manifest is declared: whether its bytes are right will stay unknown",
            "Have the backup job write a SHA256SUMS, keep a copy of it elsewhere, and declare it under manifest.",
        )


def _read_one_byte_each(estate: Estate, copies: tuple[CopyFacts, ...], seconds: float, workers: int, now: datetime) -> dict[str, Fact[int]]:
    """For each copy with a usable recovery point, whether one byte of it can be read."""
    samples: dict[str, dict[str, str]] = {}
    for copy in copies:
        point = copy.points.value.newest_usable(now) if isinstance(copy.points, Observed) else None
        if point is not None and point.sample:
            samples.setdefault(copy.target, {})[copy.id] = point.sample
    jobs = {target: _reader(estate, target, wanted) for target, wanted in samples.items()}
    results: dict[str, Fact[int]] = {}
    for target, outcome in run_all(jobs, workers=workers, seconds=seconds, run=Deadline(None)):
        if isinstance(outcome, Done):
            results.update(outcome.value)
        else:
            results.update({copy: Unobserved(Reason.TIMED_OUT, "no answer in time") for copy in samples[target]})
    return results


def _reader(estate: Estate, target: str, wanted: dict[str, str]) -> Callable[[Deadline], dict[str, Fact[int]]]:
    def read(deadline: Deadline) -> dict[str, Fact[int]]:
        connector = connector_for(estate.target(target), estate, deadline=deadline, calls=CallLog(target))

        def first_byte(key: str) -> int:
            return sum(len(chunk) for chunk in connector.read(key, 0, 1))

        def each() -> dict[str, Fact[int]]:
            with connector:
                return {copy: attempt(lambda key=key: first_byte(key)) for copy, key in wanted.items()}  # type: ignore[misc]

        all_of_them = attempt(each)
        return all_of_them.value if isinstance(all_of_them, Observed) else dict.fromkeys(wanted, all_of_them)

    return read
