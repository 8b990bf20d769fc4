"""`drcheck estate`: what the estate file declares, and whether it is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import estate_option, format_option, output_option

if TYPE_CHECKING:
    from drcheck.errors import Problem
    from drcheck.estate.schema import Estate


@click.group(short_help="Validate, show or describe the estate file.")
def estate() -> None:
    """Validate, show or describe the estate file.

    The estate is one TOML file in which an organisation declares its sites, systems, backup targets and copies. None of these commands
    connects to a target.
    """


@estate.command(short_help="Say whether the estate file is right, or everything that is wrong in it.")
@estate_option
def validate(estate_file: Path) -> None:
    """Say whether the estate file is right, or everything that is wrong in it.

    Every problem is named at once, with the key that it stands at, the wrong value and what is allowed. Where there is none, the packs, drills,
    waivers and prices that the file names are read too. Exits with 0 or 2.
    """
    from drcheck.cli.output import deliver
    from drcheck.errors import ConfigError
    from drcheck.estate.overview import summary
    from drcheck.model import printable
    from drcheck.open_estate import open_estate

    opened = open_estate(estate_file)
    if problems := list(_in_named_files(opened)):
        raise ConfigError(problems)
    deliver(f"{printable(str(estate_file))}: valid: {summary(opened)}\n", None)
    if opened.drills is not None and not opened.drills.exists():
        click.echo(f"note: {printable(str(opened.drills))}: there is no such file yet, so no restore counts as tested", err=True)


def _in_named_files(opened: Estate) -> Iterator[Problem]:
    """Every problem in the packs, waivers, drills and prices that the estate names. Drills that are not there yet are none."""
    from drcheck.errors import ConfigError
    from drcheck.policy import load_packs, load_waivers
    from drcheck.restore.records import check_references, load_drills
    from drcheck.verify.terms import Asked, priced

    def read_drills(path: Path) -> None:
        if problems := check_references(load_drills(path), opened):
            raise ConfigError(problems)

    readers: list[Callable[[], object]] = [lambda: load_packs(opened)]
    if (waivers := opened.waivers) is not None:
        readers.append(lambda: load_waivers(waivers))
    if (drills := opened.drills) is not None and drills.exists():
        readers.append(lambda: read_drills(drills))
    readers.append(lambda: priced(opened, Asked()))
    for read in readers:
        try:
            read()
        except ConfigError as error:
            yield from error.problems


@estate.command(short_help="Show the sites, systems, targets and copies, and what would be lost together.")
@estate_option
@format_option("table", "json")
@output_option
def show(estate_file: Path, format_: str, output: Path | None) -> None:
    """Show the sites, systems, targets and copies, and which failure domains they share.

    Everything here is declared; `drcheck check` says what is there.
    """
    from drcheck.cli.output import deliver
    from drcheck.estate.overview import as_json, as_tables
    from drcheck.open_estate import open_estate

    opened = open_estate(estate_file)
    deliver(as_json(opened) if format_ == "json" else as_tables(opened), output)


@estate.command(short_help="Print the JSON Schema of the estate file, for editors and other tools.")
@output_option
def schema(output: Path | None) -> None:
    """Print the JSON Schema (draft 2020-12) of the estate file, for editors and other tools.

    It cannot say everything: references between sections, and the options of connectors and formats, are only seen by `drcheck estate validate`.
    """
    import json

    from drcheck.cli.output import deliver
    from drcheck.estate.reference import estate_schema

    deliver(json.dumps(estate_schema(), indent=2, ensure_ascii=False) + "\n", output)
