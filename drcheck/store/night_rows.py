"""What is read off an assessment into rows of its own: findings, recovery points, drills and calls. There can be millions; they come in portions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select, update

from drcheck.canonical import digest_bytes
from drcheck.clock import format_moment
from drcheck.model import Assessment, Drill, Finding, Observed, Points, RecoveryPoint
from drcheck.store.schema import assessments, calls, copies, drills, findings, recovery_points
from drcheck.store.upsert import insert_once

T = TypeVar("T")
FINDING_KEY = ("policy", "control", "subject_kind", "subject", "outcome", "waived", "severity")
"""What makes a finding the same from night to night."""
_IN_ONE = 500
"""Rows that one statement names."""
_AT_A_TIME = 10_000
"""Rows that are held at a time."""


def add_findings(connection: Connection, organisation: int, assessment: Assessment, number: int) -> None:
    """Let the findings of the night before that are as they were go on to this assessment, `number`, and begin the others."""
    goes_on = bytearray(len(assessment.findings))
    before = select(func.max(assessments.c.id)).where(assessments.c.organisation == organisation, assessments.c.as_of.is_(False))
    last = connection.execute(before.where(assessments.c.id < number)).scalar_one()
    if last is not None:
        ended = _matched(connection, organisation, assessment.findings, last, goes_on)
        # All at once, and back for those that are over: most findings go on.
        open_ = (findings.c.organisation == organisation, findings.c.last == last)
        connection.execute(update(findings).where(*open_).values(last=number))
        for some in _portions(ended, _IN_ONE):
            connection.execute(update(findings).where(findings.c.id.in_(some)).values(last=last))
    begun = (finding for place, finding in enumerate(assessment.findings) if not goes_on[place])
    for batch in _portions(begun, _AT_A_TIME):
        values = {"organisation": organisation, "first": number, "last": number}
        connection.execute(insert(findings), [dict(zip(FINDING_KEY, _key(finding), strict=True), **values) for finding in batch])


def _matched(connection: Connection, organisation: int, found: tuple[Finding, ...], last: int, goes_on: bytearray) -> list[int]:
    """
    Mark in `goes_on` each finding that stood the same in the assessment `last`; returns the rows of those that do so no more.

    One control after the other, so that only what stood of one is held at a time.
    """
    ranges: dict[tuple[str, str], list[range]] = {}
    start = 0
    for control, group in groupby(found, key=attrgetter("policy", "control")):
        length = sum(1 for _ in group)
        ranges.setdefault(control, []).append(range(start, start + length))
        start += length
    wanted = select(findings.c.id, *(findings.c[name] for name in FINDING_KEY)).where(
        findings.c.organisation == organisation, findings.c.last == last
    )
    rows = connection.execute(wanted.order_by(findings.c.policy, findings.c.control), execution_options={"yield_per": _AT_A_TIME})
    ended: list[int] = []
    for control, stood in groupby(rows, key=lambda row: (row.policy, row.control)):
        open_ = {tuple(row[1:]): row.id for row in stood}
        for place in (place for some in ranges.get(control, ()) for place in some):
            if open_.pop(_key(found[place]), None) is not None:
                goes_on[place] = 1
        ended += open_.values()
    return ended


def _key(finding: Finding) -> tuple[str, str, str, str, str, bool, str]:
    subject = finding.subject
    return finding.policy, finding.control, subject.kind.value, subject.id, finding.outcome.value, finding.waived, finding.severity.value


def add_points(connection: Connection, organisation: int, assessment: Assessment, number: int) -> None:
    """Add the recovery points that were seen, or that they were seen again."""
    listed = {facts.id: facts.points.value for facts in assessment.facts.copies if isinstance(facts.points, Observed)}
    wanted = select(copies.c.name, copies.c.id).where(copies.c.organisation == organisation)
    numbers = {row.name: row.id for row in connection.execute(wanted)}
    if missing := [{"organisation": organisation, "name": name} for name in listed if name not in numbers]:
        insert_once(connection, copies, missing, ("organisation", "name"))
        numbers = {row.name: row.id for row in connection.execute(wanted)}
    rows = (_point_values(point, numbers[name], number) for name, points in listed.items() for point in _each_once(points))
    for batch in _portions(rows, _AT_A_TIME):
        insert_once(connection, recovery_points, batch, ("copy", "digest"), renew=("time", "state", "size", "objects", "last"))


def _point_values(point: RecoveryPoint, copy: int, number: int) -> dict[str, Any]:
    return {
        "copy": copy,
        "point": point.id,
        "time": point.time,
        "state": point.state.value,
        "size": point.size,
        "objects": point.objects,
        "digest": digest_bytes(json.dumps(point.id).encode()),
        "first": number,
        "last": number,
    }


def _each_once(points: Points) -> Iterable[RecoveryPoint]:
    oldest = () if points.oldest is None else (points.oldest,)
    return {point.id: point for point in (*oldest, *points.future, *points.newest)}.values()


def add_drills(connection: Connection, organisation: int, assessment: Assessment, number: int) -> None:
    """Add the drills that were known, or that they are known still."""
    if isinstance(assessment.facts.drills, Observed):
        rows = {row["digest"]: row for row in (_drill_values(drill, organisation, number) for drill in assessment.facts.drills.value)}
        insert_once(connection, drills, list(rows.values()), ("organisation", "digest"), renew=("last",))


def _drill_values(drill: Drill, organisation: int, number: int) -> dict[str, Any]:
    content = json.dumps({name: _plain(value) for name, value in dataclasses.asdict(drill).items()}, sort_keys=True)
    return {
        "organisation": organisation,
        "system": drill.system,
        "target": drill.target,
        "recovery_point": drill.recovery_point,
        "started": drill.started,
        "success": drill.success,
        "content": content,
        "digest": digest_bytes(content.encode()),
        "first": number,
        "last": number,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_moment(value)
    return value.total_seconds() if isinstance(value, timedelta) else value


def add_calls(connection: Connection, assessment: Assessment, number: int) -> None:
    """Add how often each kind of call was made to each target."""
    rows = [
        {"assessment": number, "target": facts.target, "call": call, "count": count}
        for facts in assessment.facts.targets
        for call, count in dict(facts.calls).items()
    ]
    if rows:
        connection.execute(insert(calls), rows)


def _portions(items: Iterable[T], length: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while portion := list(islice(remaining, length)):
        yield portion
