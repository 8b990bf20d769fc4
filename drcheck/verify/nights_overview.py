"""In words and as JSON: what a night would read, and what it read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tabulate import tabulate

from drcheck.clock import format_duration, format_moment
from drcheck.model import CopyFacts, Facts, ObjectResult, Observed, Unobserved, Verification, printable
from drcheck.sizes import format_size
from drcheck.verify.budget import Cost
from drcheck.verify.held_against import exit_code
from drcheck.verify.plan import Forecast

_HEADERS = ("copy", "read tonight", "of", "why", "cycle", "left", "all read by")


def forecast_as_text(forecasts: Iterable[Forecast], currency: str, *, timed: bool = False) -> str:
    """What would be read of each copy and why, and what all of it costs; `timed` where a budget of time holds besides."""
    forecasts = list(forecasts)
    rows, notes, whole = [], [], Cost()
    for each in forecasts:
        if each.night is None:
            notes.append(f"{printable(each.copy)}: {printable(str(each.why))}")
            continue
        night, whole = each.night, whole + each.cost
        why = ", ".join(f"{count:,} {word}" for count, word in ((night.due, "due"), (night.suspect, "suspect"), (night.fresh, "new")) if count)
        rows.append(
            (
                printable(each.copy),
                f"{night.chosen:,}, {format_size(night.bytes)}",
                f"{night.objects:,}",
                why or "in turn",
                format_duration(night.cycle),
                f"{night.left:,} LATE" if night.left else "",
                f"{night.ends:%Y-%m-%d}" if night.ends else "tonight" if night.standing < night.objects else "all stand",
            )
        )
        if each.overdrawn:
            notes.append(f"{printable(each.copy)}: one object alone is larger than the budget; it is read all the same, or it would never be")
    lines = [tabulate(rows, headers=_HEADERS, tablefmt="simple", disable_numparse=True), ""] if rows else []
    lines.append(f"In all {whole.objects:,} objects, {format_size(whole.bytes)}{_requests(whole)}{_money(whole, currency)}. No backup was read.")
    if any(each.night is not None and each.night.left for each in forecasts):
        lines.append("LATE: the budget is too small for the cycle. Allow more, or a longer cycle.")
    if timed:
        lines.append("A budget of time holds as well: how far it goes shows while reading. What waited longest is read first.")
    if notes:
        lines += ["", "Not planned, or to be noted:", *(f"  {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def forecast_as_json(forecasts: Iterable[Forecast], currency: str) -> str:
    """The same as one JSON document."""
    copies, whole = [], Cost()
    for each in forecasts:
        night = each.night
        whole += each.cost
        copies.append(
            {
                "copy": each.copy,
                "unobserved": None if each.why is None else {"reason": each.why.reason, "detail": printable(each.why.detail)},
                "overdrawn": each.overdrawn,
                "cost": _cost(each.cost, currency),
                "night": None
                if night is None
                else {
                    "cycle_seconds": int(night.cycle.total_seconds()),
                    "objects": night.objects,
                    "standing": night.standing,
                    "due": night.due,
                    "suspect": night.suspect,
                    "fresh": night.fresh,
                    "chosen": night.chosen,
                    "bytes": night.bytes,
                    "left": night.left,
                    "ends": format_moment(night.ends) if night.ends else None,
                },
            }
        )
    document = {"schema": "drcheck.plan/1", "currency": currency, "cost": _cost(whole, currency), "copies": copies}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def forecast_exit_code(forecasts: Iterable[Forecast]) -> int:
    """0 where every copy could be planned for; else 11, as where nothing is promised for one: nothing of it will be verified."""
    return 11 if any(each.night is None for each in forecasts) else 0


def night_as_text(facts: Facts) -> str:
    """What was read of each copy and what came of it, and everything that is not right by name, the first of many."""
    rows, notes = [], []
    for copy in facts.copies:
        if isinstance(copy.verification, Unobserved):
            notes.append(f"{printable(copy.id)}: not read: {printable(str(copy.verification))}")
            continue
        seen = copy.verification.value
        rows.append((printable(copy.id), f"{seen.objects_read:,}, {format_size(seen.bytes_read)}", *_standing(seen, facts)))
        notes += [f"{printable(copy.id)}: {line}" for line in _problems(seen)]
    lines = (
        [tabulate(rows, headers=("copy", "read now", "verified", "bad", "oldest reading"), tablefmt="simple", disable_numparse=True)] if rows else []
    )
    return "\n".join([*lines, *([""] if rows and notes else []), *notes]) + "\n"


def night_as_json(facts: Facts) -> str:
    """The same as one JSON document."""
    copies = [{"copy": copy.id, **_verification(copy)} for copy in facts.copies]
    return (
        json.dumps({"schema": "drcheck.verification/1", "exit_code": night_exit_code(facts), "copies": copies}, indent=2, ensure_ascii=False) + "\n"
    )


def night_exit_code(facts: Facts) -> int:
    """10 where something is not what was promised, 11 where not everything is verified, else 0."""
    codes = [11 if isinstance(copy.verification, Unobserved) else exit_code(copy.verification.value) for copy in facts.copies]
    return 10 if 10 in codes else 11 if 11 in codes or not codes else 0


def _standing(seen: Verification, facts: Facts) -> tuple[str, str, str]:
    verified = seen.objects_read if seen.rotation is None else seen.rotation.verified
    share = f"{verified:,} of {seen.objects_total:,}"
    if seen.rotation is not None:
        share += f", {seen.share_done(facts.at):.0%} of {format_duration(seen.rotation.cycle)}"
    oldest = seen.rotation.oldest_read if seen.rotation is not None else seen.started
    return share, f"{seen.bad:,} BAD" if seen.bad else "none", f"{oldest:%Y-%m-%d}" if oldest and verified else "never"


def _problems(seen: Verification) -> Iterable[str]:
    order = (ObjectResult.MISMATCH, ObjectResult.MISSING, ObjectResult.UNREADABLE)
    shown = [problem for result in order for problem in seen.problems if problem.result is result]
    for problem in shown[:20]:
        yield f"{problem.result}: {printable(problem.key)}" + (f" ({printable(problem.detail)})" if problem.detail else "")
    total = sum(seen.count(result) for result in order)
    if total > 20:
        yield f"… and {total - 20:,} more"
    yield from (f"unusable: {printable(reason)}" for reason in seen.unusable_manifests[:5])
    yield from (f"against the whole: {printable(fault)}" for fault in seen.faults[:5])
    if seen.stopped is not None:
        yield f"ended early: {printable(str(seen.stopped))}"


def _verification(copy: CopyFacts) -> dict[str, Any]:
    fact = copy.verification
    if not isinstance(fact, Observed):
        return {"unobserved": {"reason": fact.reason, "detail": printable(fact.detail)}, "counts": {}}
    seen = fact.value
    return {
        "unobserved": None if seen.stopped is None else {"reason": seen.stopped.reason, "detail": printable(seen.stopped.detail)},
        "counts": {str(result): count for result, count in seen.counts},
        "objects_read": seen.objects_read,
        "bytes_read": seen.bytes_read,
        "objects_total": seen.objects_total,
        "verified": None if seen.rotation is None else seen.rotation.verified,
        "oldest_read": None if seen.rotation is None or seen.rotation.oldest_read is None else format_moment(seen.rotation.oldest_read),
        "problems": [{"object": printable(each.key), "result": each.result, "detail": printable(each.detail)} for each in seen.problems],
    }


def _cost(cost: Cost, currency: str) -> dict[str, Any]:
    money = str(cost.money) if currency else None  # without a tariff nobody knows what it costs
    return {"objects": cost.objects, "bytes": cost.bytes, "requests": dict(sorted(cost.requests.items())), "money": money}


def _requests(cost: Cost) -> str:
    return "".join(f", {count:,} {kind} requests" for kind, count in sorted(cost.requests.items()) if count)


def _money(cost: Cost, currency: str) -> str:
    return f", {cost.money.quantize(Decimal('0.01'))} {currency}" if currency else ""
