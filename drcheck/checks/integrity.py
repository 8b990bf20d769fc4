"""Integrity: whether bytes still are what was promised."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, listed, moment, used
from drcheck.clock import format_duration
from drcheck.model import Depth, ObjectResult, Outcome, Rotation, Severity, SubjectKind, Verification, number_of, printable
from drcheck.model.bounds import bad_rate, percent_at_least, percent_at_most

_DEEP_ENOUGH = frozenset({Depth.READ, Depth.RESTORED, Depth.PROVEN})
_BESIDE = "its promises lie beside the data, so this shows completeness and accidents, not tampering"


def _checksums(case: Case) -> Verdict:
    """
    A known-bad object is a failure, whatever else is not known. Short of that, anything unread, unpromised or promised only weakly is unknown.

    Zero bytes read is never a pass; with a rotation that means: no reading that stands. What was read on earlier nights stands until its cycle is
    over, and an object that has no reading within it is unknown. A match that rests on a weak algorithm shows accidents only (see
    `WEAK_ALGORITHMS`). Bytes that were read later than the moment that is judged count as well: a promise still kept then was kept before.
    """
    fact = case.fact("verification", Verification)
    seen = fact.value
    where = _where(seen)
    words = case.once(_words, lambda: _words(seen))
    facts = case.once(_checksums, lambda: (used("verification", fact, f"{words}; {where}"),))
    depth = _depth(seen)
    if seen.bad or seen.faults:
        return Verdict(Outcome.FAIL, "; ".join(_known_bad(seen)), facts, depth)
    sampled = _sampled(seen, case)
    doubts = list(_doubts(seen, case, sampled=sampled))
    rotation = seen.rotation
    read = rotation.oldest_read if rotation and rotation.oldest_read else seen.finished
    age, limit = case.now - read, case.optional_duration("max_age")
    expired = [] if rotation is None or age <= rotation.cycle else [_expired(rotation, read)]
    if doubts:
        return Verdict(Outcome.UNKNOWN, "; ".join([*doubts, *expired, where]), facts, depth)
    if limit is not None and age > limit:
        what = "every object matched, and that was" if rotation is None else "nothing is known to be bad, and the oldest reading was"
        message = f"{what} {format_duration(age)} ago; allowed are {format_duration(limit)}: let drcheck read again"
        return Verdict(Outcome.FAIL, message, facts, depth)
    if expired:
        return Verdict(Outcome.UNKNOWN, "; ".join([*expired, where]), facts, depth)
    if rotation is not None and sampled:
        return Verdict(Outcome.PASS, "; ".join([*_progress(seen, rotation, case), where]), facts, depth)
    late = [] if rotation is None else _late(rotation)
    return Verdict(Outcome.PASS, "; ".join([words, *late, where]), facts, depth)


def _depth(seen: Verification) -> Depth:
    """How deeply was looked: where a cycle is not complete, at a sample at most."""
    if seen.rotation is None or not seen.count(ObjectResult.NOT_READ):
        return seen.depth
    return Depth.SAMPLED if seen.depth in _DEEP_ENOUGH else seen.depth


def _expired(rotation: Rotation, oldest: datetime) -> str:
    over, cycle = moment(oldest + rotation.cycle), format_duration(rotation.cycle)
    return f"since {over} not every reading stands: the oldest is of {moment(oldest)}, and the cycle is {cycle}: let drcheck read again"


def _known_bad(seen: Verification) -> Iterator[str]:
    if seen.bad:
        named = [
            f"{printable(problem.key)} ({problem.result}{': ' + printable(problem.detail) if problem.detail else ''})"
            for problem in seen.problems
            if problem.result in (ObjectResult.MISMATCH, ObjectResult.MISSING)
        ]
        more = f" and {seen.bad - 5} more" if seen.bad > 5 else ""
        yield f"{number_of(seen.bad, 'object is', 'objects are')} not what was promised: {', '.join(named[:5])}{more}"
    yield from (printable(fault) for fault in seen.faults[:5])


def _sampled(seen: Verification, case: Case) -> bool:
    """Whether a cycle that is not complete is let pass, for what was read shows that few enough objects can be bad."""
    allowed = case.optional_rate("max_bad_rate")
    if seen.rotation is None or allowed is None or not seen.count(ObjectResult.NOT_READ):
        return False
    return _depth(seen) is Depth.SAMPLED and bad_rate(seen, case.now) <= allowed


def _doubts(seen: Verification, case: Case, *, sampled: bool) -> Iterator[str]:
    """Every reason why it is not known that all bytes are right. That readings expire is none of them: it is asked last."""
    match, extra = seen.count(ObjectResult.MATCH), seen.count(ObjectResult.EXTRA)
    there = seen.hashed_there if case.flag("server_hash_counts") else 0
    rotation, unread = seen.rotation, seen.count(ObjectResult.NOT_READ)
    standing = seen.objects_read if rotation is None else rotation.verified
    if seen.stopped is not None:
        yield f"it stopped early: {printable(str(seen.stopped))}"
    if standing + there <= 0 or match == 0:
        within = "" if rotation is None else f" within the cycle of {format_duration(rotation.cycle)}"
        yield f"nothing was read{within}" if standing <= 0 else "nothing that was read has a promised checksum"
    elif seen.depth not in _DEEP_ENOUGH and not (seen.hashed_there and seen.depth is Depth.ATTRIBUTES) and not (rotation and unread):
        yield f"only {seen.depth}: not every byte was read"
    if seen.hashed_there > there:
        yield f"{number_of(seen.hashed_there, 'object was', 'objects were')} hashed by the server itself, not read here"
    if seen.count(ObjectResult.UNREADABLE):
        unreadable = number_of(seen.count(ObjectResult.UNREADABLE), "object could not be read whole", "objects could not be read whole")
        yield unreadable + _named(seen, ObjectResult.UNREADABLE)
    if rotation is None and unread:
        yield number_of(unread, "object was not read", "objects were not read") + _named(seen, ObjectResult.NOT_READ)
    elif rotation is not None:
        yield from _not_standing(seen, rotation, case, sampled=sampled)
    if seen.unusable_manifests:
        yield f"not every manifest could be used ({listed([printable(name) for name in seen.unusable_manifests], 3)})"
    if extra and not case.flag("extra_allowed"):
        yield f"nothing was promised for {number_of(extra, 'object')}" + _named(seen, ObjectResult.EXTRA)
    if match + extra + seen.count(ObjectResult.UNREADABLE) + unread < seen.objects_total:
        yield f"of {number_of(seen.objects_total, 'object')} listed, some have no result"
    if seen.weak_only and not case.flag("weak_allowed"):
        algorithms = sorted({algorithm for manifest in seen.manifests for algorithm in manifest.algorithms})
        named_ones = ", ".join(map(printable, algorithms)) or "not named"
        objects = number_of(seen.weak_only, "object is", "objects are")
        yield f"{objects} promised by a weak algorithm only ({named_ones}), which shows accidents, not attacks"
    if case.flag("away_required") and (not seen.manifests or any(manifest.beside for manifest in seen.manifests)):
        yield "not every promise lies away from the data"


def _named(seen: Verification, result: ObjectResult) -> str:
    names = [printable(problem.key) for problem in seen.problems if problem.result is result]
    return f" ({listed(names, 3)})" if names else ""


def _not_standing(seen: Verification, rotation: Rotation, case: Case, *, sampled: bool) -> Iterator[str]:
    """What keeps a rotation from having read everything within its cycle."""
    if seen.count(ObjectResult.NOT_READ) and not sampled:
        yield from _progress(seen, rotation, case)
    matched = seen.count(ObjectResult.MATCH) - seen.hashed_there
    if rotation.verified < matched:
        yield f"of {number_of(matched, 'match', 'matches')}, {rotation.verified} rest on a reading within the cycle"
    elif rotation.verified and rotation.oldest_read is None:
        yield "when the oldest object was read is not known"


def _progress(seen: Verification, rotation: Rotation, case: Case) -> Iterator[str]:
    """How far a cycle has come that is not complete, what that shows, and when it ends."""
    read, rate = f"{seen.objects_read:,} of {seen.objects_total:,} objects read tonight", bad_rate(seen, case.now)
    if rate >= 1:
        yield f"{read}: any number of them may be bad"
    elif rotation.drawn > 0:
        yield f"{read}, none bad: with 95 % confidence fewer than {percent_at_most(rate)} are bad"
    else:
        yield f"{read}, none of them drawn at random: as much as {percent_at_most(rate)} may be bad"
    allowed = case.optional_rate("max_bad_rate")
    if allowed is not None:
        yield f"allowed are {percent_at_most(allowed)}"
    yield f"{percent_at_least(seen.share_done(case.now))} of the {format_duration(rotation.cycle)} cycle done"
    if rotation.oldest_read is not None:
        yield f"oldest last read on {rotation.oldest_read:%Y-%m-%d}"
    if rotation.ends is not None:
        yield f"all will have been read by {rotation.ends:%Y-%m-%d}"
    elif seen.stopped is None:
        yield "when all will have been read cannot be told from tonight"
    yield from _late(rotation)
    waiting = [problem for problem in seen.problems if problem.result is ObjectResult.NOT_READ and problem.detail]
    if len(waiting) == seen.count(ObjectResult.NOT_READ):  # what else waits only for its turn; these may wait for ever, as in an archive
        yield f"not read: {listed([f'{printable(problem.key)} ({printable(problem.detail)})' for problem in waiting], 3)}"


def _late(rotation: Rotation) -> list[str]:
    if rotation.left <= 0:
        return []
    due = number_of(rotation.left, "object that was due was", "objects that were due were")
    return [f"{due} not read, for the budget is too small for the cycle: give more time or bytes a night, or a longer cycle"]


def _words(seen: Verification) -> str:
    extra, rotation = seen.count(ObjectResult.EXTRA), seen.rotation
    parts = [f"{seen.count(ObjectResult.MATCH)} of {number_of(seen.objects_total, 'object')} match"]
    if rotation is None:
        parts.append(f"{number_of(seen.bytes_read, 'byte')} read")
    else:
        oldest = f", the oldest read on {rotation.oldest_read:%Y-%m-%d}" if rotation.oldest_read else ""
        parts.append(f"{rotation.verified} by a reading within the {format_duration(rotation.cycle)} cycle{oldest}")
        parts.append(f"{number_of(seen.objects_read, 'object')} and {number_of(seen.bytes_read, 'byte')} read tonight")
    if seen.hashed_there:
        parts.append(f"{seen.hashed_there} hashed by the server itself")
    if extra:
        parts.append(f"{extra} without a promise")
    return ", ".join(parts)


def _where(seen: Verification) -> str:
    if not seen.manifests:
        return "no manifest was used"
    beside = sum(manifest.beside for manifest in seen.manifests)
    if not beside:
        return "its promises lie away from the data"
    return _BESIDE if beside == len(seen.manifests) else f"of {len(seen.manifests)} manifests, {beside} lie beside the data and show no tampering"


CHECKSUMS = Check(
    id="integrity.checksums",
    title="The bytes are what was promised",
    passes="Every object of the copy was read whole and matches a promised checksum of an algorithm that is not weak: in this run or, where a store "
    "is kept, within the cycle, after which a reading no longer stands. The message says whether the promises lie beside the data, where they show "
    "completeness and accidents only, or away from it.",
    subject=SubjectKind.COPY,
    needs=("verification",),
    looks_at=(),
    severity=Severity.CRITICAL,
    parameters=(
        Parameter(
            "max_age",
            ParameterKind.DURATION,
            None,
            "How long ago the bytes may have been read, the oldest of them; without it at any time, or within the cycle where there is one",
        ),
        Parameter(
            "max_bad_rate",
            ParameterKind.RATE,
            None,
            "Which share of the objects may be bad at 95 % confidence while a cycle is not complete (depth: sampled); without it every object must "
            "have been read",
        ),
        Parameter("extra_allowed", ParameterKind.BOOLEAN, False, "Whether objects for which nothing was promised are let pass, instead of unknown"),
        Parameter(
            "weak_allowed",
            ParameterKind.BOOLEAN,
            False,
            "Whether MD5, SHA-1 and CRC are enough, instead of unknown: they show accidents, and no attack",
        ),
        Parameter(
            "server_hash_counts",
            ParameterKind.BOOLEAN,
            False,
            "Whether digests that the server made itself are taken for reading, instead of unknown: whoever holds it can make it say anything",
        ),
        Parameter("away_required", ParameterKind.BOOLEAN, False, "Whether every promise must lie away from the data, else unknown"),
    ),
    remediation="Restore the named objects from another copy, and find out what changed them.",
    judge=_checksums,
    to_know="Make what did not answer reachable; where nothing is promised, write a SHA-256 manifest with each backup, keep it away from the data, "
    "and declare it; where a cycle is not complete, check every night until it is.",
)
