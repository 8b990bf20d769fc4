"""`drcheck report`: any stored night in any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import output_option, store_option
from drcheck.cli.parameters import OUTCOMES
from drcheck.cli.stored import organisation_option

if TYPE_CHECKING:
    from drcheck.model import Assessment, Night, Past
    from drcheck.store import Store

OLDER = "assessment.json"
"""The one paper that drcheck kept of a night before it kept records."""


@click.command(short_help="Print a stored night again, in any format.")
@click.option(
    "--run",
    default="latest",
    show_default=True,
    metavar="NIGHT",
    help="A run's id, latest, latest~1 for the one before it, or a day (its last night).",
)
@click.option("--format", "format_", default="table", show_default=True, metavar="FORMAT", help="How to report: as in drcheck check --format.")
@output_option
@click.option("--only", type=OUTCOMES, default=None, help="In table, markdown, csv and sarif, show only these outcomes, such as fail,unknown.")
@click.option("--wide", is_flag=True, help="In table and markdown, show everything: passes, facts, parameters.")
@store_option
@organisation_option
def report(run: str, format_: str, output: Path | None, only: frozenset[str] | None, wide: bool, store: str | None, organisation: str | None) -> int:
    """Print a stored night again, in any format, from what was recorded of it: nothing is looked at, and nothing is judged anew.

    Reports of plugins can be used that the night's estate trusted.

    \b
    Exit codes:
      0    it was printed, whatever it says
      12   it could not be written, or the night's papers were pruned
      2    there is no such night or format
    With --format nagios the exit code is the state of that night, 0 to 3. To monitor the present, use drcheck status --format nagios.
    """
    from drcheck.cli.output import deliver, terminal_style
    from drcheck.cli.stored import opened, record_of
    from drcheck.errors import StoreError
    from drcheck.nights import night_named
    from drcheck.reports import WITH_PAST, ReportOptions, render_parts

    with opened(store) as history:
        night = night_named(run, history.assessments(organisation))
        if OLDER in dict(history.link(night.run).papers):
            if format_ != "json":
                raise StoreError(f"the run {night.run} was recorded by an older drcheck, which kept its JSON document only; use --format json")
            deliver(history.paper(night.run, OLDER), output)
            return 0
        assessment = record_of(history, night)
        past = _past(history, night, assessment) if format_ in WITH_PAST else None
    colour, width = terminal_style(output)
    trusted = [name for name, _ in assessment.run.plugins]
    deliver(render_parts(assessment, format_, ReportOptions(wide, only or frozenset(), colour, width, past), trusted), output)
    if format_ == "nagios":
        from drcheck.reports.nagios import nagios_state

        return nagios_state(assessment).value
    return 0


def _past(history: Store, night: Night, assessment: Assessment) -> Past:
    from drcheck.nights import past_of

    return past_of(assessment, history.assessments(night.organisation), history.intervals(night.organisation))
