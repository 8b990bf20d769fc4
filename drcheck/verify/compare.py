"""Holding what was read against everything that was promised for it."""

from __future__ import annotations

from functools import cache

from drcheck.digests import Digests
from drcheck.manifests import is_weak
from drcheck.manifests.base import digits_of
from drcheck.model import ObjectResult, ObjectVerdict, printable
from drcheck.verify.wanted import Promised, Wanted


def strength(promise: Promised) -> tuple[bool, int]:
    """By what promises are sorted, the strongest last: strong before weak, then by length."""
    return _strength(promise.algorithm)


@cache
def _strength(algorithm: str) -> tuple[bool, int]:
    return not is_weak(algorithm), digits_of(algorithm)


def weak_only(wanted: Wanted) -> bool:
    """Whether every promise for the object is of a weak algorithm."""
    return not any(_strength(promise.algorithm)[0] for promise in wanted.promises)


def wrong_size(wanted: Wanted) -> ObjectVerdict | None:
    """The mismatch that an object's size shows without reading it; None where its size is as promised, or none was."""
    for promise in wanted.promises:
        if promise.size is not None and promise.size != wanted.entry.size:
            detail = f"{promise.size} bytes were promised and {wanted.entry.size} are there"
            return verdict(wanted, ObjectResult.MISMATCH, promise, detail=detail)
    return None


def compare(wanted: Wanted, digests: Digests) -> ObjectVerdict:
    """Match where every promise holds; otherwise the mismatch of the strongest one that does not."""
    promises = wanted.promises
    broken = [promise for promise in promises if digests.hex[promise.algorithm] != promise.digest]
    if not broken:
        best = promises[0] if len(promises) == 1 else max(promises, key=strength)
        return verdict(wanted, ObjectResult.MATCH, best, found=digests.hex[best.algorithm], detail=_other_form(best), there=digests.there)
    worst = max(broken, key=strength)
    kept = len(wanted.promises) - len(broken)
    detail = f"{kept} of {len(wanted.promises)} promises for it hold" if kept else _other_form(worst)
    found = digests.hex[worst.algorithm]
    return verdict(wanted, ObjectResult.MISMATCH, worst, found=found, detail=detail, size=digests.size, there=digests.there)


def verdict(
    wanted: Wanted,
    result: ObjectResult,
    promise: Promised | None = None,
    *,
    found: str = "",
    detail: str = "",
    size: int | None = None,
    there: bool = False,
) -> ObjectVerdict:
    """The verdict of a listed object, naming its strongest promise where none is given."""
    promise = promise or max(wanted.promises, key=strength)
    size = wanted.entry.size if size is None else size
    if there:
        detail = "; ".join(part for part in (detail, "hashed by the server itself, not read here") if part)
    return ObjectVerdict(wanted.entry.key, result, size, promise.algorithm, promise.digest, found, promise.manifest, detail, there)


def _other_form(promise: Promised) -> str:
    return f"promised as {printable(promise.promised_as)}: the same name in another form" if promise.promised_as else ""
