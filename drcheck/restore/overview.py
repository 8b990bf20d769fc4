"""Recorded drills at a glance: how old, how long against the objective, and which systems have none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tabulate import tabulate

from drcheck.clock import format_duration, format_moment
from drcheck.estate.schema import Estate
from drcheck.model import Drill, printable


def as_table(drills: Sequence[Drill], estate: Estate, now: datetime, as_of: bool = False) -> str:
    """The drills as a table, newest first, with `now` as the moment that ages are counted from; `as_of` says that somebody chose it."""
    rows = []
    for drill in _newest_first(drills):
        objective = _objective(drill, estate)
        rows.append(
            (
                drill.system,
                drill.target,
                drill.recovery_point,
                format_moment(drill.ended),
                format_duration(now - drill.ended) if drill.ended <= now else "in the future",
                "restored" if drill.success else "FAILED",
                format_duration(drill.took),
                format_duration(objective) if objective else "none set",
                _against(drill, objective),
                format_duration(drill.data_loss) if drill.data_loss is not None else "not recorded",
                drill.verified_by,
            )
        )
    headers = ("system", "from", "recovery point", "ended", "age", "result", "took", "RTO", "within RTO", "data loss", "verified by")
    count = f"{len(drills)} recorded drill{'s' if len(drills) != 1 else ''}"
    lines = [f"{count}, as of {format_moment(now)}{' (chosen with --as-of)' if as_of else ''}; unsigned records, so declared only"]
    if rows:
        lines += ["", tabulate([[printable(cell) for cell in row] for row in rows], headers=headers, tablefmt="simple", disable_numparse=True)]
    if without := _without(drills, estate):
        lines += ["", f"No drill is recorded for: {', '.join(without)}"]
    if unproved := [
        system for system in _systems(estate) if system not in without and not any(_counts(drill, now) for drill in drills if drill.system == system)
    ]:
        lines += ["", f"No drill has restored so far: {', '.join(unproved)}"]
    return "\n".join(lines) + "\n"


def as_json(drills: Sequence[Drill], estate: Estate, now: datetime, as_of: bool = False) -> str:
    """The drills as one JSON document, newest first: durations in seconds, moments in UTC; null where something was not recorded."""
    document: dict[str, Any] = {
        "schema": "drcheck.drill-list/1",
        "now": format_moment(now),
        "as_of": as_of,
        "drills": [_entry(drill, estate, now) for drill in _newest_first(drills)],
        "without": _without(drills, estate),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(drill: Drill, estate: Estate, now: datetime) -> dict[str, Any]:
    objective = _objective(drill, estate)
    return {
        "system": drill.system,
        "target": drill.target,
        "recovery_point": drill.recovery_point,
        "started": format_moment(drill.started),
        "ended": format_moment(drill.ended),
        "age_seconds": int((now - drill.ended).total_seconds()),
        "success": drill.success,
        "took_seconds": int(drill.took.total_seconds()),
        "rto_seconds": int(objective.total_seconds()) if objective else None,
        "within_rto": drill.took <= objective if objective and drill.success else None,
        "data_loss_seconds": int(drill.data_loss.total_seconds()) if drill.data_loss is not None else None,
        "verified_by": drill.verified_by,
        "problems": drill.problems,
        "lessons": drill.lessons,
        "evidence": drill.evidence,
        "record": drill.record,
        "source": "declared",
    }


def _against(drill: Drill, objective: timedelta | None) -> str:
    if objective is None or not drill.success:
        return "-"
    return "yes" if drill.took <= objective else f"no, {format_duration(drill.took - objective)} over"


def _counts(drill: Drill, now: datetime) -> bool:
    return drill.success and drill.ended <= now


def _objective(drill: Drill, estate: Estate) -> timedelta | None:
    return next((system.rto for system in estate.systems if system.id == drill.system), None)


def _newest_first(drills: Sequence[Drill]) -> list[Drill]:
    return sorted(drills, key=lambda drill: drill.ended, reverse=True)


def _systems(estate: Estate) -> list[str]:
    return [system.id for system in estate.systems]


def _without(drills: Sequence[Drill], estate: Estate) -> list[str]:
    recorded = {drill.system for drill in drills}
    return [system for system in _systems(estate) if system not in recorded]
