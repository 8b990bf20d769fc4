"""Every declared copy, for a page: how fresh against what is declared, how far it was read, how its newest recovery point is protected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from drcheck.clock import format_duration, format_moment
from drcheck.model import Assessment, Fact, Observed, Protection, Unobserved
from drcheck.model.bounds import bad_rate, percent_at_most
from drcheck.reports.html_controls import RESULTS
from drcheck.reports.html_limits import Limits
from drcheck.reports.html_tally import PASS_RANK
from drcheck.reports.rows import CopyRow, copy_rows
from drcheck.reports.wording import freshness, point_count, verified, where

_FULL_BAR = 2
"""The bar of a copy's age is full at so many times the objective, whose mark is then in the middle."""
_BAR = 80
"""How wide that bar is, in units of its own."""


@dataclass(frozen=True, slots=True)
class CopyLine:
    """One copy in the words of its cells; each cell has one or more lines."""

    id: str
    result: str
    """The worst result of the findings about it; empty where there are none."""
    site: tuple[str, str]
    newest: tuple[str, ...]
    bar: int
    """The length of its age out of `BAR`, half of which is the objective; -1 where either is not known."""
    points: tuple[str, ...]
    read: tuple[str, ...]
    lock: tuple[str, ...]
    age: int
    """In seconds, to sort by; the largest number where it is not known."""
    share: int
    """The per mille that was read and compared, to sort by; -1 where it is not known."""


UNKNOWN_AGE = 10**12


@dataclass(frozen=True, slots=True)
class GoodCopies:
    """Copies at one target of which nothing is open and that have no line of their own."""

    target: str
    count: int
    oldest: str
    """The age of the newest usable recovery point of the copy whose newest is the oldest; `not known` where that of one is not."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Every declared copy."""

    lines: tuple[CopyLine, ...]
    """The worst first, otherwise as declared."""
    counted: tuple[GoodCopies, ...]
    left_out: int
    """How many of which something is open have no line."""
    total: int


def all_copies(assessment: Assessment, worst: Mapping[str, int], limits: Limits) -> Copies:
    """Every declared copy; `worst` has the rank of the worst finding about each."""
    objectives = {system.id: system.rpo for system in assessment.systems}
    locks = {(copy.system, copy.target): copy.lock for copy in assessment.facts.copies}
    rows = sorted(copy_rows(assessment), key=lambda row: worst.get(row.id, PASS_RANK - 1))
    bad, good = ([row for row in rows if (worst.get(row.id, PASS_RANK - 1) >= PASS_RANK) is well] for well in (False, True))
    lines = (
        _line(row, worst.get(row.id), objectives.get(row.place.system), locks.get((row.place.system, row.place.target)))
        for row in (*bad[: limits.copies], *good[: limits.good_copies])
    )
    return Copies(tuple(lines), tuple(_counted(good[limits.good_copies :])), len(bad[limits.copies :]), len(rows))


def _counted(rows: Sequence[CopyRow]) -> Iterator[GoodCopies]:
    by_target: dict[str, list[CopyRow]] = {}
    for row in rows:
        by_target.setdefault(row.place.target, []).append(row)
    for target, those in sorted(by_target.items()):
        ages = [row.age for row in those if row.age is not None]
        yield GoodCopies(target, len(those), format_duration(max(ages)) if len(ages) == len(those) else "not known")


def _line(row: CopyRow, worst: int | None, objective: timedelta | None, lock: Fact[Protection] | None) -> CopyLine:
    newest = freshness(row)
    if objective is not None:
        newest = (*newest, f"objective (RPO) {format_duration(objective)}")
    seen = row.verification.value if isinstance(row.verification, Observed) else None
    read = list(verified(row))
    if seen is not None:
        share = bad_rate(seen, row.reference)
        read.append("none of it is bad" if not share else "all of it may be bad" if share >= 1 else f"at most {percent_at_most(share)} may be bad")
    if isinstance(row.changes, Observed) and row.changes.value.breaches:
        read += [f"{count} {breach} against what was declared" for breach, count in row.changes.value.breaches]
    return CopyLine(
        id=row.id,
        result="" if worst is None else RESULTS[worst],
        site=where(row),
        newest=newest,
        bar=_bar(row.age, objective),
        points=point_count(row),
        read=tuple(read),
        lock=_lock(lock),
        age=UNKNOWN_AGE if row.age is None else int(row.age.total_seconds()),
        share=-1 if seen is None else int(seen.share_done(row.reference) * 1000),
    )


def _bar(age: timedelta | None, objective: timedelta | None) -> int:
    if age is None or not objective:
        return -1
    return max(1, min(_BAR, round(_BAR * (age / objective) / _FULL_BAR)))


def _lock(lock: Fact[Protection] | None) -> tuple[str, ...]:
    if lock is None:
        return ("unknown",)
    if isinstance(lock, Unobserved):
        return "unknown", str(lock.reason)
    until = lock.value.until
    return (lock.value.mode, f"until {format_moment(until)}") if until else (lock.value.mode,)
