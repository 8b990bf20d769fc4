"""`drcheck check`: look, read, judge, report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.call_file import CallFile
from drcheck.cli.nightly import night_options, refuse_contradictions, tonight
from drcheck.cli.options import as_of_option, estate_option, output_option
from drcheck.cli.parameters import OUTCOMES
from drcheck.cli.plugin import PLUGIN
from drcheck.cli.sections import SectionedCommand
from drcheck.cli.session import run_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drcheck.cli.nightly import NightOptions
    from drcheck.cli.session import RunOptions
    from drcheck.model import Facts

FORMATS = (
    "table", "csv", "html", "json", "junit", "markdown", "nagios", "ocsf", "oscal", "pdf", "prometheus", "sarif", "statement",
)  # fmt: skip


@click.command(cls=SectionedCommand, short_help="Look at every target, read and compare, judge, and report.")
@estate_option
@click.option(
    "--format",
    "format_",
    default="table",
    show_default=True,
    metavar="FORMAT",
    help=f"How to report: {', '.join(FORMATS)}. None changes the exit code but nagios, which has its own.",
)
@output_option
@as_of_option
@click.option("--policy", "policies", multiple=True, metavar="ID", help="Judge by this pack instead of the estate's; may be repeated.")
@click.option("--only", type=OUTCOMES, default=None, help="In table, markdown, csv and sarif, show only these outcomes, such as fail,unknown.")
@click.option("--wide", is_flag=True, help="In table and markdown, show everything: passes, facts, parameters.")
@click.option("--no-read", is_flag=True, help="List and ask only, read no backup: an answer in seconds; integrity stays unknown.")
@click.option("--facts", "facts_file", type=click.Path(path_type=Path), metavar="FILE", help="Judge facts kept earlier; no target is looked at.")
@click.option("--keep-facts", type=click.Path(path_type=Path), metavar="FILE", help="Write what was seen to this file, to judge it again later.")
@click.option(
    "--calls", "calls_file", type=click.Path(path_type=Path), metavar="FILE", help="Write every call to every target to this file, a JSON line each."
)
@night_options
@run_options
def check(
    estate_file: Path,
    format_: str,
    output: Path | None,
    as_of: datetime | None,
    policies: tuple[str, ...],
    only: frozenset[str] | None,
    wide: bool,
    no_read: bool,
    facts_file: Path | None,
    keep_facts: Path | None,
    calls_file: Path | None,
    night: NightOptions,
    how: RunOptions,
) -> int:
    """Look at every declared target, read and compare checksums, judge every system, and report.

    Each result says how it is known and how hard was looked; what could not be seen is unknown, and unknown is never a pass. Targets are only
    read, never written to.

    The store remembers what was read: each night goes on where the last one ended, and within a cycle everything is read. With --as-of or --facts
    nothing is remembered, and the assessment is kept only where --store names a store.

    \b
    Exit codes:
      0    nothing failed and everything was determined, or waived
      10   something failed
      11   nothing failed, but something is unknown or in error
      12   the report or a record could not be written, the store could not be used,
           or another run has not ended
      2    the command line, the estate, a policy or a waiver is wrong
    With --format nagios: 0 OK, 1 warning, 2 critical, 3 unknown, which whatever went wrong is too.
    """
    from drcheck.assess import assess, new_run
    from drcheck.cli.logs import shape_log
    from drcheck.cli.output import deliver, terminal_style
    from drcheck.cli.session import session
    from drcheck.errors import DrcheckError
    from drcheck.files import write_whole
    from drcheck.look import look
    from drcheck.open_estate import open_estate
    from drcheck.policy import load_packs, parse_waivers, read_waivers
    from drcheck.record import facts_from_json, facts_to_json
    from drcheck.reports import WITH_PAST, ReportOptions, render_parts, report_known
    from drcheck.reports.nagios import nagios_state

    if facts_file is not None and (keep_facts or calls_file):
        raise click.UsageError("--facts looks at nothing, so there is nothing for --keep-facts or --calls to keep")
    remember = as_of is None and facts_file is None
    refuse_contradictions(click.get_current_context(), night, output=output, looks=remember, no_store=how.no_store)
    log = shape_log(night.log_format)
    estate = open_estate(estate_file)
    formats = [format_, *(also for also, _ in night.also)]
    calls = CallFile(calls_file)
    with tonight(estate, night) as this:
        for each in formats:
            report_known(each, estate.plugins)
        packs = load_packs(estate, policies)
        accepted = read_waivers(estate.waivers) if estate.waivers else None
        waivers = parse_waivers(estate.waivers, accepted) if estate.waivers and accepted is not None else ()
        started = this.begin()
        reference, name = as_of or started, new_run(started)
        log.run = name
        options = night.quieted(how)
        with session(estate, packs, options, command="drcheck check", read=not no_read, remember=remember, blind=True) as run:
            if facts_file is not None:
                facts: Facts = facts_from_json(_text_of(facts_file), facts_file)
                reference = as_of or facts.at
            else:
                targets, copies = _counted(len(estate.targets), "target", "targets"), _counted(len(estate.copies), "copy", "copies")
                run.shown.say(f"looking at {targets}, {copies}")
                with calls, run.shown:
                    facts = look(
                        estate,
                        reference=reference,
                        effort=run.effort,
                        calls=calls.write if calls_file else None,
                        heard=this.heard(run.shown.heard),
                        memory=run.memory,
                        manner=run.manner,
                    )
            assessment = assess(
                estate,
                packs,
                facts,
                reference=reference,
                started=started,
                as_of=as_of is not None,
                facts_from=str(facts_file or ""),
                waivers=waivers,
                run=name,
            )
            this.judged(assessment)
            past = run.past(assessment) if this.tells or not WITH_PAST.isdisjoint(formats) else None

            def rendered(format_: str, output: Path | None) -> str | bytes | Iterator[str]:
                colour, width = terminal_style(output)
                options = ReportOptions(wide, only or frozenset(), colour, width, past if format_ in WITH_PAST else None)
                return render_parts(assessment, format_, options, estate.plugins)

            plugin = format_ == PLUGIN
            if not plugin and (output is not None or not night.nightly):
                deliver(rendered(format_, output), output)
            for also, file in night.also:
                with this.going_on():
                    deliver(rendered(also, file), file)
            # After the report: a full disk must not cost the answer.
            with this.going_on():
                if keep_facts is not None:
                    write_whole(keep_facts, facts_to_json(facts).encode(), private=True)
                calls.insist()
            with this.going_on():
                run.record(assessment, estate, packs, accepted)
            this.tell(run, past, waivers)
            try:
                this.finish()
            except DrcheckError as error:
                if plugin:
                    error.add_note(str(rendered(PLUGIN, None)))
                raise
    if not plugin:
        return assessment.exit_code
    # Last of all: whoever reads it believes the first line, and nothing can go wrong any more.
    deliver(rendered(PLUGIN, output), output)
    return nagios_state(assessment)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _text_of(path: Path) -> str:
    from drcheck.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: could not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; give a file that --keep-facts wrote") from error
