"""`drcheck store`: back the store up, check it, and let go of old papers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from drcheck.cli.options import format_option, store_option
from drcheck.cli.parameters import DURATION, MOMENT


@click.group(short_help="Back the store up, check it, and let go of old papers.")
def store() -> None:
    """Back the store up, check it, and let go of old papers.

    The store holds the history of all nights and what is known of every object. It is the one thing that drcheck writes to.
    """


@store.command(short_help="Throw away the papers of old nights; their places in the chain stay.")
@click.option("--keep", type=DURATION, required=True, metavar="TIME", help="Keep the papers of nights that began within this time, such as 400d.")
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Keep those of each organisation's last N nights anyhow.",
)
@click.option(
    "--as-of", type=MOMENT, metavar="TIME", help="Count back from this moment, whatever the clock says. Default: now, where that can be believed."
)
@click.option("--yes", is_flag=True, help="Do it. Without, only what would go is said.")
@store_option
def prune(keep: timedelta, keep_last: int, as_of: datetime | None, yes: bool, store: str | None) -> int:
    """Throw away the papers of old nights: their records, estates and packs, save what a kept night needs too.

    What stays: every link of every chain, so that a missing or altered night still shows; since when each finding is as it is; recovery points,
    drills, and what is known of objects. The last night of each organisation is never pruned. A pruned night can be compared and counted, and no
    longer reported or exported: export evidence before (drcheck evidence export).

    Where the clock is not to be believed nothing is thrown away: a night is dated after now, or none was recorded for far longer than is usual. Set
    the clock, or say from which moment to count back (--as-of).

    Without --yes nothing is thrown away. Exits with 0, with 2 where the clock is not to be believed, or 12 where the store could not be used.
    """
    from drcheck.cli.stored import opened
    from drcheck.clock import format_duration, now
    from drcheck.errors import ConfigError
    from drcheck.model import number_of, printable
    from drcheck.nights.plausible import clock_trouble
    from drcheck.sizes import format_size

    moment = now() if as_of is None else as_of
    try:
        before = moment - keep
    except OverflowError as error:
        raise ConfigError(f"--keep {format_duration(keep)} is longer than time has lasted") from error
    with opened(store) as history:
        trouble = "" if as_of is not None else clock_trouble(history.assessments(), moment)
        if trouble:
            raise ConfigError(
                f"nothing was thrown away, for the clock may be wrong: {trouble}; set the clock, or say with --as-of TIME from when to count back"
            )
        found = history.prune(before, keep_last, really=yes)
    nights = found.nights
    what = f"{'pruned' if yes else 'would prune'} {number_of(len(nights), 'night')} older than {format_duration(keep)}"
    left = number_of(found.kept, "night keeps its papers", "nights keep their papers")
    click.echo(f"{what}: {number_of(found.papers, 'paper')}, {format_size(found.bytes)}; {left}")
    for organisation in sorted({night.organisation for night in nights}):
        own = [night for night in nights if night.organisation == organisation]
        click.echo(f"  {printable(organisation)}: {len(own)}, {own[0].run} to {own[-1].run}")
    if nights and not yes:
        click.echo("nothing was thrown away; add --yes to do it", err=True)
    return 0


@store.command(short_help="Make a checked copy of the store, while others use it.")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
def backup(file: Path, store: str | None) -> int:
    """Put a copy of the store at FILE: of one moment, whoever writes meanwhile, read back and checked, then renamed; what was at FILE is replaced.

    The copy holds what the store holds: names of objects, which can be patient data, and the seeds of the nights to come. It is readable by its owner
    alone; keep it so. A store in PostgreSQL is backed up by pg_dump.

    Exits with 0, or 12 where there is no good copy.
    """
    from drcheck.cli.stored import opened
    from drcheck.model import printable
    from drcheck.sizes import format_size

    with opened(store) as history:
        size = history.backup(file)
    click.echo(f"copied {printable(history.place)} to {printable(str(file))}: {format_size(size)}, read back and whole")
    return 0


@store.command(short_help="Check that the store is what was written.")
@format_option("table", "json")
@store_option
def check(format_: str, store: str | None) -> int:
    """Read everything in the store that has a checksum or a digest, follow the chain of each organisation's nights, count its findings again, and
    hold findings, recovery points and counts of calls against the records that are kept; change nothing.

    It cannot see that the newest nights were taken off the end of a chain: compare with evidence that was handed out.

    Exits with 0, with 10 where anything is not what was written, or 12 where the store could not be read.
    """
    import json

    from drcheck.cli.output import deliver
    from drcheck.cli.stored import opened
    from drcheck.errors import StoreDamaged
    from drcheck.model import EXIT_FAIL, EXIT_GOOD, number_of, printable
    from drcheck.store import Checked

    try:
        with opened(store) as history:
            found, place = history.check(), history.place
    except StoreDamaged as error:
        found, place = Checked(0, 0, 0, 0, (printable(str(error)),)), "the store"
    if format_ == "json":
        document = {
            "schema": "drcheck.store-check/1",
            "store": place,
            "nights": found.nights,
            "pruned": found.pruned,
            "papers": found.papers,
            "runs": found.runs,
            "problems": list(found.problems),
        }
        deliver(json.dumps(document, indent=2) + "\n", None)
    else:
        answer = number_of(len(found.problems), "problem") if found.problems else "whole"
        counts = (
            f"{number_of(found.nights, 'night')} ({found.pruned} pruned), {number_of(found.papers, 'paper')}, {number_of(found.runs, 'packed run')}"
        )
        lines = [f"{printable(place)}: {answer}; {counts}", *(f"- {problem}" for problem in found.problems)]
        deliver("\n".join(lines) + "\n", None)
    return EXIT_FAIL if found.problems else EXIT_GOOD
