"""
Whether a store is what was written: its pages, every paper, every run of objects, the chain of each organisation's nights, and whether what is read
off those nights comes to the same, and is what their records say.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, select

from drcheck.canonical import digest_bytes
from drcheck.chain import RECORD, Link, link_from, unlinked
from drcheck.errors import StoreDamaged
from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN, Outcome, printable
from drcheck.store.database import Database
from drcheck.store.packing import intact
from drcheck.store.recorded import recorded
from drcheck.store.schema import assessments, drills, findings, object_runs, organisations, papers, readings

_Standing = Counter[tuple[str, bool]]
"""How many findings have each outcome, waived or not."""
_MOST = 20
"""Faults that SQLite names of its own pages, at the most."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at in a store, and what is wrong with it."""

    nights: int
    pruned: int
    """How many of them have no papers any more, by intent."""
    papers: int
    runs: int
    """Packed rows of objects and their readings."""
    problems: tuple[str, ...]
    """In words, safe to print; empty where everything is what was written."""


def check(database: Database) -> Checked:
    """
    Read everything that carries a checksum or a digest, and follow every chain. Writes nothing.

    Raises:
        StoreError: the store cannot be read, for another reason than damage.
    """
    problems: list[str] = []
    counts = dict.fromkeys(("nights", "pruned", "papers", "runs"), 0)

    def noted(found: Iterator[tuple[str, str | None]]) -> None:
        try:
            for counted, problem in found:
                if counted:
                    counts[counted] += 1
                if problem is not None:
                    problems.append(problem)
        except StoreDamaged as error:
            problems.append(printable(str(error)))

    if database.sqlite:
        noted(_pages(database))
    noted(_papers(database))
    noted(_runs(database, object_runs, "a run of objects"))
    noted(_runs(database, readings, "a batch of readings"))
    noted(_chains(database))
    noted(_standings(database))
    noted(_drills(database))
    noted(("", problem) for problem in recorded(database))
    return Checked(counts["nights"], counts["pruned"], counts["papers"], counts["runs"], tuple(dict.fromkeys(problems)))


def _pages(database: Database) -> Iterator[tuple[str, str | None]]:
    with database.reading() as connection:
        for (said,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").all():
            if said != "ok":
                yield "", printable(f"SQLite says: {said}")
        for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            yield "", f"a row of {printable(str(table))} belongs to one that is not there"


def _papers(database: Database) -> Iterator[tuple[str, str | None]]:
    for row in _in_pages(database, papers, ("digest", "content"), page=4):
        try:
            same = digest_bytes(zlib.decompress(row.content)) == row.digest
        except zlib.error:
            same = False
        yield "papers", None if same else f"the paper {printable(row.digest)} is not the one that was recorded"


def _runs(database: Database, table: Table, what: str) -> Iterator[tuple[str, str | None]]:
    for row in _in_pages(database, table, ("columns", "digests", "checksum")):
        yield "runs", None if intact(row.columns, row.digests, row.checksum) else f"the checksum of {what} does not hold (number {row.id})"


def _in_pages(database: Database, table: Table, columns: Sequence[str], page: int = 32) -> Iterator[Any]:
    """Every row, so many in memory at a time."""
    last = 0
    while True:
        wanted = select(table.c.id, *(table.c[name] for name in columns)).where(table.c.id > last).order_by(table.c.id).limit(page)
        with database.reading() as connection:
            found = connection.execute(wanted).all()
        yield from found
        if len(found) < page:
            return
        last = found[-1].id


def _chains(database: Database) -> Iterator[tuple[str, str | None]]:
    names = ("run", "started", "reference", "as_of", "exit_code", "link", "pruned")
    wanted = select(organisations.c.name, *(assessments.c[name] for name in names)).join(
        organisations, assessments.c.organisation == organisations.c.id
    )
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(organisations.c.name, assessments.c.id)).all()
        # Of the same moment as the nights: one may be recorded or pruned meanwhile.
        kept = set(connection.execute(select(papers.c.digest)).scalars())
    before: dict[str, Link | None] = {}
    for row in rows:
        night = f"the night {printable(row.run)} of {printable(row.name)}"
        yield "nights", None
        if row.pruned:
            yield "pruned", None
        try:
            link = link_from(row.link.encode())
        except ValueError as error:
            yield "", f"{night}: its link {printable(str(error))}"
            before[row.name] = None
            continue
        yield from (("", f"{night} {problem}") for problem in _of_link(link, row, before.get(row.name), first=row.name not in before))
        if row.pruned and dict(link.papers).get(RECORD) in kept:
            yield "", f"{night}: it is said to be pruned, and its record is there"
        if not row.pruned:
            missing = [name for name, digest in (*link.papers, *link.hashed) if digest not in kept]
            yield from (("", f"{night}: its paper {printable(name)} is gone, and it was not pruned") for name in dict.fromkeys(missing))
        before[row.name] = link


