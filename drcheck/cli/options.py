"""Options that several commands share: one decorator each, so that a word means the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from drcheck.cli.parameters import MOMENT

F = TypeVar("F", bound=Callable[..., Any])


def estate_option(command: F) -> F:
    """`--estate FILE`, given to the command as `estate_file`."""
    return click.option(
        "--estate",
        "estate_file",
        type=click.Path(path_type=Path),
        default="estate.toml",
        envvar="DRCHECK_ESTATE",
        show_default=True,
        show_envvar=True,
        metavar="FILE",
        help="The estate file: what the organisation declares.",
    )(command)


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, one of `formats` with the first as the default, given to the command as `format_`."""
    return click.option("--format", "format_", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print it.")


def output_option(command: F) -> F:
    """`--output FILE`, given to the command as `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the report to this file instead of stdout; it is replaced whole or not at all.",
    )(command)


def as_of_option(command: F) -> F:
    """`--as-of TIME`, given to the command as `as_of`."""
    return click.option("--as-of", type=MOMENT, metavar="TIME", help="Judge as if it were this moment, such as 2026-03-01T06:00:00Z. Default: now.")(
        command
    )


def store_option(command: F) -> F:
    """`--store WHERE`, given to the command as `store`; None for this user's own."""
    return click.option(
        "--store",
        metavar="WHERE",
        envvar="DRCHECK_STORE",
        show_envvar=True,
        help="The store: a file, or a URL such as postgresql+psycopg://drcheck@host/drcheck. Default: this user's own, see docs/store.md.",
    )(command)
