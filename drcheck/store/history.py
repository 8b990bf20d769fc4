"""Assessments as rows, and what can be read off them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from drcheck.canonical import digest_bytes
from drcheck.chain import Link, Paper, link_from
from drcheck.model import (
    Assessment,
    Interval,
    Night,
    Outcome,
    PointState,
    Severity,
    Subject,
    SubjectKind,
    printable,
)
from drcheck.store.night_rows import FINDING_KEY, add_calls, add_drills, add_findings, add_points
from drcheck.store.packing import Damaged
from drcheck.store.schema import assessments, copies, drills, findings, organisations, recovery_points
from drcheck.store.schema import papers as papers_
from drcheck.store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class PointSeen:
    """A recovery point as it was last seen."""

    copy: str
    id: str
    time: datetime
    state: PointState
    size: int
    objects: int
    first_seen: datetime
    """The reference time of the first assessment that saw it."""
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class DrillSeen:
    """A drill that an assessment knew of."""

    system: str
    target: str
    recovery_point: str
    started: datetime
    success: bool
    content: str
    """The whole drill as JSON: the fields of `drcheck.model.Drill`, lengths in seconds."""
    first_seen: datetime
    """The reference time of the first assessment that knew of it."""
    last_seen: datetime


def organisation_number(connection: Connection, name: str) -> int:
    """The number of an organisation, which is made where it is new; locked until the transaction ends."""
    insert_once(connection, organisations, [{"name": name}], ("name",))
    return int(connection.execute(select(organisations.c.id).where(organisations.c.name == name).with_for_update()).scalar_one())


def find_copy(connection: Connection, organisation: str, name: str) -> int | None:
    """The number of a copy; None where it is not known yet."""
    named = select(copies.c.id).join(organisations, copies.c.organisation == organisations.c.id)
    return connection.execute(named.where(organisations.c.name == organisation, copies.c.name == name)).scalar()


def copy_number(connection: Connection, organisation: int, name: str) -> int:
    """The number of a copy, which is made where it is new."""
    insert_once(connection, copies, [{"organisation": organisation, "name": name}], ("organisation", "name"))
    wanted = select(copies.c.id).where(copies.c.organisation == organisation, copies.c.name == name)
    return int(connection.execute(wanted).scalar_one())


def add_assessment(connection: Connection, assessment: Assessment, papers: Sequence[Paper]) -> int:
    """Add one assessment with its papers and everything that is read off it, as the next link of its organisation's chain; returns its number."""
    run = assessment.run
    organisation = organisation_number(connection, assessment.estate.organisation)
    digests = _add_papers(connection, papers)
    values = {
        "organisation": organisation,
        "run": run.id,
        "started": run.started,
        "finished": run.finished,
        "reference": run.reference,
        "as_of": run.as_of,
        "estate_digest": assessment.estate.digest,
        "version": run.version,
        "exit_code": assessment.exit_code,
        "counts": json.dumps({outcome.value: count for outcome, count in assessment.counts().items()}),
        "link": _next_link(connection, organisation, assessment, digests).canonical().decode(),
    }
    number = int(connection.execute(insert(assessments).values(values).returning(assessments.c.id)).scalar_one())
    if not run.as_of:
        # An assessment of another moment than its own says nothing of how things went on since the last one.
        add_findings(connection, organisation, assessment, number)
        add_points(connection, organisation, assessment, number)
        add_drills(connection, organisation, assessment, number)
    add_calls(connection, assessment, number)
    return number


def _add_papers(connection: Connection, papers: Sequence[Paper]) -> dict[str, tuple[str, str]]:
    """Keep each content once; returns the digest of each paper as it is and with names hashed."""
    digests = {}
    for paper in papers:
        versions = (paper.plain, paper.nameless or paper.plain)
        digests[paper.name] = (versions[0].digest, versions[1].digest)
        for version in dict.fromkeys(versions):
            insert_once(connection, papers_, [{"digest": version.digest, "content": version.compressed}], ("digest",))
    return digests


def _next_link(connection: Connection, organisation: int, assessment: Assessment, digests: Mapping[str, tuple[str, str]]) -> Link:
    last = select(assessments.c.link).where(assessments.c.organisation == organisation).order_by(assessments.c.id.desc()).limit(1)
    before = connection.execute(last).scalar()
    try:
        previous = None if before is None else link_from(before.encode())
    except ValueError as error:
        raise Damaged(f"the link of the organisation's last assessment {error}") from error
    run = assessment.run
    return Link(
        organisation=printable(assessment.estate.organisation),
        number=1 if previous is None else previous.number + 1,
        run=printable(run.id),
        started=run.started,
        reference=run.reference,
        as_of=run.as_of,
        exit_code=assessment.exit_code,
        papers=tuple(sorted((name, plain) for name, (plain, _) in digests.items())),
        hashed=tuple(sorted((name, hashed) for name, (_, hashed) in digests.items())),
        previous="" if previous is None else previous.digest,
    )


