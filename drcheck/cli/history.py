"""`drcheck history`: the assessments in a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import format_option, store_option
from drcheck.cli.stored import organisation_option, rhythm_options

if TYPE_CHECKING:
    from drcheck.model import Night
    from drcheck.nights import Gap, Rhythm
    from drcheck.store import Store


@click.command(short_help="List the assessments in a store, or print one again.")
@store_option
@organisation_option
@click.option("--last", type=click.IntRange(min=1), default=30, show_default=True, metavar="N", help="How many, the newest first.")
@click.option("--run", metavar="ID", help="Print the assessment of this run again, as JSON.")
@format_option("table", "json")
@click.option("--wide", is_flag=True, help="Show the digest of each night's link, and which drcheck made it.")
@rhythm_options
def history(
    store: str | None, organisation: str | None, last: int, run: str | None, format_: str, wide: bool, every: timedelta, grace: timedelta
) -> int:
    """List the assessments that `drcheck check` kept, the newest first, with the nights that are missing between them; or print one document.

    Each assessment holds the digest of the one before it, so that a night that was altered or removed shows. "pruned" marks a night whose papers
    were thrown away (drcheck store prune): it is counted and compared, and cannot be printed again.
    """
    import json

    from drcheck.cli.output import deliver
    from drcheck.cli.stored import opened, rhythm
    from drcheck.model import printable
    from drcheck.nights.documents import history_document

    with opened(store) as kept:
        if run is not None:
            deliver(_document(kept, run), None)
            return 0
        nights = kept.assessments(organisation)
        place = kept.place
    shown = nights[:last]
    gaps = _gaps(nights, {night.number for night in shown}, rhythm(every, grace))
    if format_ == "json":
        deliver(json.dumps(history_document(shown, gaps), indent=2) + "\n", None)
    elif shown:
        deliver(_table(shown, nights, gaps, wide=wide), None)
    else:
        click.echo(f"the store {place} holds no assessment" + (f" of {printable(organisation)}" if organisation else ""), err=True)
    return 0


def _gaps(nights: Sequence[Night], shown: set[int], often: Rhythm) -> list[Gap]:
    """The gaps that end at a night that is shown."""
    from drcheck.nights import gaps

    names = sorted({night.organisation for night in nights})
    found = [gap for name in names for gap in gaps([night for night in nights if night.organisation == name], often)]
    return [gap for gap in found if gap.until is not None and gap.until.number in shown]


def _table(shown: Sequence[Night], nights: Sequence[Night], gaps: Sequence[Gap], *, wide: bool) -> str:
    from tabulate import tabulate

    from drcheck.clock import format_duration, format_moment
    from drcheck.model import Outcome, number_of, printable
    from drcheck.nights import own_moment

    outcomes = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS)
    before: dict[int, Night] = {}
    for name in {night.organisation for night in nights}:
        own = own_moment(night for night in nights if night.organisation == name)
        before.update({night.number: earlier for earlier, night in pairwise(own)})
    missed = {gap.until.number: gap.missed for gap in gaps if gap.until is not None}
    any_pruned = any(night.pruned for night in shown)
    rows: list[tuple[object, ...]] = []
    for night in shown:
        earlier = before.get(night.number)
        moment = format_moment(night.reference) + (" (as of)" if night.as_of else "")
        after = "" if earlier is None else format_duration(night.started - earlier.started)
        counts = [night.count(outcome) for outcome in outcomes]
        link = (printable(night.version), night.link) if wide else ()
        mark = ("pruned" if night.pruned else "",) if any_pruned else ()
        rows.append((printable(night.run), printable(night.organisation), moment, after, *counts, night.exit_code, *link, *mark))
        if night.number in missed:
            rows.append((f"· {number_of(missed[night.number], 'night')} missed",))
    headers = (
        "run",
        "organisation",
        "judged at",
        "after",
        *map(str, outcomes),
        "exit",
        *(("drcheck", "link") if wide else ()),
        *(("",) if any_pruned else ()),
    )
    lines = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _document(store: Store, run: str) -> str | bytes:
    from drcheck.chain import RECORD
    from drcheck.cli.report import OLDER
    from drcheck.record import assessment_from_record
    from drcheck.reports import render

    if OLDER in dict(store.link(run).papers):
        return store.paper(run, OLDER)
    return render(assessment_from_record(store.paper(run, RECORD), f"run {run}"), "json")
