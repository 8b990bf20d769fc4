"""`drcheck drill`: what was written down about rehearsed restores."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from drcheck.cli.options import as_of_option, estate_option, format_option, output_option


@click.group(short_help="Show and validate the recorded restore drills.")
def drill() -> None:
    """Show and validate the recorded restore drills.

    A drill is a rehearsed restore. The estate names the file in which they are recorded (drills = "drills.toml"): one [[drills]] entry for each,
    or, where the name ends with .jsonl, one JSON object a line.
    """


@drill.command("list", short_help="Show every recorded drill, and the systems that have none.")
@estate_option
@click.option(
    "--drills", "drills_file", type=click.Path(path_type=Path), metavar="FILE", help="The file of drills. Default: the one that the estate names."
)
@as_of_option
@format_option("table", "json")
@output_option
def list_(estate_file: Path, drills_file: Path | None, as_of: datetime | None, format_: str, output: Path | None) -> None:
    """Show every recorded drill with its age and its duration against the recovery time objective, and the systems that have none.

    Exits with 2 where a record is wrong, or is of a system or copy that the estate does not declare.
    """
    from drcheck.cli.output import deliver
    from drcheck.clock import now
    from drcheck.errors import ConfigError
    from drcheck.open_estate import open_estate
    from drcheck.restore.overview import as_json, as_table
    from drcheck.restore.records import check_references, load_drills

    estate = open_estate(estate_file)
    file = drills_file or estate.drills
    if file is None:
        raise ConfigError(f'{estate_file}: names no file of drills; add drills = "drills.toml", or give one with --drills')
    drills = load_drills(file)
    moment = as_of or now()
    deliver(as_json(drills, estate, moment, as_of is not None) if format_ == "json" else as_table(drills, estate, moment, as_of is not None), output)
    if problems := check_references(drills, estate):
        raise ConfigError(problems)


@drill.command(short_help="Print an entry to fill in after a rehearsed restore.")
@click.option("--system", default="", metavar="ID", help="The system that was restored.")
@click.option("--target", default="", metavar="ID", help="The target whose copy was restored from.")
def template(system: str, target: str) -> None:
    """Print an entry to fill in after a rehearsed restore, and to append to the file of drills.

    Until it is filled in it is refused: an empty record is no proof.
    """
    from drcheck.cli.output import deliver
    from drcheck.restore.template import drill_template

    deliver(drill_template(system, target), None)
