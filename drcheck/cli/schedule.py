"""`drcheck schedule`: what the platform's own timer needs to run drcheck every night."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from drcheck.cli.options import estate_option
from drcheck.cli.parameters import DURATION, REPORT

if TYPE_CHECKING:
    from datetime import time

    from drcheck.schedule import Nightly

KINDS = ("systemd", "cron", "windows")
_INSTALL = {
    "systemd": "to install, as root: cp {files} /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now {name}.timer",
    "cron": "to install: add the line of {files} to the crontab (crontab -e)",
    "windows": "to install, as administrator: schtasks /Create /TN {name} /XML {files}",
}


class TimeOfDay(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A time of day such as `02:30`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        """The time. Raises UsageError where it is none."""
        from datetime import time

        if isinstance(value, time):
            return value
        try:
            found = time.fromisoformat(str(value))
        except ValueError:
            found = None
        if found is None or found.tzinfo is not None or found.microsecond or found.second:
            self.fail(f"{value!r} is not a time of day; write it as 02:30", param, ctx)
        return found


@click.command(short_help="Print what systemd, cron or Windows needs to run drcheck every night.")
@click.argument("kind", type=click.Choice(KINDS))
@estate_option
@click.option("--at", type=TimeOfDay(), default="02:30", show_default=True, metavar="HH:MM", help="When, by the machine's own clock.")
@click.option(
    "--jitter",
    type=DURATION,
    default="10m",
    show_default=True,
    metavar="DURATION",
    help="Up to so much later, by chance, so that not all begin at once.",
)
@click.option("--also", type=REPORT, multiple=True, metavar="FORMAT=FILE", help="A report to write each night; may be repeated.")
@click.option("--store", default="", metavar="WHERE", help="The store. Default: /var/lib/drcheck with systemd, else that of the user who runs it.")
@click.option(
    "--user", default="", metavar="NAME", help="Who runs it. Default with systemd: a user made up for the service; on Windows: LOCAL SERVICE."
)
@click.option("--name", default="drcheck", show_default=True, metavar="NAME", help="What the units or the task are called.")
@click.option("--program", type=click.Path(path_type=Path), metavar="FILE", help="The whole path of drcheck. Default: this one.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIRECTORY", help="Write the files there.")
def schedule(
    kind: str,
    estate_file: Path,
    at: time,
    jitter: timedelta,
    also: tuple[tuple[str, Path], ...],
    store: str,
    user: str,
    name: str,
    program: Path | None,
    output: Path | None,
) -> int:
    """Print what systemd, cron or Windows needs to run `drcheck check --nightly` every night, or write it into files. Nothing is installed.

    \b
    systemd   a hardened service, its timer, and a service that tells people where a night was killed.
              Each secret that the estate refers to as systemd:NAME is loaded from /etc/credstore/NAME
    cron      a line for the crontab
    windows   a task for `schtasks /Create /XML`

    What the estate's secrets need there is said on stderr.
    """
    from drcheck.cli.output import deliver
    from drcheck.open_estate import open_estate
    from drcheck.reports import report_known
    from drcheck.schedule import Nightly, notes_on, notes_on_files, secret_references

    estate = open_estate(estate_file)
    for format_, _ in also:
        report_known(format_, estate.plugins)
    if user and kind == "cron":
        raise click.UsageError("a crontab belongs to its user; leave --user out, and install the line as that user")
    if "://" in store and urlsplit(store).password is not None:
        raise click.UsageError("a password does not belong into a timer that others can read; leave it to ~/.pgpass or PGPASSFILE")
    references = secret_references(estate)
    night = Nightly(
        program=(str(program),) if program is not None else _this_program(),
        estate=estate_file.absolute(),
        organisation=estate.organisation.name,
        at=at,
        jitter=jitter,
        also=tuple((format_, file.absolute()) for format_, file in also),
        store=store if not store or "://" in store else str(Path(store).absolute()),
        credentials=tuple(reference.partition(":")[2] for reference in references if reference.startswith("systemd:")),
        name=name,
        user=user,
    )
    files = _files(kind, night)
    if output is not None:
        _make(output)
    for file, content in files.items():
        if output is not None:
            deliver(content, output / file)
        else:
            deliver((f"# {file}\n" if len(files) > 1 else "") + content.decode("utf-16" if kind == "windows" else "utf-8"), None)
    if output is not None:
        click.echo(_INSTALL[kind].format(files=" ".join(str(output / file) for file in files), name=name), err=True)
    for note in (*notes_on(references, kind), *notes_on_files(night, kind)):
        click.echo(f"note: {note}", err=True)
    return 0


def _make(folder: Path) -> None:
    from drcheck.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: could not be made: {error.strerror or error}") from error


def _files(kind: str, night: Nightly) -> dict[str, bytes]:
    from drcheck.schedule import crontab, task, units

    if kind == "systemd":
        return {name: text.encode() for name, text in units(night).items()}
    if kind == "cron":
        return {f"{night.name}.cron": crontab(night).encode()}
    return {f"{night.name}.xml": task(night).encode("utf-16")}


def _this_program() -> tuple[str, ...]:
    """What was started, as another process can start it."""
    found = shutil.which(sys.argv[0]) if Path(sys.argv[0]).stem == "drcheck" else None
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "drcheck")