def select_assessments() -> Select[Any]:
    """Assessments without their papers."""
    columns = [column for column in assessments.c if column.name != "organisation"]
    return select(*columns, organisations.c.name.label("organisation")).join(organisations, assessments.c.organisation == organisations.c.id)


def night_of(row: Row[Any]) -> Night:
    """One row of `select_assessments`."""
    values = row._asdict()
    try:
        counts = dict(json.loads(values.pop("counts")))
    except (ValueError, TypeError) as error:
        raise Damaged(f"the counts of the assessment {values['id']} cannot be read") from error
    link = digest_bytes(values.pop("link").encode())
    return Night(number=values.pop("id"), counts=tuple((outcome, counts.get(outcome.value, 0)) for outcome in Outcome), link=link, **values)


def select_intervals(organisation: str) -> Select[Any]:
    """The findings of one organisation, as they began."""
    began, ended = assessments.alias("began"), assessments.alias("ended")
    return (
        select(*(findings.c[name] for name in (*FINDING_KEY, "first", "last")), began.c.reference.label("since"), ended.c.reference.label("until"))
        .join(organisations, findings.c.organisation == organisations.c.id)
        .join(began, findings.c.first == began.c.id)
        .join(ended, findings.c.last == ended.c.id)
        .where(organisations.c.name == organisation)
        .order_by(findings.c.first, findings.c.id)
    )


def intervals_of(rows: Iterable[Sequence[Any]]) -> Iterator[Interval]:
    """
    Rows of `select_intervals`. What many of them have alike is kept once.

    Raises:
        Damaged: one of them is no finding.
    """
    words: dict[str, str] = {}
    subjects: dict[tuple[str, str], Subject] = {}
    moments: dict[int, datetime] = {}
    for policy, control, kind, name, outcome, waived, severity, first, last, since, until in rows:
        try:
            subject = subjects.get((kind, name)) or subjects.setdefault((kind, name), Subject(SubjectKind(kind), name))
            graded = Outcome(outcome), Severity(severity)
        except ValueError as error:
            raise Damaged(f"a finding between the assessments {first} and {last} cannot be read: {error}") from error
        yield Interval(
            words.setdefault(policy, policy),
            words.setdefault(control, control),
            subject,
            graded[0],
            waived,
            graded[1],
            first,
            moments.setdefault(first, since),
            last,
            moments.setdefault(last, until),
        )


def select_drills(organisation: str) -> Select[Any]:
    """The drills of one organisation, in the order in which they were first known."""
    began, ended = assessments.alias("began"), assessments.alias("ended")
    return (
        select(
            *(drills.c[name] for name in ("system", "target", "recovery_point", "started", "success", "content")),
            began.c.reference.label("first_seen"),
            ended.c.reference.label("last_seen"),
        )
        .join(organisations, drills.c.organisation == organisations.c.id)
        .join(began, drills.c.first == began.c.id)
        .join(ended, drills.c.last == ended.c.id)
        .where(organisations.c.name == organisation)
        .order_by(drills.c.first, drills.c.id)
    )


def drill_of(row: Row[Any]) -> DrillSeen:
    """One row of `select_drills`."""
    return DrillSeen(**row._asdict())


def select_points(organisation: str, copy: str) -> Select[Any]:
    """The recovery points of one copy, the newest first."""
    began, ended = assessments.alias("began"), assessments.alias("ended")
    return (
        select(
            copies.c.name,
            *(recovery_points.c[name] for name in ("point", "time", "state", "size", "objects")),
            began.c.reference.label("first_seen"),
            ended.c.reference.label("last_seen"),
        )
        .join(copies, recovery_points.c.copy == copies.c.id)
        .join(organisations, copies.c.organisation == organisations.c.id)
        .join(began, recovery_points.c.first == began.c.id)
        .join(ended, recovery_points.c.last == ended.c.id)
        .where(organisations.c.name == organisation, copies.c.name == copy)
        .order_by(recovery_points.c.time.desc(), recovery_points.c.id.desc())
    )


def point_of(row: Row[Any]) -> PointSeen:
    """One row of `select_points`."""
    return PointSeen(row.name, row.point, row.time, PointState(row.state), row.size, row.objects, row.first_seen, row.last_seen)
