"""`drcheck trend`: how nights went on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from drcheck.cli.options import format_option, output_option, store_option
from drcheck.cli.parameters import SINCE
from drcheck.cli.stored import organisation_option, rhythm_options


@click.command(short_help="Show how nights went on: counts, missed nights, and how long repairs took.")
@click.option("--since", type=SINCE, metavar="WHEN", help="From then on: a length of time such as 90d, a day, or a moment. Default: all nights.")
@format_option("table", "json")
@output_option
@click.option("--wide", is_flag=True, help="Show every night and every control.")
@rhythm_options
@store_option
@organisation_option
def trend(
    since: datetime | timedelta | None,
    format_: str,
    output: Path | None,
    wide: bool,
    every: timedelta,
    grace: timedelta,
    store: str | None,
    organisation: str | None,
) -> int:
    """Show how an organisation's nights went on: how many findings failed, were unknown or passed, which nights are missing, when nothing failed
    last, and for each control how long it took from a failure until it was seen to pass.

    \b
    Exit codes:
      0    it was printed, whatever it says
      12   the store could not be read
      2    there is no night, or it is not clear of which organisation
    """
    import json

    from drcheck.cli.output import deliver, terminal_style
    from drcheck.cli.stored import opened, rhythm, the_organisation
    from drcheck.cli.trend_text import trend_text
    from drcheck.clock import now
    from drcheck.nights import trend as trend_of
    from drcheck.nights.documents import trend_document

    moment = now()
    begin = moment - since if isinstance(since, timedelta) else since
    with opened(store) as history:
        nights = history.assessments(organisation)
        name = the_organisation(nights, organisation)
        found = trend_of(name, nights, history.intervals(name), now=moment, since=begin, rhythm=rhythm(every, grace))
    _, width = terminal_style(output)
    deliver(json.dumps(trend_document(found), indent=2) + "\n" if format_ == "json" else trend_text(found, wide=wide, width=width), output)
    return 0
