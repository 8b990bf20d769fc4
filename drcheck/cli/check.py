"""`drcheck check`: look, read, judge, report."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import as_of_option, estate_option, output_option
from drcheck.cli.parameters import DURATION, OUTCOMES

if TYPE_CHECKING:
    from datetime import timedelta

    from drcheck.assess import CallSink
    from drcheck.model import Facts

FORMATS = ("table", "json", "markdown", "csv")


@click.command(short_help="Look at every target, read and compare, judge, and report.")
@estate_option
@click.option(
    "--format", "format_", default="table", show_default=True, metavar="|".join(FORMATS), help="How to report. It never changes the exit code."
)
@output_option
@as_of_option
@click.option("--policy", "policies", multiple=True, metavar="ID", help="Judge by this pack instead of the estate's; may be repeated.")
@click.option("--only", type=OUTCOMES, default=None, help="In the table, show only these outcomes, such as fail,unknown.")
@click.option("--wide", is_flag=True, help="In the table, show everything: passes, facts, parameters.")
@click.option("--no-read", is_flag=True, help="List and ask only, read no backup: an answer in seconds; integrity stays unknown.")
@click.option("--timeout", type=DURATION, default="60s", show_default=True, help="For listing and asking one target; the estate can say otherwise.")
@click.option("--run-timeout", type=DURATION, default=None, help="For the whole run, reading included. Default: as long as it takes.")
@click.option("--workers", type=click.IntRange(1, 256), default=16, show_default=True, help="Targets looked at at once.")
@click.option("--facts", "facts_file", type=click.Path(path_type=Path), help="Judge facts kept earlier; no target is looked at.")
@click.option("--keep-facts", type=click.Path(path_type=Path), help="Write what was seen to this file, to judge it again later.")
@click.option("--calls", "calls_file", type=click.Path(path_type=Path), help="Write every call to every target to this file, a JSON line each.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
def check(
    estate_file: Path,
    format_: str,
    output: Path | None,
    as_of: datetime | None,
    policies: tuple[str, ...],
    only: frozenset[str] | None,
    wide: bool,
    no_read: bool,
    timeout: timedelta,
    run_timeout: timedelta | None,
    workers: int,
    facts_file: Path | None,
    keep_facts: Path | None,
    calls_file: Path | None,
    quiet: bool,
) -> int:
    """Look at every declared target, read and compare checksums, judge every system, and report.

    Each result says how it is known and how hard was looked; what could not be seen is unknown, and unknown is never a pass. Targets are only
    read, never written to.

    \b
    Exit codes:
      0    nothing failed and everything was determined, or waived
      10   something failed
      11   nothing failed, but something is unknown or in error
      12   the report or a record could not be written
      2    the command line, the estate, a policy or a waiver is wrong
    """
    from drcheck.assess import Effort, assess, look
    from drcheck.cli.output import deliver, terminal_style
    from drcheck.clock import now
    from drcheck.files import write_whole
    from drcheck.open_estate import open_estate
    from drcheck.policy import load_packs, load_waivers
    from drcheck.record import facts_from_json, facts_to_json
    from drcheck.reports import render, report_known

    started = now()
    estate = open_estate(estate_file)
    report_known(format_, estate.plugins)
    packs = load_packs(estate, policies)
    waivers = load_waivers(estate.waivers) if estate.waivers else ()
    reference = as_of or started
    if facts_file is not None:
        if keep_facts or calls_file:
            raise click.UsageError("--facts looks at nothing, so there is nothing for --keep-facts or --calls to keep")
        facts: Facts = facts_from_json(_text_of(facts_file), facts_file)
        reference = as_of or facts.at
    else:
        effort = Effort(timeout.total_seconds(), run_timeout.total_seconds() if run_timeout else None, workers, not no_read)
        if not quiet:
            click.echo(f"looking at {len(estate.targets)} targets, {len(estate.copies)} copies", err=True)
        with _call_file(calls_file) as sink:
            facts = look(estate, reference=reference, effort=effort, calls=sink)
    assessment = assess(
        estate,
        packs,
        facts,
        reference=reference,
        started=started,
        as_of=as_of is not None,
        facts_from=str(facts_file or ""),
        waivers=waivers,
    )
    colour, width = terminal_style(output)
    report = render(assessment, format_, wide=wide, only=only or frozenset(), colour=colour, width=width, trusted=estate.plugins)
    deliver(report, output)
    if keep_facts is not None:
        # After the report: a full disk must not cost the answer.
        write_whole(keep_facts, facts_to_json(facts).encode())
    return assessment.exit_code


@contextmanager
def _call_file(path: Path | None) -> Iterator[CallSink | None]:
    """A sink that writes each call as one JSON line, or None where no file is wanted."""
    if path is None:
        yield None
        return
    from drcheck.clock import format_moment
    from drcheck.errors import OutputError

    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror}") from error
    lock = threading.Lock()

    def write(at: datetime, target: str, call: str, subject: str) -> None:
        line = json.dumps({"at": format_moment(at), "target": target, "call": call, "subject": subject})
        with lock:
            # A target that was given up may still answer after the file is closed; its late call is of no matter.
            if not file.closed:
                file.write(line + "\n")

    with file:
        yield write


def _text_of(path: Path) -> str:
    from drcheck.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: could not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; give a file that --keep-facts wrote") from error
