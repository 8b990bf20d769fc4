"""`drcheck init`: a commented estate file to start from."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

T = TypeVar("T")


@click.command(short_help="Write a commented estate file to start from.")
@click.argument("path", type=click.Path(path_type=Path), default="estate.toml")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: use the options, and examples for the rest.")
@click.option("--force", is_flag=True, help="Replace the file where there is one already.")
@click.option("--organisation", metavar="NAME", help="The organisation's name.")
@click.option("--country", metavar="CODE", help="Its country: two letters, such as GB.")
@click.option("--system", "systems", multiple=True, metavar="NAME", help="A system to protect; may be repeated.")
@click.option("--onsite", metavar="FOLDER", help="The folder on this machine, or mounted on it, where backups lie.")
@click.option("--offsite", metavar="HOST", help="The SFTP server that holds the off-site backups.")
def init(
    path: Path,
    yes: bool,
    force: bool,
    organisation: str | None,
    country: str | None,
    systems: tuple[str, ...],
    onsite: str | None,
    offsite: str | None,
) -> None:
    """Write a commented estate file to start from, at PATH (estate.toml unless you name another).

    On a terminal it asks a few questions, each with a default; elsewhere, and with --yes, it asks none. What it writes is valid as it stands
    and full of examples: change it to what you have. Nothing is connected to.
    """
    from drcheck.cli.output import deliver
    from drcheck.errors import ConfigError
    from drcheck.estate.overview import summary
    from drcheck.estate.starter import Answers, starter
    from drcheck.files import write_whole
    from drcheck.model import printable
    from drcheck.open_estate import checked_estate

    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name the file, such as {path / 'estate.toml'}")
    if not force and (path.exists() or path.is_symlink()):
        raise ConfigError(f"{path}: is there already, and was not touched; name another file, or replace it with --force")
    asks = not yes and sys.stdin.isatty()
    example = Answers()
    answers = Answers(
        organisation=_answer("Name of the organisation", organisation, example.organisation, _name, asks),
        country=_answer("Country (two letters)", country, example.country, _country, asks),
        systems=tuple(map(_name, systems)) or _answer("Systems to protect, parted by commas", None, ", ".join(example.systems), _names, asks),
        onsite=_answer("Folder where on-site backups lie", onsite, example.onsite, _name, asks),
        offsite=_answer("SFTP server that holds the off-site backups", offsite, example.offsite, _host, asks),
    )
    content = starter(answers).encode()
    # Before it is written: what this command leaves behind always passes `drcheck estate validate`.
    estate = checked_estate(path, content)
    write_whole(path, content)
    deliver(f"Wrote {printable(str(path))}: {summary(estate)}, all of them examples until you change them.\n\n{_next_steps(path)}\n", None)


def _next_steps(path: Path) -> str:
    from drcheck.model import printable

    option = "" if path == Path("estate.toml") else f" --estate {shlex.quote(str(path))}"
    steps = (
        ("", f"Edit {path}: your sites, systems, targets and copies."),
        ("estate validate", "Names whatever is wrong in the file."),
        ("doctor", "Says what works at each target, and what will stay unknown."),
        ("check", "Looks, reads, compares and judges."),
    )
    lines = [
        f"  {number}. " + (f"drcheck {command}{option}\n     {words}" if command else words) for number, (command, words) in enumerate(steps, start=1)
    ]
    return "Next:\n" + "\n".join(printable(line) for text in lines for line in text.split("\n"))


def _answer(question: str, given: str | None, example: str, understood: Callable[[str], T], asks: bool) -> T:
    if given is not None or not asks:
        return understood(example if given is None else given)
    answer: T = click.prompt(question, default=example, value_proc=understood, err=True)
    return answer


def _name(text: str) -> str:
    text = text.strip()
    if not text or not text.isprintable():
        raise click.UsageError("write a name, on one line")
    return text


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise click.UsageError("write at least one name")
    return tuple(map(_name, names))


def _country(text: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from drcheck.estate.fields import Country

    country: TypeAdapter[str] = TypeAdapter(Country)
    try:
        return country.validate_python(text.strip().upper())
    except ValidationError as error:
        raise click.UsageError(str(error.errors()[0]["ctx"]["error"])) from error


def _host(text: str) -> str:
    text = text.strip()
    if not text or not text.isprintable() or any(character in text for character in " @/"):
        raise click.UsageError("write the server's name or address, without user and path")
    return text
