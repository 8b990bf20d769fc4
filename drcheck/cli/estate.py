"""`drcheck estate`: what the estate file declares, and whether it is right."""

from __future__ import annotations

from pathlib import Path

import click

from drcheck.cli.options import estate_option, format_option, output_option


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

    Every problem is named at once, with the key that it stands at, the wrong value and what is allowed. Exits with 0 or 2.
    """
    from drcheck.estate.overview import summary
    from drcheck.model import printable
    from drcheck.open_estate import open_estate

    click.echo(f"{printable(str(estate_file))}: valid: {summary(open_estate(estate_file))}")


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
