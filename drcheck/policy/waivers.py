"""Waivers: failures that somebody accepted, with an owner, a reason and an end date. A waiver never changes an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drcheck.errors import ConfigError
from drcheck.estate.fields import Day
from drcheck.estate.problems import Written, in_order
from drcheck.estate.schema import Named
from drcheck.estate.written import parse_toml, read_bytes
from drcheck.model import Finding, Outcome, Waiver, printable

WAIVABLE = frozenset({Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR})
"""Outcomes that somebody can accept."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class WrittenWaiver(_Written):
    """One accepted failure."""

    policy: Named = Field(description="The pack's id", examples=["uk-ncsc-offline-backups"])
    control: Named = Field(description="The control's id", examples=["NCSC-OFF-1"])
    subject: Named = Field(description="A system, a target, or a copy as system@target", examples=["pathology@tape"])
    owner: Named = Field(description="Who accepted it", examples=["Chief information officer"])
    reason: Named = Field(description="Why", examples=["The tape is in the safe and cannot be asked; restored from on 2026-09-01"])
    until: Day = Field(description="The last day on which it holds, in UTC", examples=["2026-12-31"])


class WrittenWaivers(_Written):
    """A file of accepted failures."""

    schema_version: Literal["drcheck.waivers/1"] = Field(alias="schema", description="This file's form", examples=["drcheck.waivers/1"])
    waivers: tuple[WrittenWaiver, ...] = Field(default=(), description="Accepted failures")


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """
    The waivers in the file at `path`.

    Raises:
        ConfigError: it cannot be read, or anything in it is wrong; holds every problem.
    """
    return parse_waivers(path, read_waivers(path))


def read_waivers(path: Path) -> bytes:
    """What the file of waivers at `path` holds. Raises ConfigError where it cannot be read."""
    return read_bytes(path, noun="a file of waivers", if_missing="write it, or take `waivers` out of the estate")


def parse_waivers(path: Path, content: bytes) -> tuple[Waiver, ...]:
    """
    The waivers in `content`, as if it stood in the file at `path`.

    Raises:
        ConfigError: as `load_waivers`.
    """
    document = parse_toml(path, content)
    written = Written(path, document)
    found, problems = written.validated(WrittenWaivers)
    entries = document.get("waivers")
    first: dict[tuple[object, ...], int] = {}
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            which = tuple(str(entry.get(key)).strip() for key in ("policy", "control", "subject"))
            if first.setdefault(which, place) != place:
                problems["waivers", place] = written.problem(("waivers", place), f"the same is already waived by waivers[{first[which]}]")
    if found is None or problems:
        raise ConfigError(in_order(document, problems))
    return tuple(Waiver(one.policy, one.control, one.subject, one.owner, one.reason, one.until) for one in found.waivers)


def attach(findings: Sequence[Finding], waivers: Sequence[Waiver], now: datetime) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings with the waivers that hold on the day of `now` (UTC), and a note for every waiver that has ended or is for nothing."""
    today = now.astimezone(UTC).date()
    by_key = {(waiver.policy, waiver.control, waiver.subject): waiver for waiver in waivers}
    attached: dict[int, Finding] = {}
    unused = dict(by_key)
    known = set()
    for place, finding in enumerate(findings) if by_key else ():
        key = (finding.policy, finding.control, finding.subject.id)
        waiver = by_key.get(key)
        if waiver is None:
            continue
        known.add(key)
        if finding.outcome in WAIVABLE:
            unused.pop(key, None)
            if today <= waiver.until:
                attached[place] = replace(finding, waiver=waiver)
    notes = [f"{_named(waiver)} ended on {waiver.until.isoformat()} and no longer holds" for key, waiver in by_key.items() if today > waiver.until]
    for key, waiver in unused.items():
        why = (
            "has nothing to accept: there is nothing wrong"
            if key in known
            else "is for nothing that was judged; look at its policy, control and subject"
        )
        notes.append(f"{_named(waiver)} {why}")
    return tuple(attached.get(place, finding) for place, finding in enumerate(findings)) if attached else tuple(findings), tuple(notes)


def _named(waiver: Waiver) -> str:
    return f"the waiver of {printable(waiver.control)} ({printable(waiver.policy)}) for {printable(waiver.subject)}, by {printable(waiver.owner)},"
