"""Integrity: whether bytes still are what was promised."""

from __future__ import annotations

from collections.abc import Iterator

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, listed, used
from drcheck.clock import format_duration
from drcheck.model import Depth, ObjectResult, Outcome, Severity, SubjectKind, Verification, number_of, printable

_DEEP_ENOUGH = frozenset({Depth.READ, Depth.RESTORED, Depth.PROVEN})
_BESIDE = "its promises lie beside the data, so this shows completeness and accidents, not tampering"


def _checksums(case: Case) -> Verdict:
    """
    A known-bad object is a failure, whatever else is not known. Short of that, anything unread, unpromised or promised only weakly is unknown.

    Zero bytes read is never a pass, and a match that rests on a weak algorithm shows accidents only (see `WEAK_ALGORITHMS`). Bytes that were read
    later than the moment that is judged count as well: a promise still kept then was kept before.
    """
    fact = case.fact("verification", Verification)
    seen = fact.value
    where = _where(seen)
    facts = (used("verification", fact, f"{_words(seen)}; {where}"),)
    if seen.bad or seen.faults:
        parts = []
        if seen.bad:
            named = [
                f"{printable(problem.key)} ({problem.result}{': ' + printable(problem.detail) if problem.detail else ''})"
                for problem in seen.problems
                if problem.result in (ObjectResult.MISMATCH, ObjectResult.MISSING)
            ]
            more = f" and {seen.bad - 5} more" if seen.bad > 5 else ""
            parts.append(f"{number_of(seen.bad, 'object is', 'objects are')} not what was promised: {', '.join(named[:5])}{more}")
        parts += [printable(fault) for fault in seen.faults[:5]]
        return Verdict(Outcome.FAIL, "; ".join(parts), facts, seen.depth)
    doubts = list(_doubts(seen, case))
    if doubts:
        return Verdict(Outcome.UNKNOWN, "; ".join([*doubts, where]), facts, seen.depth)
    age, limit = case.now - seen.finished, case.optional_duration("max_age")
    if limit is not None and age > limit:
        message = f"every object matched, and that was {format_duration(age)} ago; allowed are {format_duration(limit)}: let drcheck read again"
        return Verdict(Outcome.FAIL, message, facts, seen.depth)
    return Verdict(Outcome.PASS, f"{_words(seen)}; {where}", facts, seen.depth)


def _doubts(seen: Verification, case: Case) -> Iterator[str]:
    """Every reason why it is not known that all bytes are right."""
    match, extra = seen.count(ObjectResult.MATCH), seen.count(ObjectResult.EXTRA)
    there = seen.hashed_there if case.flag("server_hash_counts") else 0
    if seen.objects_read + there == 0 or match == 0:
        yield "nothing was read" if seen.objects_read == 0 else "nothing that was read has a promised checksum"
    elif seen.depth not in _DEEP_ENOUGH and not (seen.hashed_there and seen.depth is Depth.ATTRIBUTES):
        yield f"only {seen.depth}: not every byte was read"
    if seen.hashed_there > there:
        yield f"{number_of(seen.hashed_there, 'object was', 'objects were')} hashed by the server itself, not read here"
    for result, one, many in (
        (ObjectResult.UNREADABLE, "object could not be read whole", "objects could not be read whole"),
        (ObjectResult.NOT_READ, "object was not read", "objects were not read"),
    ):
        if seen.count(result):
            named = [printable(problem.key) for problem in seen.problems if problem.result is result]
            yield number_of(seen.count(result), one, many) + (f" ({listed(named, 3)})" if named else "")
    if seen.unusable_manifests:
        yield f"not every manifest could be used ({listed([printable(name) for name in seen.unusable_manifests], 3)})"
    if seen.stopped is not None:
        yield f"it stopped early: {printable(str(seen.stopped))}"
    if extra and not case.flag("extra_allowed"):
        named = [printable(problem.key) for problem in seen.problems if problem.result is ObjectResult.EXTRA]
        yield f"nothing was promised for {number_of(extra, 'object')}" + (f" ({listed(named, 3)})" if named else "")
    if match + extra + seen.count(ObjectResult.UNREADABLE) + seen.count(ObjectResult.NOT_READ) < seen.objects_total:
        yield f"of {number_of(seen.objects_total, 'object')} listed, some have no result"
    if seen.weak_only and not case.flag("weak_allowed"):
        algorithms = sorted({algorithm for manifest in seen.manifests for algorithm in manifest.algorithms})
        named_ones = ", ".join(map(printable, algorithms)) or "not named"
        objects = number_of(seen.weak_only, "object is", "objects are")
        yield f"{objects} promised by a weak algorithm only ({named_ones}), which shows accidents, not attacks"
    if case.flag("away_required") and (not seen.manifests or any(manifest.beside for manifest in seen.manifests)):
        yield "not every promise lies away from the data"


def _words(seen: Verification) -> str:
    extra = seen.count(ObjectResult.EXTRA)
    parts = [f"{seen.count(ObjectResult.MATCH)} of {number_of(seen.objects_total, 'object')} match", f"{number_of(seen.bytes_read, 'byte')} read"]
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
    passes="Every object of the copy was read whole and matches a promised checksum of an algorithm that is not weak. The message says whether the "
    "promises lie beside the data, where they show completeness and accidents only, or away from it.",
    subject=SubjectKind.COPY,
    needs=("verification",),
    looks_at=(),
    severity=Severity.CRITICAL,
    parameters=(
        Parameter("max_age", ParameterKind.DURATION, None, "How long ago the bytes may have been read; without it, at any time"),
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
    "and declare it.",
)
