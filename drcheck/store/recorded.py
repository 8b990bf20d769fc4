"""
Whether the rows that are read off a night are what its record says: findings with their severity, recovery points, and counts of calls.

The record is the paper whose digest stands in the chain, so rows that were altered show. What was pruned has no record, and is passed over.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from drcheck.canonical_findings import with_surrogates_shown
from drcheck.chain import RECORD, link_from
from drcheck.model import printable
from drcheck.store.database import Database
from drcheck.store.night_rows import FINDING_KEY
from drcheck.store.schema import assessments, calls, copies, findings, organisations, papers, recovery_points

_AT_A_TIME = 10_000
_FindingKey = tuple[str, str, str, str, str, bool, str]
"""As `FINDING_KEY`."""


class _Point(NamedTuple):
    """One row of a recovery point."""

    first: int
    last: int
    seen: tuple[datetime, str, int, int]
    """Time, state, size and objects, as on the night `last`."""


@dataclass(frozen=True, slots=True)
class _Night:
    number: int
    organisation: int
    as_of: bool
    named: str
    """In words, safe to print."""
    record: str
    """The digest of its record."""


class _Recorded:
    """What a record says that is in rows too, read without holding every finding at once."""

    def __init__(self, text: str) -> None:
        self.findings = 0
        """The sum of the marks of its findings, see `_mark`."""
        self.calls: dict[tuple[str, str], int] = {}
        self.points: dict[tuple[str, str], tuple[datetime, str, int, int]] = {}
        """By copy and point."""
        reader = _Reader(text)
        for name in reader.members():
            match name:
                case "findings":
                    self.findings = sum(map(_mark, map(_key_of, reader.items())))
                case "facts":
                    self._facts(reader)
                case _:
                    reader.value()

    def _facts(self, reader: _Reader) -> None:
        for name in reader.members():
            match name:
                case "copies":
                    for copy in reader.items():
                        self._copy(copy)
                case "targets":
                    for target in reader.items():
                        self.calls |= {(target["target"], call): int(count) for call, count in target.get("calls", ())}
                case _:
                    reader.value()

    def _copy(self, copy: dict[str, Any]) -> None:
        points = copy["points"].get("value")
        if points is not None:
            # In the order in which they were made rows: of two with one name the last counts.
            for point in (*([points["oldest"]] if points["oldest"] else ()), *points["future"], *points["newest"]):
                seen = (datetime.fromisoformat(point["time"]), point["state"], int(point["size"]), int(point["objects"]))
                self.points[f"{copy['system']}@{copy['target']}", point["id"]] = seen


def recorded(database: Database) -> Iterator[str]:
    """What is wrong with the rows of each night beside its record, in words, safe to print."""
    nights, marks, points = _rows(database)
    standing: dict[int, int] = {}
    for night in nights:
        begun, ended = marks.get((night.organisation, night.number), (0, 0))
        standing[night.organisation] = standing.get(night.organisation, 0) + begun
        yield from (
            f"{night.named}: {problem}" for problem in _night(database, night, standing[night.organisation], points.get(night.organisation, {}))
        )
        standing[night.organisation] -= ended


def _rows(
    database: Database,
) -> tuple[list[_Night], dict[tuple[int, int], tuple[int, int]], dict[int, dict[tuple[str, str], list[_Point]]]]:
    """Every night, the marks of the findings that begin and end on each, and every recovery point by organisation, copy and name: of one moment."""
    names = ("id", "organisation", "run", "as_of", "link", "pruned")
    wanted = select(organisations.c.name, *(assessments.c[name] for name in names)).join(
        organisations, assessments.c.organisation == organisations.c.id
    )
    marks: dict[tuple[int, int], tuple[int, int]] = {}
    points: dict[int, dict[tuple[str, str], list[_Point]]] = {}
    with database.reading() as connection:
        nights = [_night_of(row) for row in connection.execute(wanted.order_by(assessments.c.id))]
        found = select(findings.c.organisation, findings.c.first, findings.c.last, *(findings.c[name] for name in FINDING_KEY))
        for row in connection.execute(found, execution_options={"yield_per": _AT_A_TIME}):
            mark = _mark(_shown(row[3:]))
            for place, number in enumerate((row.first, row.last)):
                begun, ended = marks.get((row.organisation, number), (0, 0))
                marks[row.organisation, number] = (begun + mark, ended) if place == 0 else (begun, ended + mark)
        columns = ("point", "time", "state", "size", "objects", "first", "last")
        seen = select(copies.c.organisation, copies.c.name, *(recovery_points.c[name] for name in columns)).join(
            copies, recovery_points.c.copy == copies.c.id
        )
        for row in connection.execute(seen, execution_options={"yield_per": _AT_A_TIME}):
            key = with_surrogates_shown(row.name), with_surrogates_shown(row.point)
            line = _Point(row.first, row.last, (row.time, row.state, row.size, row.objects))
            points.setdefault(row.organisation, {}).setdefault(key, []).append(line)
    return nights, marks, points


def _night_of(row: Any) -> _Night:
    try:
        record = "" if row.pruned else dict(link_from(row.link.encode()).papers).get(RECORD, "")
    except ValueError:
        record = ""  # that its link is none is told with the chain
    return _Night(row.id, row.organisation, row.as_of, f"the night {printable(row.run)} of {printable(row.name)}", record)


def _night(database: Database, night: _Night, standing: int, points: dict[tuple[str, str], list[_Point]]) -> Iterator[str]:
    """What is wrong with the rows of one night; nothing where its record is not there, or was pruned meanwhile."""
    if not night.record:
        return
    with database.reading() as connection:
        content = connection.execute(select(papers.c.content).where(papers.c.digest == night.record)).scalar()
        made = connection.execute(select(calls.c.target, calls.c.call, calls.c["count"]).where(calls.c.assessment == night.number)).all()
    if content is None:
        return
    try:
        said = _Recorded(zlib.decompress(content).decode())
    except (zlib.error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield "its record cannot be read"
        return
    if {(with_surrogates_shown(target), with_surrogates_shown(call)): count for target, call, count in made} != said.calls:
        yield "its counts of calls are not those of its record"
    if night.as_of:
        return
    if standing != said.findings:
        yield f"its findings are not those of its record{_example(database, night, content)}"
    yield from _points(night.number, said.points, points)


def _points(number: int, said: dict[tuple[str, str], tuple[datetime, str, int, int]], rows: dict[tuple[str, str], list[_Point]]) -> Iterator[str]:
    for key, seen in said.items():
        held = [row for row in rows.get(key, ()) if row.first <= number <= row.last]
        if not held:
            yield f"{_point(key)} is in its record, and is not said to have been seen then"
        elif not any(row.last > number or row.seen == seen for row in held):
            yield f"{_point(key)} is not as its record says"
    for key, lines in rows.items():
        if key not in said and any(number in (row.first, row.last) for row in lines):
            yield f"{_point(key)} is said to have been seen first or last then, and is not in its record"


def _point(key: tuple[str, str]) -> str:
    copy, point = key
    return f"the recovery point {printable(point)} of {printable(copy)}"


def _example(database: Database, night: _Night, content: bytes) -> str:
    """One finding that is another, in words. Read anew, for as good as never is one."""
    wanted = select(*(findings.c[name] for name in FINDING_KEY)).where(
        findings.c.organisation == night.organisation, findings.c.first <= night.number, findings.c.last >= night.number
    )
    with database.reading() as connection:
        stands = Counter(_shown(row) for row in connection.execute(wanted))
    reader = _Reader(zlib.decompress(content).decode())
    said = Counter[_FindingKey]()
    for name in reader.members():
        if name == "findings":
            said = Counter(map(_key_of, reader.items()))
        else:
            reader.value()
    other = sorted((said - stands) | (stands - said))
    if not other:
        return ""
    policy, control, kind, subject, *_ = other[0]
    return f": that of {printable(policy)} {printable(control)} on {kind} {printable(subject)}" + (", among others" if len(other) > 2 else "")


def _key_of(finding: dict[str, Any]) -> _FindingKey:
    """What a finding in a record is by, as in its row."""
    subject = finding["subject"]
    waived = finding["waiver"] is not None
    return finding["policy"], finding["control"], subject["kind"], subject["id"], finding["outcome"], waived, finding["severity"]


def _shown(row: Any) -> _FindingKey:
    policy, control, kind, subject, outcome, waived, severity = row
    names = (with_surrogates_shown(name) for name in (policy, control))
    return *names, kind, with_surrogates_shown(subject), outcome, bool(waived), severity


def _mark(key: _FindingKey) -> int:
    """A number for a finding; the sum of many is as good as never that of others, and tells nothing of their order."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest(), "big")


class _Reader:
    """
    Goes through a text in RFC 8785 form, value after value. A record can be large: what is not asked for is not held.

    Every method raises ValueError or IndexError where the text is another.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._decode = json.JSONDecoder().raw_decode

    def value(self) -> Any:
        """The next value, whole."""
        value, self._at = self._decode(self._text, self._at)
        return value

    def members(self) -> Iterator[str]:
        """The name of each member of the next value, an object; its own value is to be taken before the next name."""
        self._take("{")
        while self._text[self._at] != "}":
            name = self.value()
            self._take(":")
            yield name
            self._go_on()
        self._at += 1

    def items(self) -> Iterator[Any]:
        """Each item of the next value, a list."""
        self._take("[")
        while self._text[self._at] != "]":
            yield self.value()
            self._go_on()
        self._at += 1

    def _go_on(self) -> None:
        if self._text[self._at] == ",":
            self._at += 1

    def _take(self, mark: str) -> None:
        if self._text[self._at] != mark:
            raise ValueError(f"{mark} is wanted at {self._at}")
        self._at += 1
