"""`drcheck diff`: what is different between two nights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import format_option, output_option, store_option
from drcheck.cli.stored import organisation_option

if TYPE_CHECKING:
    from drcheck.model import Night
    from drcheck.nights import Diff
    from drcheck.store import Store


@click.command(short_help="Say what is new, fixed or still so between two nights, and since when.")
@click.argument("before", metavar="[A]", default="latest~1")
@click.argument("after", metavar="[B]", default="latest")
@format_option("table", "json", "markdown")
@output_option
@click.option("--wide", is_flag=True, help="Show everything that stands as it stood, and shorten nothing.")
@store_option
@organisation_option
def diff(before: str, after: str, format_: str, output: Path | None, wide: bool, store: str | None, organisation: str | None) -> int:
    """Say what is different between the nights A and B: new failures, what was fixed, what still fails and since when, what became unknown or known,
    controls and subjects that came or went, and waivers.

    A night is a run's id, latest, latest~1 for the one before it, or a day such as 2026-03-01 for its last night (UTC). Without A and B: the night
    before the last, and the last.

    \b
    Exit codes:
      0    nothing got worse, and what was judged and known still is
      10   something that nobody waived got worse: it fails and did not, it was
           known to be good and is unknown now, or its waiver ended
      11   nothing is known to be worse, and something became unknown that was no
           good before, such as a failure; or something that was judged is not any
           more, whatever it was: its pack, control, system or copy is gone, or it
           is not asked any more; or there are no two nights yet
      12   the store could not be read
      2    there is no such night
    """
    import json

    from drcheck.cli.diff_text import diff_markdown, diff_text
    from drcheck.cli.output import deliver, terminal_style
    from drcheck.cli.stored import opened, the_organisation
    from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN
    from drcheck.nights import night_named, own_moment
    from drcheck.nights.documents import diff_document
    from drcheck.reports import ReportOptions

    with opened(store) as history:
        nights = history.assessments(organisation)
        if organisation is not None:
            the_organisation(nights, organisation)
        if (before, after) == ("latest~1", "latest") and len(own_moment(nights)) < 2:
            click.echo("there are no two nights yet, so there is nothing to compare", err=True)
            return EXIT_UNKNOWN
        pair = night_named(before, nights), night_named(after, nights)
        found = _compared(history, *pair, the_organisation(pair, None))
    if format_ == "json":
        report = json.dumps(diff_document(found), indent=2) + "\n"
    elif format_ == "markdown":
        report = diff_markdown(found)
    else:
        colour, width = terminal_style(output)
        report = diff_text(found, ReportOptions(wide=wide, colour=colour, width=width))
    deliver(report, output)
    return EXIT_FAIL if found.worse else EXIT_UNKNOWN if found.unsure else EXIT_GOOD


def _compared(history: Store, before: Night, after: Night, organisation: str) -> Diff:
    from drcheck.cli.stored import record_if_any
    from drcheck.nights import Side, standings
    from drcheck.nights import diff as difference

    nights, intervals = history.assessments(organisation), history.intervals(organisation)
    sides = []
    for night in (before, after):
        assessment = record_if_any(history, night)
        sides.append(Side(night, standings(night, nights, intervals, assessment), assessment))
    return difference(sides[0], sides[1], nights)
