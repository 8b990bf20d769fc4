"""`drcheck verify`: read what is due and compare it, or say what would be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import estate_option, format_option, output_option
from drcheck.cli.sections import SectionedCommand
from drcheck.cli.session import run_options

if TYPE_CHECKING:
    from drcheck.cli.session import RunOptions


@click.command(cls=SectionedCommand, short_help="Read what is due and compare it, or say what would be read.")
@estate_option
@format_option("table", "json")
@output_option
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be read, what it costs and when all will have been read; read no backup.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="ID",
    help="Let no cycle be longer than this pack allows, instead of the estate's; may be repeated.",
)
@run_options
def verify(
    estate_file: Path,
    format_: str,
    output: Path | None,
    only_plan: bool,
    policies: tuple[str, ...],
    how: RunOptions,
) -> int:
    """Read what is due of every copy, compare it with what was promised, and remember it; judge nothing.

    It is the reading part of `drcheck check`, for more of it by day or under another budget. The store remembers every object as it is read, so
    whatever ends a run, the next one goes on from there. With --plan nothing is read but listings and manifests, and nothing is kept.

    \b
    Exit codes:
      0    everything promised was read within its cycle, and is as promised
      10   something is not what was promised
      11   nothing is known to be wrong, and not everything is verified
      12   the report could not be written, the store could not be used,
           or another run has not ended
      2    the command line, the estate, a policy or a tariff is wrong
    With --plan: 0, or 11 where not every copy could be planned for.
    """
    from drcheck.cli.output import deliver
    from drcheck.cli.session import session
    from drcheck.clock import now
    from drcheck.look import forecast, look
    from drcheck.open_estate import open_estate
    from drcheck.policy import load_packs
    from drcheck.verify import nights_overview as overview
    from drcheck.verify.terms import priced

    estate = open_estate(estate_file)
    packs = load_packs(estate, policies)
    if only_plan and how.no_store:
        raise click.UsageError("--plan goes on from what the store knows; leave --no-store out")
    with session(estate, packs, how, command="drcheck verify", alone=not only_plan) as run:
        reference = now()
        if only_plan and run.memory is not None:
            with run.shown:
                nights = forecast(estate, reference=reference, effort=run.effort, memory=run.memory, heard=run.shown.heard, manner=run.manner)
            run.insist()
            tariff = priced(estate, how.asked)
            currency = tariff.currency if tariff is not None else ""
            timed = any(budget.time is not None for budget in (estate.verify.budget, *(target.budget for target in estate.targets)))
            timed = timed or how.asked.budget.seconds is not None
            text = overview.forecast_as_json(nights, currency) if format_ == "json" else overview.forecast_as_text(nights, currency, timed=timed)
            deliver(text, output)
            return overview.forecast_exit_code(nights)
        with run.shown:
            facts = look(estate, reference=reference, effort=run.effort, heard=run.shown.heard, memory=run.memory, manner=run.manner)
        deliver((overview.night_as_json if format_ == "json" else overview.night_as_text)(facts), output)
        run.insist()
        return overview.night_exit_code(facts)
