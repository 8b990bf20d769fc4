"""`drcheck evidence`: packs of what a night found, for whoever must not have to trust drcheck."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import store_option
from drcheck.cli.parameters import DURATION

if TYPE_CHECKING:
    from drcheck.evidence.signing import Signer
    from drcheck.model import Night
    from drcheck.store import Store

_MOST = 20
"""So many problems of one pack are told."""
_ELSEWHERE = {
    "show": "drcheck.cli.evidence_verify:show_pack",
    "timestamp": "drcheck.cli.evidence_timestamp:timestamp",
    "verify": "drcheck.cli.evidence_verify:verify_packs",
}


class _Group(click.Group):
    """A group with commands that are in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        there = [name for name, place in _ELSEWHERE.items() if util.find_spec(place.partition(":")[0])]
        return sorted([*super().list_commands(ctx), *there])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            module, _, attribute = _ELSEWHERE[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, short_help="Export what a night found for an auditor, and check it.")
def evidence() -> None:
    """Export what a night found as a pack that an auditor can check alone, and check packs.

    A pack is a BagIt bag: a folder, a .tar.gz or a .zip. It needs sha256sum, ssh-keygen and openssl to be checked, and nothing of drcheck's.
    """


_organisation = click.option("--organisation", metavar="ID", help="Whose nights; needed where the store has several organisations'.")
_pack = click.argument("pack", type=click.Path(path_type=Path))
_passphrase = click.option("--passphrase", metavar="REF", help="A reference to the secret that protects a key's file, such as systemd:drcheck-key.")


@evidence.command("export", short_help="Make a pack of a night, or of a period.")
@store_option
@_organisation
@click.option("--run", metavar="ID", help="The night; without it the latest one.")
@click.option("--since", metavar="DATE", help="A pack of every night from this day on, with their trend: 2026-03-01, or a moment with its zone.")
@click.option("--until", metavar="DATE", help="The last day of the period, or its last moment.")
@click.option("--every", type=DURATION, metavar="TIME", help="How often there should have been a night, for the trend. Default: 1d.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="Where to put it: NAME.tar.gz, NAME.zip, or another name for a folder."
)
@click.option("--names", is_flag=True, help="Keep the names of objects, which can be patient data; without it tokens stand in their place.")
@click.option("--no-objects", is_flag=True, help="Leave out what the store knows of each object.")
@click.option("--sign", "keys", multiple=True, metavar="KEY", help="Sign it: a key's file, agent:NAME or kms:URI; may be repeated.")
@_passphrase
def export_pack(
    store: str | None,
    organisation: str | None,
    run: str | None,
    since: str | None,
    until: str | None,
    every: timedelta | None,
    output: Path | None,
    names: bool,
    no_objects: bool,
    keys: tuple[str, ...],
    passphrase: str | None,
) -> int:
    """Make a pack of one night, or with --since or --until of a period with its trend.

    The same night always gives the same files, but for what tells when it was exported, and for what the store knows of each object by then.
    """
    from drcheck.clock import now
    from drcheck.evidence.pack import Choice, Period, export, nights_of
    from drcheck.nights.gaps import Rhythm

    if run is not None and (since or until):
        raise click.UsageError("--run is of one night; --since and --until are of several")
    if every is not None and not (since or until):
        raise click.UsageError("--every is for the trend of a period; give --since")
    signers = [_signer(key, passphrase) for key in keys]
    with opened_store(store) as opened:
        period = None
        if since or until:
            begin, end = _moment(since, "--since"), _moment(until, "--until", last=True)
            rhythm = Rhythm() if every is None else Rhythm(every, every / 4)
            period = Period(begin, end, rhythm)
            nights = nights_of(opened, _whose(opened, organisation), begin, end)
        else:
            nights = [_night(opened, organisation, run)]
        days = f"{nights[0].reference:%Y-%m-%d}-to-{nights[-1].reference:%Y-%m-%d}"
        path = output or Path(f"drcheck-evidence-{nights[-1].run if period is None else days}.tar.gz")
        made = export(opened, nights, path, exported=now(), choice=Choice(names=names, objects=not no_objects), period=period, signers=signers)
    click.echo(f"{made.path}: {_counted(len(nights), 'night')} up to {made.run}")
    click.echo(f"head {made.head}")
    for name in made.signatures:
        click.echo(f"signed: {name}")
    if made.left_out:
        click.echo(f"without the papers of {_counted(len(made.left_out), 'night')}, which are no longer kept", err=True)
    if names:
        click.echo("the names of objects are in it, which can be patient data", err=True)
    if not made.signatures:
        click.echo("not signed; `drcheck evidence sign` does it later, `--sign KEY` at once", err=True)
    return 0