def _standings(database: Database) -> Iterator[tuple[str, str | None]]:
    """On each night the findings are as many of each outcome as were counted when it was recorded, and come to its exit code."""
    names = ("id", "organisation", "run", "exit_code", "counts")
    wanted = select(organisations.c.name, *(assessments.c[name] for name in names)).join(
        organisations, assessments.c.organisation == organisations.c.id
    )
    with database.reading() as connection:
        nights = connection.execute(wanted.where(assessments.c.as_of.is_(False)).order_by(organisations.c.name, assessments.c.id)).all()
        columns = ("organisation", "outcome", "waived", "first", "last")
        begin: dict[tuple[int, int], _Standing] = {}
        end: dict[tuple[int, int], _Standing] = {}
        for row in connection.execute(select(*(findings.c[name] for name in columns))):
            begin.setdefault((row.organisation, row.first), Counter())[row.outcome, row.waived] += 1
            end.setdefault((row.organisation, row.last), Counter())[row.outcome, row.waived] += 1
    standing: dict[str, _Standing] = {}
    for night in nights:
        now = standing.setdefault(night.name, Counter())
        now.update(begin.pop((night.organisation, night.id), {}))
        problem = _miscounted(now, night)
        if problem:
            yield "", f"the night {printable(night.run)} of {printable(night.name)}: {problem}"
        now.subtract(end.pop((night.organisation, night.id), {}))
    if begin or end:
        yield "", "findings begin or end on nights that are not there, or are another organisation's"


def _miscounted(standing: _Standing, night: Any) -> str:
    """What is wrong with the findings of a night, in words; empty where nothing is."""
    outcomes = Counter[str]()
    for (outcome, _), count in standing.items():
        outcomes[outcome] += count
    try:
        counted = json.loads(night.counts)
    except ValueError:
        return "its counts cannot be read"
    if not isinstance(counted, dict) or {name: count for name, count in outcomes.items() if count} != {name: n for name, n in counted.items() if n}:
        return "its findings are not as many of each outcome as were counted when it was recorded"
    open_ = {outcome for (outcome, waived), count in standing.items() if count and not waived}
    waived = any(count for (_, waived), count in standing.items() if waived)
    # As `drcheck.model.Assessment.exit_code`.
    good = not open_ & {Outcome.UNKNOWN, Outcome.ERROR} and (Outcome.PASS in open_ or waived)
    code = EXIT_FAIL if Outcome.FAIL in open_ else EXIT_GOOD if good else EXIT_UNKNOWN
    return "" if code == night.exit_code else f"its findings come to exit code {code}, and it was recorded with {night.exit_code}"


def _drills(database: Database) -> Iterator[tuple[str, str | None]]:
    for row in _in_pages(database, drills, ("system", "target", "recovery_point", "success", "content", "digest")):
        try:
            content = json.loads(row.content)
            told = tuple(content[name] for name in ("system", "target", "recovery_point", "success"))
            same = digest_bytes(row.content.encode()) == row.digest and told == (row.system, row.target, row.recovery_point, row.success)
        except (ValueError, KeyError, TypeError):
            same = False
        yield "", None if same else f"the drill of {printable(row.system)} from {printable(row.target)} is not the one that was recorded"


def _of_link(link: Link, row: Any, previous: Link | None, *, first: bool) -> Iterator[str]:
    """What is wrong with one link of a chain, beside its row and the link before."""
    same = (
        (link.organisation, printable(row.name)),
        (link.run, printable(row.run)),
        (link.started, row.started.replace(microsecond=0)),
        (link.reference, row.reference.replace(microsecond=0)),
        (link.as_of, row.as_of),
        (link.exit_code, row.exit_code),
    )
    if any(one != other for one, other in same):
        yield "is not the night that its link is of"
    if (first or previous is not None) and (why := unlinked(link, previous)):
        yield why
