"""`drcheck status`: how things stand now, by what was recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import output_option, store_option
from drcheck.cli.stored import organisation_option, rhythm_options

if TYPE_CHECKING:
    from pathlib import Path

    from drcheck.model import Assessment
    from drcheck.nights import Rhythm, Status
    from drcheck.store import Holder, Store

    Stood = tuple[Status, Assessment | None, Holder | None]


@click.command(short_help="Say at a glance how things stand, and whether drcheck still runs.")
@click.option("--format", "format_", type=click.Choice(("table", "json", "nagios")), default="table", show_default=True, help="How to print it.")
@output_option
@click.option("--wide", is_flag=True, help="Show every problem and every copy, and shorten nothing.")
@rhythm_options
@store_option
@organisation_option
def status(format_: str, output: Path | None, wide: bool, every: timedelta, grace: timedelta, store: str | None, organisation: str | None) -> int:
    """Say for each organisation when drcheck last ran, what it found, worst first and since when, and how each copy stood.

    Read from the store alone, in a moment: no target is looked at. A night that is older than --every and --grace says nothing of the present, and
    that is said first.

    \b
    Exit codes:
      0    the last night is recent; nothing failed and everything was determined
      10   the last night is recent, and something failed
      11   drcheck has not run as it should, or never; or something is unknown;
           or a waiver has ended since the last night, or that did not judge what
           was no pass before
      12   the store could not be read
    With --format nagios: 0 to 3, and 3 where drcheck has not run as it should.
    """
    import json

    from drcheck.cli.output import deliver, terminal_style
    from drcheck.cli.status_text import copies_document, status_text
    from drcheck.cli.stored import opened, rhythm
    from drcheck.clock import now
    from drcheck.nights import exit_code
    from drcheck.nights.documents import status_document
    from drcheck.reports import ReportOptions

    moment = now()
    with opened(store) as history:
        found = _stood(history, organisation, moment, rhythm(every, grace))
    code = exit_code([each for each, _, _ in found])
    if format_ == "nagios":
        from drcheck.cli.status_nagios import status_nagios

        state, text = status_nagios(found)
        deliver(text, output)
        return state.value
    if format_ == "json":
        document = [(each, None if assessment is None else copies_document(assessment, moment)) for each, assessment, _ in found]
        deliver(json.dumps(status_document(document, moment, code), indent=2) + "\n", output)
        return code
    colour, width = terminal_style(output)
    options = ReportOptions(wide=wide, colour=colour, width=width)
    deliver("\n".join(status_text(*each, options) for each in found) or "drcheck has not run: the store holds no night\n", output)
    return code


def _stood(history: Store, organisation: str | None, moment: datetime, often: Rhythm) -> list[Stood]:
    from drcheck.cli.stored import record_if_any
    from drcheck.nights import last_night
    from drcheck.nights import status as status_of

    nights = history.assessments(organisation)
    names = [organisation] if organisation is not None else sorted({night.organisation for night in nights})
    found = []
    for name in names:
        own = [night for night in nights if night.organisation == name]
        last = last_night(own)
        assessment = None if last is None else record_if_any(history, last)
        each = status_of(name, own, history.intervals(name), assessment, now=moment, rhythm=often)
        found.append((each, assessment, history.running(name)))
    return found