@evidence.command("list", short_help="List the nights that can be exported, with their links.")
@store_option
@click.option("--organisation", metavar="ID", help="Only this organisation's.")
@click.option("--last", type=click.IntRange(min=1), default=30, show_default=True, metavar="N", help="How many, the newest first.")
def list_nights(store: str | None, organisation: str | None, last: int) -> int:
    """List the nights in a store that can be exported, the newest first, each with the digest of its link in the chain."""
    from tabulate import tabulate

    from drcheck.clock import format_moment
    from drcheck.model import printable

    with opened_store(store) as opened:
        nights = opened.assessments(organisation, limit=last)
        place = opened.place
    if not nights:
        click.echo(f"the store {place} holds no assessment" + (f" of {printable(organisation)}" if organisation else ""), err=True)
        return 0
    rows = [
        (
            printable(night.run),
            printable(night.organisation),
            format_moment(night.reference) + (" (as of)" if night.as_of else ""),
            night.exit_code,
            "pruned" if night.pruned else "kept",
            night.link,
        )
        for night in nights
    ]
    click.echo(tabulate(rows, ("run", "organisation", "judged at", "exit", "papers", "link"), tablefmt="simple", disable_numparse=True))
    return 0


@evidence.command("names", short_help="Say which object's name is behind a token.")
@click.argument("run", metavar="RUN")
@click.argument("tokens", nargs=-1, metavar="[TOKEN...]")
@store_option
@click.option("--objects", is_flag=True, help="Those of every object that the store knows as well, not only those that the night names.")
def tell_names(run: str, tokens: tuple[str, ...], store: str | None, objects: bool) -> int:
    """Print the token of every name of an object that the night RUN mentions, with a tab and the name; with TOKENs only theirs.

    Names of objects can be patient data: what this prints is not for an auditor's desk.

    Exits with 0, or with 11 where a TOKEN stands for no name that was looked at.
    """
    from drcheck.evidence.local_names import names_of
    from drcheck.model import EXIT_UNKNOWN, printable

    missing = dict.fromkeys(tokens)
    with opened_store(store) as opened:
        for token, name in names_of(opened, run, objects=objects):
            if not tokens or token in tokens:
                click.echo(f"{token}\t{printable(name)}")
                missing.pop(token, None)
    where = "that night or any object in the store" if objects else "that night; --objects looks at every object that the store knows, too"
    for token in missing:
        click.echo(f"{printable(token)}: stands for no name of {where}", err=True)
    return EXIT_UNKNOWN if missing else 0


@evidence.command("sign", short_help="Add a signature to a pack.")
@_pack
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A key's file, agent:NAME or kms:URI. Default: this user's own; may be repeated.")
@_passphrase
def sign_pack(pack: Path, keys: tuple[str, ...], passphrase: str | None) -> int:
    """Add a signature to a pack, such as an auditor's beside the organisation's. The pack is checked first; who signed it before is not judged."""
    from drcheck.errors import BadPack
    from drcheck.evidence.contents import read_contents
    from drcheck.evidence.keys import default_key
    from drcheck.evidence.pack import add_tag_files, signature_of
    from drcheck.evidence.verify import verify

    signers = [_signer(key, passphrase) for key in keys or (str(default_key()),)]
    found = verify(pack)
    if found.problems:
        raise BadPack("\n".join(f"{pack}: {problem}" for problem in found.problems[:_MOST]))
    manifest = read_contents(pack).file("tagmanifest-sha256.txt")
    files = {name: content for signer in signers for name, content in signature_of(manifest, signer).items()}
    add_tag_files(pack, files)
    for name in files:
        click.echo(f"{pack}: signed: {name}")
    return 0


def _signer(key: str, passphrase: str | None) -> Signer:
    from drcheck.evidence.signing import signer_for

    return signer_for(key, None if key.startswith(("agent:", "kms:")) else passphrase)


def opened_store(where: str | None) -> Store:
    """The store at `where`, which must be there: opening would make it, and an empty one would have nothing to say. Raises StoreError."""
    from drcheck.errors import StoreError
    from drcheck.store import default_file, open_store

    place = str(default_file()) if where is None else where.removeprefix("sqlite:///")
    if "://" not in place and not Path(place).exists():
        raise StoreError(f"{place}: there is no such store; `drcheck check{'' if where is None else f' --store {where}'}` makes one")
    return open_store(where)


def _whose(store: Store, organisation: str | None) -> str:
    from drcheck.model import printable

    if organisation is not None:
        return organisation
    there = sorted({night.organisation for night in store.assessments()})
    if len(there) > 1:
        raise click.UsageError(f"the store has nights of {', '.join(map(printable, there))}; say whose with --organisation")
    return there[0] if there else ""


def _night(store: Store, organisation: str | None, run: str | None) -> Night:
    from drcheck.errors import StoreError
    from drcheck.model import printable

    if run is not None:
        found = next((night for night in store.assessments(organisation) if night.run == run), None)
    else:
        found = store.latest(_whose(store, organisation))
    if found is None:
        what = "night" if run is None else f"run {printable(run)}"
        raise StoreError(f"the store {store.place} has no such {what}; `drcheck evidence list` shows those it has")
    return found


def _moment(text: str | None, option: str, *, last: bool = False) -> datetime | None:
    """A day's first or last moment in UTC, or a moment as it is given."""
    from drcheck.clock import parse_moment

    if text is None:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return datetime.combine(day, time.max, UTC) if last else day
    except ValueError:
        pass
    try:
        return parse_moment(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}, or a day as 2026-03-01", param_hint=option) from None


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
