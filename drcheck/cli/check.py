"""`drcheck check`: look, read, judge, report."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

import click

from drcheck.cli.options import as_of_option, estate_option, output_option, store_option
from drcheck.cli.parameters import DURATION, OUTCOMES

if TYPE_CHECKING:
    from datetime import timedelta

    from drcheck.assess import Effort
    from drcheck.model import Assessment, Facts, TargetFacts

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
@click.option(
    "--run-timeout", type=DURATION, default="23h", show_default=True, help="For the whole run, reading included: a night is over before the next."
)
@click.option("--workers", type=click.IntRange(1, 256), default=16, show_default=True, help="Targets looked at at once.")
@click.option("--facts", "facts_file", type=click.Path(path_type=Path), help="Judge facts kept earlier; no target is looked at.")
@click.option("--keep-facts", type=click.Path(path_type=Path), help="Write what was seen to this file, to judge it again later.")
@click.option("--calls", "calls_file", type=click.Path(path_type=Path), help="Write every call to every target to this file, a JSON line each.")
@store_option()
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
    run_timeout: timedelta,
    workers: int,
    facts_file: Path | None,
    keep_facts: Path | None,
    calls_file: Path | None,
    store: str | None,
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
    calls = _CallFile(calls_file)
    if facts_file is not None:
        if keep_facts or calls_file:
            raise click.UsageError("--facts looks at nothing, so there is nothing for --keep-facts or --calls to keep")
        facts: Facts = facts_from_json(_text_of(facts_file), facts_file)
        reference = as_of or facts.at
    else:
        effort = Effort(timeout.total_seconds(), run_timeout.total_seconds(), workers, not no_read)
        with calls:
            if not quiet:
                targets, copies = _counted(len(estate.targets), "target", "targets"), _counted(len(estate.copies), "copy", "copies")
                click.echo(f"looking at {targets}, {copies}", err=True)
            heard = None if quiet else _told(len(estate.targets), effort)
            facts = look(estate, reference=reference, effort=effort, calls=calls.write if calls_file else None, heard=heard)
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
    calls.insist()
    if store is not None:
        _record(assessment, store)
    return assessment.exit_code


def _record(assessment: Assessment, where: str) -> None:
    """Keep the assessment in the store. It was reported before, so a store that fails costs no answer; exit code 12 says that it did."""
    from drcheck.reports import render
    from drcheck.store import open_store

    with open_store(where) as store:
        store.record(assessment, render(assessment, "json").encode("ascii"))


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _told(count: int, effort: Effort) -> Callable[[TargetFacts], None] | None:
    """What says on a terminal that a target was looked at; nothing for a log, which has the report."""
    if not sys.stderr.isatty():
        return None
    from drcheck.model import Reason, Unobserved

    left = count

    def heard(target: TargetFacts) -> None:
        nonlocal left
        left -= 1
        identity = target.identity
        answer = identity.reason if isinstance(identity, Unobserved) and identity.reason is not Reason.UNSUPPORTED else "answered"
        click.echo(f"  {target.target}: {answer}, {target.seconds:.1f} s", err=True)
        if left == 0 and effort.read:
            click.echo("reading and comparing what has a promised checksum", err=True)

    return heard


class _CallFile:
    """Where each call is written as one JSON line. What goes wrong with it costs neither a fact nor the report, and is said at the end."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        self._failure: OSError | None = None

    def __enter__(self) -> None:
        if self._path is not None:
            try:
                self._file = self._path.open("w", encoding="utf-8")
            except OSError as error:
                # Nothing was looked at yet: better now than after hours.
                self._failure = error
                self.insist()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                try:
                    file.close()
                except OSError as problem:
                    self._failure = self._failure or problem

    def write(self, at: datetime, target: str, call: str, subject: str) -> None:
        """Write one call. A target that was given up may still answer after the file is closed; its late call is of no matter."""
        from drcheck.clock import format_moment

        line = json.dumps({"at": format_moment(at), "target": target, "call": call, "subject": subject})
        with self._lock:
            if self._file is not None and self._failure is None:
                try:
                    self._file.write(line + "\n")
                except OSError as error:
                    self._failure = error

    def insist(self) -> None:
        """Raises OutputError where a call could not be written."""
        from drcheck.errors import OutputError

        if self._failure is not None:
            raise OutputError(f"{self._path}: could not be written: {self._failure.strerror or self._failure}") from self._failure


def _text_of(path: Path) -> str:
    from drcheck.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: could not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; give a file that --keep-facts wrote") from error
