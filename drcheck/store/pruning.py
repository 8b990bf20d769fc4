"""
Letting go of papers: what the nights that are kept do not need is thrown away, and every link stays, so that the chain can still be followed.

Intervals of findings, recovery points, drills and what is known of objects stay as well: they are small, and say since when things are as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text, update

from drcheck.chain import Link, link_from
from drcheck.model import Night
from drcheck.store.database import Database
from drcheck.store.history import night_of, select_assessments
from drcheck.store.packing import Damaged
from drcheck.store.schema import assessments, calls, papers

_MANY = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, thrown away."""

    nights: tuple[Night, ...]
    """Those whose papers are, the oldest first."""
    kept: int
    """How many nights still have theirs."""
    papers: int
    bytes: int
    """As they lie in the store, deflated."""


def prune(database: Database, before: datetime, keep_last: int, *, really: bool) -> Pruned:
    """
    Throw away the papers of the nights that began before `before`, save those that a kept night needs too.

    Args:
        keep_last: how many of each organisation's newest nights of their own moments are kept however old they are; at least one, and the newest
            of all is kept besides.
        really: whether it is done; without, only what would go is told.

    Raises:
        StoreError: the store cannot be read or written; nothing was thrown away.
    """
    with database.writing() if really else database.reading() as connection:
        if really and not database.sqlite:
            # A night that is recorded meanwhile may name a paper that is there and goes now: whoever adds papers has to wait.
            connection.execute(text("LOCK TABLE papers IN SHARE ROW EXCLUSIVE MODE"))
        nights = [night_of(row) for row in connection.execute(select_assessments().order_by(assessments.c.id))]
        going = _going(nights, before, max(keep_last, 1))
        gone = {night.number for night in going}
        unneeded = _unneeded(connection, nights, gone)
        there = list(_there(connection, unneeded))
        if really:
            _throw_away(connection, sorted(gone), unneeded)
    if really and there:
        database.shrink()
    kept = sum(not night.pruned and night.number not in gone for night in nights)
    return Pruned(tuple(going), kept, sum(count for count, _ in there), sum(size for _, size in there))


def _going(nights: Sequence[Night], before: datetime, keep_last: int) -> list[Night]:
    kept: set[int] = set()
    for organisation in {night.organisation for night in nights}:
        own = [night.number for night in nights if night.organisation == organisation]
        kept.update(own[-1:])
        kept.update([night.number for night in nights if night.organisation == organisation and not night.as_of][-keep_last:])
    return [night for night in nights if not night.pruned and night.started < before and night.number not in kept]


def _unneeded(connection: Connection, nights: Iterable[Night], gone: set[int]) -> list[str]:
    """The digests of papers that only nights of `gone`, or nights that were pruned before, name."""
    needed: set[str] = set()
    named: set[str] = set()
    pruned = {night.number for night in nights if night.pruned} | gone
    for number, content in connection.execute(select(assessments.c.id, assessments.c.link)):
        (named if number in pruned else needed).update(_digests(_link(number, content)))
    return sorted(named - needed)


def _digests(link: Link) -> Iterable[str]:
    return (digest for _, digest in (*link.papers, *link.hashed))


def _link(number: int, content: str) -> Link:
    try:
        return link_from(content.encode())
    except ValueError as error:
        raise Damaged(f"the link of assessment {number} {error}") from error


def _there(connection: Connection, digests: Sequence[str]) -> Iterable[tuple[int, int]]:
    """How many of these papers the store holds, and their bytes, some at a time."""
    for start in range(0, len(digests), _MANY):
        wanted = select(func.count(), func.coalesce(func.sum(func.length(papers.c.content)), 0))
        count, size = connection.execute(wanted.where(papers.c.digest.in_(digests[start : start + _MANY]))).one()
        yield int(count), int(size)


def _throw_away(connection: Connection, numbers: Sequence[int], digests: Sequence[str]) -> None:
    for start in range(0, len(numbers), _MANY):
        some = numbers[start : start + _MANY]
        connection.execute(update(assessments).where(assessments.c.id.in_(some)).values(pruned=True))
        connection.execute(delete(calls).where(calls.c.assessment.in_(some)))
    for start in range(0, len(digests), _MANY):
        connection.execute(delete(papers).where(papers.c.digest.in_(digests[start : start + _MANY])))
