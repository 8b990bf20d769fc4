"""What the estate declares against what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from drcheck.checks.base import Case, Check, Verdict, listed, missing_words, moment, used
from drcheck.checks.offline import lock_words, writable_words
from drcheck.checks.seen import PlaceSeen, TargetSeen, same_device
from drcheck.model import Depth, Fact, FactUsed, Outcome, Protection, Severity, Source, SubjectKind, Unobserved, printable


@dataclass(frozen=True, slots=True)
class _Compared:
    """One declaration, compared: agrees, contradicted or not known."""

    outcome: Outcome
    message: str
    facts: tuple[FactUsed, ...]


def _matches(case: Case) -> Verdict:
    """
    Every declaration of the target that can be compared with something seen. One contradiction is a failure; one that could not be compared leaves
    the rest unknown.
    """
    seen = case.fact("place", TargetSeen).value
    compared = [*_offline(seen), *_immutable(seen, case), *_device(seen), *_offsite(seen)]
    if not compared:
        return Verdict(Outcome.NOT_APPLICABLE, "nothing is declared of it that can be compared with what was seen")
    for outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS):
        these = [one for one in compared if one.outcome is outcome]
        if these:
            facts = tuple(dict.fromkeys(fact for one in these for fact in one.facts))
            known = any(fact.reason is None for fact in facts)
            return Verdict(outcome, "; ".join(one.message for one in these), facts, Depth.ATTRIBUTES if known else Depth.NONE)
    raise ValueError("a comparison has an outcome that none can have")


def _offline(seen: TargetSeen) -> list[_Compared]:
    place = seen.place
    if place.target.offline is None:
        return []
    declared = FactUsed("offline", "declared offline", Source.DECLARED, None)
    answers = place.answers or any(copy.answers for _, copy in seen.copies)
    permissions = used("permissions", place.facts.permissions, writable_words(place.writable))
    if answers and place.writable:
        return [_Compared(Outcome.FAIL, "declared offline, but it answers and can be written to", (declared, permissions))]
    if answers:
        words = f"declared offline, but it answers now ({writable_words(place.writable)})"
        return [_Compared(Outcome.UNKNOWN, words, (declared, permissions))]
    if seen.away:
        return [_Compared(Outcome.PASS, "declared offline, and it does not answer", (declared,))]
    return [_Compared(Outcome.UNKNOWN, "declared offline, and it could not be asked whether it is", (declared, permissions))]


def _immutable(seen: TargetSeen, case: Case) -> list[_Compared]:
    if not seen.place.target.immutable:
        return []
    protection = seen.place.facts.protection
    if not seen.copies:
        return [_locked("protection", protection, None, case)]
    return [_locked(f"lock of {copy.copy.id}", copy.lock, protection, case) for _, copy in seen.copies]


def _locked(name: str, lock: Fact[Protection], place: Fact[Protection] | None, case: Case) -> _Compared:
    """
    What is in effect on an object decides; where that is not known, a place that has no lock at all decides too.

    What a place locks by default does not: whoever writes an object can lock it longer or harder.
    """
    if isinstance(lock, Unobserved):
        if place is not None and not isinstance(place, Unobserved) and place.value.mode == "none" and place.value.days is None:
            return _locked("protection", place, None, case)
        return _Compared(Outcome.UNKNOWN, f"declared immutable, and the {name} is not known: {missing_words(lock)}", (used(name, lock),))
    value = lock.value
    fact = used(name, lock, lock_words(value))
    if value.mode in ("none", "governance"):
        none = f"its lock ended at {moment(value.until)}" if value.until else "it has no lock"
        why = none if value.mode == "none" else "an administrator can lift its governance lock"
        return _Compared(Outcome.FAIL, f"declared immutable, but {why} ({name})", (fact,))
    if not value.immutable:
        return _Compared(Outcome.UNKNOWN, f"declared immutable, and {printable(value.mode)} does not show it ({name})", (fact,))
    if value.until is not None and value.until <= case.now:
        return _Compared(Outcome.FAIL, f"declared immutable, but its lock ended at {moment(value.until)} ({name})", (fact,))
    if value.until is None and place is not None:
        return _Compared(Outcome.UNKNOWN, f"declared immutable, and the end of its lock is not known ({name})", (fact,))
    return _Compared(Outcome.PASS, f"declared immutable, and locked ({name})", (fact,))


def _device(seen: TargetSeen) -> list[_Compared]:
    """A declared device that is another than that of a target where the same device was seen."""
    target = seen.place.target
    if not target.device or seen.rehearsal or seen.away:
        return []
    others = [place for place in seen.places.suspects(seen.place) if (place.target.device or place.target.id) != target.device]
    return _same(seen, others, f"declared as the device {target.device}")


def _offsite(seen: TargetSeen) -> list[_Compared]:
    compared: list[_Compared] = []
    for system, copy in seen.copies:
        if copy.copy.role != "off-site":
            continue
        home = system.production.site
        if copy.place.target.site == home:
            site = FactUsed("site", f"{home}, where the production of {system.id} is", Source.DECLARED, None)
            compared.append(_Compared(Outcome.FAIL, f"{copy.copy.id} is declared off-site, but it is at {home}, where production is", (site,)))
        elif not seen.rehearsal and not seen.away:
            onsite = [place for place in seen.places.suspects(seen.place) if place.target.site == home]
            compared += _same(seen, onsite, f"{copy.copy.id} is declared off-site")
    return compared


def _same(seen: TargetSeen, others: list[PlaceSeen], claim: str) -> list[_Compared]:
    identity = seen.place.identity
    if not isinstance(identity, Unobserved) and not identity.value.device:
        return []  # the device cannot be seen there, so there is nothing to compare
    found = same_device(seen.place, others, rehearsal=seen.rehearsal)
    fact = used("identity", identity, "" if isinstance(identity, Unobserved) else f"device {printable(identity.value.device)}")
    if found.same:
        return [_Compared(Outcome.FAIL, f"{claim}, but it was seen to be the same device as {listed(found.same)}", (fact,))]
    if found.unknown:
        return [_Compared(Outcome.UNKNOWN, f"{claim}, and {listed(found.unknown)}", (fact,))]
    return [_Compared(Outcome.PASS, f"{claim}, and no other target was seen to be that device", (fact,))]


MATCHES = Check(
    id="declared.matches.observed",
    title="What is declared is what was seen",
    passes="Nothing that was seen contradicts what the estate declares of the target: offline, immutable, a device of its own, off-site. Not "
    "applicable where nothing is declared that can be compared.",
    subject=SubjectKind.TARGET,
    needs=("place",),
    looks_at=("permissions", "lock", "protection", "identity", "points"),
    severity=Severity.HIGH,
    parameters=(),
    remediation="Find out which is wrong, the declaration or the place, and correct that one.",
    judge=_matches,
)
