"""The report for programs: one JSON document, `drcheck.assessment/1`, described by docs/assessment.schema.json."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from drcheck.clock import format_moment
from drcheck.model import (
    TARGET_ASPECTS,
    Assessment,
    Changes,
    Fact,
    Identity,
    Observed,
    Outcome,
    PolicyUsed,
    Rotation,
    TargetFacts,
    TargetPlace,
    Unobserved,
    Verification,
)
from drcheck.model.bounds import bad_rate
from drcheck.reports.base import ReportOptions
from drcheck.reports.json_findings import finding_texts
from drcheck.reports.rows import NOT_RECORDED, CopyRow, copy_rows, silent_targets
from drcheck.reports.wording import seen_at, waived

SCHEMA = "drcheck.assessment/1"
_AT_A_TIME = 500


def json_document(assessment: Assessment, options: ReportOptions) -> str:
    """
    The whole assessment; no option leaves anything out.

    The text is ASCII, so that names which are no UTF-8 survive as `\\udcXX`. Moments are ISO 8601 in UTC, lengths of time whole seconds, sizes bytes.
    """
    return "".join(json_parts(assessment, options))


def json_parts(assessment: Assessment, _: ReportOptions) -> Iterator[str]:
    """The same in parts that follow each other, for a document that is better not held in memory."""
    head = {
        "schema": SCHEMA,
        "run": _run(assessment),
        "estate": dataclasses.asdict(assessment.estate),
        "policies": [_policy(policy) for policy in assessment.policies],
        "summary": _summary(assessment),
    }
    yield _text(head, "").removesuffix("\n}")
    yield from _entries("findings", finding_texts(assessment.findings))
    yield from _entries("copies", (_text(_copy(row, assessment.run.reference), "    ") for row in copy_rows(assessment)))
    yield from _entries("targets", (_text(target, "    ") for target in _targets(assessment)))
    yield f',\n  "sampling": {_text(_plain(assessment.facts.sampling), "  ")}\n}}\n'


def _text(value: Any, indent: str) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("\n", f"\n{indent}") if indent else text


def _entries(key: str, texts: Iterator[str]) -> Iterator[str]:
    """A list of the document, some entries at a time."""
    yield f',\n  "{key}": ['
    before = "\n    "
    while some := list(islice(texts, _AT_A_TIME)):
        yield before + ",\n    ".join(some)
        before = ",\n    "
    yield "]" if before == "\n    " else "\n  ]"


def _run(assessment: Assessment) -> dict[str, Any]:
    run = assessment.run
    return {
        "id": run.id,
        "reference": format_moment(run.reference),
        "as_of": run.as_of,
        "facts_from": run.facts_from or None,
        "facts_at": format_moment(seen_at(assessment)),
        "started": format_moment(run.started),
        "finished": format_moment(run.finished),
        "version": run.version,
        "plugins": [{"name": name, "version": version} for name, version in run.plugins],
    }


def _policy(policy: PolicyUsed) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(policy)
    for control in fields["controls"]:
        for kind in ("issuer_parameters", "our_parameters"):
            control[kind] = [{"name": name, "value": value} for name, value in control[kind]]
    return fields


def _summary(assessment: Assessment) -> dict[str, Any]:
    found = assessment.counts()
    order = (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE, Outcome.ERROR)
    return {
        **{str(outcome): found[outcome] for outcome in order},
        "waived": waived(assessment),
        "exit_code": assessment.exit_code,
        "notes": list(assessment.notes),
    }


def _copy(row: CopyRow, reference: datetime) -> dict[str, Any]:
    points = row.points.value if isinstance(row.points, Observed) else None
    newest = row.newest.time if row.newest else None
    return {
        "system": row.place.system,
        "target": row.place.target,
        "site": row.place.site,
        "role": row.place.role,
        "offsite": row.place.offsite,
        "recovery_points": row.finished,
        "newest": format_moment(newest) if newest else None,
        "oldest": format_moment(row.oldest.time) if row.oldest else None,
        "age_seconds": int(row.age.total_seconds()) if row.age is not None else None,
        "objects": points.objects if points else None,
        "bytes": points.bytes if points else None,
        "verification": _verification(row.verification, reference),
        "changes": _changes(row.changes),
        "unobserved": _unobserved(row.points),
    }


def _verification(fact: Fact[Verification], reference: datetime) -> dict[str, Any]:
    value = fact.value if isinstance(fact, Observed) else None
    return {
        "depth": value.depth if value else None,
        "objects_read": value.objects_read if value else None,
        "bytes_read": value.bytes_read if value else None,
        "objects_total": value.objects_total if value else None,
        "bad": value.bad if value else None,
        "oldest_read": _oldest_read(value) if value else None,
        "upper_bound_bad_rate": _rounded_up(bad_rate(value, reference)) if value else None,
        "rotation": _rotation(value.rotation) if value and value.rotation else None,
        "unobserved": _plain(value.stopped) if value else _unobserved(fact),
    }


def _oldest_read(verification: Verification) -> str | None:
    if verification.rotation is not None:
        oldest = verification.rotation.oldest_read
        return format_moment(oldest) if oldest else None
    return format_moment(verification.started) if verification.objects_read else None


def _rounded_up(share: float) -> float:
    rounded = round(share, 6)
    return rounded if rounded >= share - 1e-12 else round(rounded + 1e-6, 6)


def _rotation(rotation: Rotation) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(rotation)
    del fields["cycle"]
    return {"cycle_seconds": int(rotation.cycle.total_seconds()), **fields}


def _changes(fact: Fact[Changes]) -> dict[str, Any]:
    value = fact.value if isinstance(fact, Observed) else None
    return {
        "since": format_moment(value.since) if value and value.since else None,
        "new": value.new if value else None,
        "changed": value.changed if value else None,
        "gone": value.gone if value else None,
        "unchanged": value.unchanged if value else None,
        "breaches": [{"breach": breach, "count": count} for breach, count in value.breaches] if value else None,
        "broken": _plain(value.broken) if value else None,
        "unobserved": _unobserved(fact),
    }


def _targets(assessment: Assessment) -> list[dict[str, Any]]:
    seen = {target.target: target for target in assessment.facts.targets}
    silent = {target.place.target for target in silent_targets(assessment)}
    return [_target(place, seen.get(place.target), answered=place.target not in silent) for place in assessment.targets]


def _target(place: TargetPlace, facts: TargetFacts | None, *, answered: bool) -> dict[str, Any]:
    aspects: dict[str, Fact[Any]] = facts.aspects if facts else dict.fromkeys(TARGET_ASPECTS, NOT_RECORDED)
    return {
        "target": place.target,
        "connector": place.connector,
        "site": place.site,
        "address": place.address,
        "answered": answered,
        "facts": {name: _fact(fact) for name, fact in aspects.items()},
        "calls": [{"call": call, "count": count} for call, count in facts.calls] if facts else [],
        "seconds": round(facts.seconds) if facts else None,
    }


def _fact(fact: Fact[Any]) -> dict[str, Any]:
    """A fact about a target: its value with how and when it was learnt, or nulls and why it is not known."""
    if isinstance(fact, Unobserved):
        return {"value": None, "source": None, "at": None, "unobserved": _unobserved(fact)}
    value = _plain(fact.value)
    if isinstance(fact.value, Identity):
        value["traits"] = [{"name": name, "value": text} for name, text in fact.value.traits]
    return {"value": value, "source": fact.source, "at": format_moment(fact.at), "unobserved": None}


def _unobserved(fact: Fact[Any]) -> dict[str, Any] | None:
    return {"reason": fact.reason, "detail": fact.detail} if isinstance(fact, Unobserved) else None


def _plain(value: Any) -> Any:
    """Frozen values as what JSON knows: moments as text, fractions of seconds rounded away, everything else by its fields."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, float):
        return round(value)
    return value
