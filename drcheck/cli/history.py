"""`drcheck history`: the assessments in a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import store_option

if TYPE_CHECKING:
    from drcheck.store import Store


@click.command(short_help="List the assessments in a store, or print one again.")
@store_option
@click.option("--organisation", metavar="ID", help="Only this organisation's.")
@click.option("--last", type=click.IntRange(min=1), default=30, show_default=True, metavar="N", help="How many, the newest first.")
@click.option("--run", metavar="ID", help="Print the assessment of this run again, as JSON.")
def history(store: str | None, organisation: str | None, last: int, run: str | None) -> int:
    """List the assessments that `drcheck check` kept, the newest first, or print the document of one run.

    Each assessment holds the digest of the one before it, so that a night that was altered or removed shows.
    """
    from tabulate import tabulate

    from drcheck.cli.output import deliver
    from drcheck.clock import format_moment
    from drcheck.errors import StoreError
    from drcheck.model import Outcome, printable
    from drcheck.store import default_file, open_store

    place = str(default_file()) if store is None else store.removeprefix("sqlite:///")
    if "://" not in place and not Path(place).exists():
        # Opening would make it, and a mistyped name would read as a history in which nothing ever happened.
        raise StoreError(f"{place}: there is no such store; `drcheck check{'' if store is None else f' --store {place}'}` makes one")
    with open_store(store) as opened:
        if run is not None:
            deliver(_document(opened, run), None)
            return 0
        found = opened.assessments(organisation, limit=last)
    if not found:
        click.echo(f"the store {opened.place} holds no assessment" + (f" of {printable(organisation)}" if organisation else ""), err=True)
        return 0
    rows = []
    for each in found:
        counts = dict(each.counts)
        outcomes = [counts.get(outcome, 0) for outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS)]
        moment = format_moment(each.reference) + (" (as of)" if each.as_of else "")
        rows.append((each.run, printable(each.organisation), moment, *outcomes, each.exit_code))
    headers = ("run", "organisation", "judged at", "fail", "error", "unknown", "pass", "exit")
    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True))
    return 0


def _document(store: Store, run: str) -> str | bytes:
    from drcheck.chain import RECORD
    from drcheck.record import assessment_from_record
    from drcheck.reports import render

    older = "assessment.json"
    if older in dict(store.link(run).papers):
        return store.paper(run, older)
    return render(assessment_from_record(store.paper(run, RECORD), f"run {run}"), "json")
