"""
The command line. Commands are a table of import strings, so `drcheck --help` imports none of them.

Exit codes: 0 nothing failed and everything was determined, 10 an unwaived failure, 11 something unknown or nothing judged, 12 a report or record
could not be written, 2 usage or configuration, 1 a crash, 130 interrupted. With `--format nagios` 0 to 3, whatever happens (`drcheck.cli.plugin`).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from importlib import import_module, metadata
from typing import Any

import click

from drcheck.cli.plugin import give_up, is_plugin
from drcheck.errors import ConfigError, DrcheckError

COMMANDS = {
    "check": ("drcheck.cli.check:check", "Look at every target, read and compare, judge, and report."),
    "demo": ("drcheck.cli.demo:demo", "Build a throw-away hospital with seeded faults, and check it."),
    "diff": ("drcheck.cli.diff:diff", "Say what is new, fixed or still so between two nights, and since when."),
    "doctor": ("drcheck.cli.doctor:doctor", "Say for each target what works, what does not, and what will stay unknown."),
    "drill": ("drcheck.cli.drill:drill", "Show and validate the recorded restore drills."),
    "estate": ("drcheck.cli.estate:estate", "Validate, show or describe the estate file."),
    "evidence": ("drcheck.cli.evidence:evidence", "Export what a night found for an auditor, and check it."),
    "history": ("drcheck.cli.history:history", "List the assessments in a store, or print one again."),
    "init": ("drcheck.cli.init:init", "Write a commented estate file to start from."),
    "key": ("drcheck.cli.key:key", "Make, show and rotate the keys that sign evidence."),
    "manifest": ("drcheck.cli.manifest:manifest", "Write checksums of your own, hold them against a place, convert them."),
    "notify": ("drcheck.cli.notify:notify", "Test the channels and the monitor, and show what people were told."),
    "policy": ("drcheck.cli.policy:policy", "List and explain the guidance packs and the checks."),
    "report": ("drcheck.cli.report:report", "Print a stored night again, in any format."),
    "schedule": ("drcheck.cli.schedule:schedule", "Print what systemd, cron or Windows needs to run drcheck every night."),
    "status": ("drcheck.cli.status:status", "Say at a glance how things stand, and whether drcheck still runs."),
    "store": ("drcheck.cli.store:store", "Back the store up, check it, and let go of old papers."),
    "trend": ("drcheck.cli.trend:trend", "Show how nights went on: counts, missed nights, and how long repairs took."),
    "verify": ("drcheck.cli.verify:verify", "Read what is due and compare it, or say what would be read."),
}


class ReaderLeft(Exception):
    """Whoever read stdout has gone. No `OSError`: click ends the process with 1 for one of those, which here is a crash."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeft from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"drcheck {metadata.version('drcheck')}")
        context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all good, 10 something failed, 11 something is unknown, 12 output could not be written, 2 usage or configuration.",
)
@click.option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version and stop.")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for every call to every target.")
@click.pass_context
def cli(context: click.Context, verbose: int) -> None:
    """Prove that backups are off-site, fresh, intact and restorable, judged against national guidance.

    drcheck only reads: it never writes to, locks, repairs or deletes anything on a backup target.
    """
    context.obj = {"verbose": verbose}
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("drcheck")
    package.handlers = [handler]
    package.propagate = False
    package.setLevel({0: logging.ERROR, 1: logging.INFO}.get(verbose, logging.DEBUG))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code and never raises."""
    if threading.current_thread() is threading.main_thread():
        # A stopped service ends as an interrupted command does: what is half done is put away, and the exit code says so.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    code, wrong, answer = _run(arguments)
    if wrong and is_plugin(sys.argv[1:] if arguments is None else arguments):
        return give_up(wrong, answer)
    return code


def _run(arguments: list[str] | None) -> tuple[int, str, str]:
    """The exit code; where it did not come to its end, what went wrong; and what was found nevertheless. stderr was told."""
    try:
        code = cli.main(args=arguments, prog_name="drcheck", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 130, "interrupted", ""
    except click.ClickException as error:
        error.show()
        return 2, error.format_message(), ""
    except (ReaderLeft, BrokenPipeError):
        # Whoever read the report has gone; the interpreter must not complain about it again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 12, "whoever read stdout has gone", ""
    except DrcheckError as error:
        _explain(error)
        return error.exit_code, str(error), "\n".join(getattr(error, "__notes__", ()))
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return 130, "interrupted", ""
    except Exception as error:  # noqa: BLE001 - the last resort: a crash is exit 1 and says how to report it
        traceback.print_exc()
        click.echo(f"\ndrcheck {metadata.version('drcheck')} crashed; this is a bug. Please report the lines above.", err=True)
        return 1, f"drcheck crashed, which is a bug: {type(error).__name__}: {error}", ""
    return code if isinstance(code, int) else 0, "", ""


def _explain(error: DrcheckError) -> None:
    from drcheck.model.names import printable

    for line in str(error).splitlines():
        click.echo(f"error: {printable(line)}", err=True)
    if isinstance(error, ConfigError) and error.problems:
        count = len(error.problems)
        click.echo(f"{count} problem{'s' if count != 1 else ''}; nothing was looked at.", err=True)
