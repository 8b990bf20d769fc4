"""
Recorded drills: what people wrote down about restores that they rehearsed, in TOML (`[[drills]]`) or JSON lines.

The fields follow Türkiye BİGR 3.1.13.4 (date and time, systems, proof, result, problems, lessons) and NIST CSF 2.0 RC.RP-03. A record here is
unsigned, so what rests on it has the source "declared".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError, WithJsonSchema

from drcheck.errors import ConfigError, Problem
from drcheck.estate.fields import DurationOrNothing, Identifier, Moment
from drcheck.estate.inline_secrets import inline_secrets
from drcheck.estate.problems import Keys, Written, in_order
from drcheck.estate.schema import Estate, Named
from drcheck.estate.toml_text import shown
from drcheck.estate.written import decoded, parse_toml, read_bytes, refuse_extremes
from drcheck.model import Drill
from drcheck.plugins import suggest

_NOUN = "a file of recorded drills"
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def _name_of_point(value: object) -> object:
    # A recovery point is often named by its time, and TOML then makes a moment of it.
    return value.isoformat() if isinstance(value, datetime | date) else value


class DrillRecord(BaseModel):
    """One rehearsed restore, as it is written down."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    system: Identifier = Field(description="Id of the system that was restored", examples=["patient-record"])
    target: Identifier = Field(description="Id of the target whose copy was used", examples=["offsite-sftp"])
    recovery_point: Annotated[Named, BeforeValidator(_name_of_point), WithJsonSchema({"type": "string", "minLength": 1})] = Field(
        description="Which recovery point was restored", examples=["2026-02-28"]
    )
    started: Moment = Field(description="When the restore began, with the time zone", examples=["2026-03-01T09:00:00Z"])
    ended: Moment = Field(description="When the system was usable again, with the time zone", examples=["2026-03-01T12:30:00Z"])
    success: StrictBool = Field(description="Whether the restored system could be used and its data was right", examples=[True])
    verified_by: Named = Field(description="Who checked that the restored data was right", examples=["A. Shah, records team"])
    data_loss: DurationOrNothing | None = Field(
        default=None, description="Between the recovery point and the moment of the rehearsed disaster", examples=["6h"]
    )
    problems: str = Field(default="", description="What went wrong", examples=["The restore host had no route to the archive at first"])
    lessons: str = Field(default="", description="What was learnt or changed", examples=["Route added to the runbook"])
    evidence: str = Field(default="", description="Where the proof lies: a ticket, a log", examples=["ticket 4711"])


class DrillFile(BaseModel):
    """The file of recorded drills."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="drcheck drills")

    schema_version: Literal["drcheck.drills/1"] = Field(default="drcheck.drills/1", alias="schema", description="The version of this file's form")
    drills: tuple[DrillRecord, ...] = Field(default=(), description="One entry a drill")


def load_drills(path: Path) -> tuple[Drill, ...]:
    """
    The drills recorded in the file at `path`, in its order: JSON lines where its name ends with `.jsonl`, else TOML. An empty file records none.

    Raises:
        ConfigError: the file cannot be read, or anything in it is wrong; holds every problem that could be found.
    """
    content = read_bytes(path, noun=_NOUN, if_missing="print an entry to fill in with: drcheck drill template")
    return _from_lines(path, content) if path.suffix.lower() == ".jsonl" else _from_toml(path, content)


def check_references(drills: Iterable[Drill], estate: Estate) -> tuple[Problem, ...]:
    """A problem for every drill of a system, or from a copy, that the estate does not declare: such a record proves nothing about the estate."""
    systems = dict.fromkeys(system.id for system in estate.systems)
    problems = []
    for drill in drills:
        file, _, entry = drill.record.rpartition(": ")
        if drill.system not in systems:
            message = f"no system has the id {shown(drill.system)}; declared: {', '.join(systems)}"
            problems.append(Problem(file, f"{entry}.system", message, suggest(drill.system, systems)))
            continue
        targets = [copy.target for copy in estate.copies_of(drill.system)]
        if drill.target not in targets:
            message = f"{drill.system} has no copy at {shown(drill.target)}; it has copies at: {', '.join(targets) or 'no target'}"
            problems.append(Problem(file, f"{entry}.target", message, suggest(drill.target, targets)))
    return tuple(problems)


def _from_toml(path: Path, content: bytes) -> tuple[Drill, ...]:
    document = parse_toml(path, content)
    written = Written(path, document)
    parsed, problems = written.validated(DrillFile)
    entries = document.get("drills")
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        problems |= _backwards(written, ("drills", place), entry)
    _add_secrets(written, problems)
    if parsed is None or problems:
        raise ConfigError(in_order(document, problems))
    return tuple(_drill(record, f"{path}: drills[{place}]") for place, record in enumerate(parsed.drills))


def _from_lines(path: Path, content: bytes) -> tuple[Drill, ...]:
    drills: list[Drill] = []
    found: list[Problem] = []
    for number, line in enumerate(decoded(path, content).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply" if isinstance(error, RecursionError) else str(error)
            found.append(Problem(str(path), f"line {number}", f"is not a JSON object on one line: {what}"))
            continue
        written = Written(path, entry, prefix=f"line {number}")
        try:
            refuse_extremes(written)
        except ConfigError as error:
            found.extend(error.problems)
            continue
        record, problems = written.validated(DrillRecord)
        problems |= _backwards(written, (), entry)
        _add_secrets(written, problems)
        found.extend(problems.values())
        if record is not None and not problems:
            drills.append(_drill(record, f"{path}: line {number}"))
    if found:
        raise ConfigError(found)
    return tuple(drills)


def _add_secrets(written: Written, problems: dict[Keys, Problem]) -> None:
    if isinstance(written.document, dict):
        problems |= {keys: written.problem(keys, message) for keys, message in inline_secrets(written.document).items()}


def _backwards(written: Written, at: Keys, entry: object) -> dict[Keys, Problem]:
    """The problem of a drill that ended before it began, where both moments can be understood."""
    if not isinstance(entry, dict):
        return {}
    times = [_understood(entry.get(key)) for key in ("started", "ended")]
    if times[0] is None or times[1] is None or times[1] >= times[0]:
        return {}
    keys: Keys = (*at, "ended")
    return {keys: written.problem(keys, f"{shown(entry['ended'])} is before `started`, {shown(entry['started'])}")}


def _understood(value: object) -> datetime | None:
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        return None


def _drill(record: DrillRecord, where: str) -> Drill:
    return Drill(
        system=record.system,
        target=record.target,
        recovery_point=record.recovery_point,
        started=record.started,
        ended=record.ended,
        success=record.success,
        verified_by=record.verified_by,
        data_loss=record.data_loss,
        problems=record.problems,
        lessons=record.lessons,
        evidence=record.evidence,
        record=where,
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            # Readers differ in which of two they believe, so neither is believed.
            raise ValueError(f"the key {shown(key)} stands there twice")
        entries[key] = value
    return entries


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
