"""`drcheck demo`: a throw-away hospital with seeded faults, checked by the real pipeline."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from drcheck.errors import ConfigError, OutputError


@click.command(short_help="Build a throw-away hospital with seeded faults, and check it.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Build it in this new folder and leave it there with the facts that were seen. Default: a temporary folder, removed at the end.",
)
@click.option("--wide", is_flag=True, help="Show every finding, passes too.")
def demo(keep: Path | None, wide: bool) -> int:
    """Build a throw-away hospital, with an SFTP and an S3 server on this machine, and check it.

    Five faults are seeded: a flipped byte off-site, a stale copy, two data centres that share a cooling plant, a restore drill that is too
    old, and a target that is down. The real pipeline finds them; no network and no credentials are needed. Exits with 0 when every seeded
    fault was found by name and nothing else failed.
    """
    from drcheck.assess import assess
    from drcheck.cli.output import terminal_style
    from drcheck.clock import now
    from drcheck.demo.build import running_hospital
    from drcheck.demo.seeded import FAULTS, found, unexpected
    from drcheck.files import write_whole
    from drcheck.look import Effort, look
    from drcheck.model import Outcome, printable
    from drcheck.open_estate import open_estate
    from drcheck.policy import load_packs
    from drcheck.record import facts_to_json
    from drcheck.reports import ReportOptions, render_text

    with _folder(keep) as folder:
        started = now()
        click.echo("Building the hospital: two data centres, an SFTP server, an S3 bucket, and a target where nobody answers.", err=True)
        with running_hospital(folder, started) as estate_file:
            click.echo("Looking at five targets, reading every byte that has a promised checksum.", err=True)
            estate = open_estate(estate_file)
            facts = look(estate, reference=started, effort=Effort(target_seconds=30))
        packs = load_packs(estate)
        assessment = assess(estate, packs, facts, reference=started, started=started)
        write_whole(folder / "facts.json", facts_to_json(facts).encode())
        colour, width = terminal_style()
        click.echo(render_text(assessment, "table", ReportOptions(wide=wide, colour=colour, width=width)), nl=False)

    click.echo("\nSeeded on purpose, and found:")
    missed = 0
    for fault in FAULTS:
        reports = found(fault, assessment.findings)
        missed += not reports
        mark = "found " if reports else "MISSED"
        where = ", ".join(f"{finding.policy}/{finding.control}" for finding in reports)
        click.echo(f"  {mark}  {fault.name}: {fault.story} ({fault.check} on {fault.subject}{': ' + where if where else ''})")
    others = unexpected(assessment.findings)
    for finding in others:
        click.echo(f"  NOT SEEDED  {finding.check} on {printable(finding.subject.id)}: {printable(finding.message)}")
    unknown = assessment.counts()[Outcome.UNKNOWN]
    click.echo(
        f"{len(FAULTS) - missed} of {len(FAULTS)} seeded faults found, {len(others)} other failures. "
        f"{unknown} findings are unknown, because the university does not answer: unknown is never a pass."
    )
    click.echo(f"A check of this estate exits with {assessment.exit_code}.")
    click.echo("\nLook further:")
    place = keep or Path("hospital")
    if keep is None:
        click.echo(f"  drcheck demo --keep {place}")
    click.echo(f"  drcheck check --estate {place}/estate.toml --facts {place}/facts.json --wide")
    click.echo("  drcheck policy show uk-nhse-backup-policy")
    return 1 if missed or others else 0


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
            empty = not any(keep.iterdir())
        except OSError as error:
            raise OutputError(
                f"{keep}: could not be made or read: {error.strerror or error}; name a new folder in one where you may write"
            ) from error
        if not empty:
            raise ConfigError(f"{keep}: is not empty; name a new folder")
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="drcheck-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
