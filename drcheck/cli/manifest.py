"""`drcheck manifest`: promised checksums of one's own, for copies that have none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import estate_option, format_option, output_option
from drcheck.cli.parameters import DURATION

if TYPE_CHECKING:
    from datetime import timedelta

    from drcheck.estate.schema import Copy, Estate

# Not the weak ones: what is promised anew should show attacks too.
ALGORITHMS = ("sha256", "sha384", "sha512", "sha3-256", "sha3-512", "blake2b", "blake3")
READ_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake3")
READ_KINDS = ("auto", "gnu", "bsd", "sfv", "hashdeep", "bagit")
COPY_OPTION = click.option("--copy", "copy_id", metavar="SYSTEM@TARGET", help="The copy, such as imaging@offsite.")
RUN_TIMEOUT = click.option("--run-timeout", type=DURATION, default=None, help="For all of it, reading included. Default: as long as it takes.")


@click.group(short_help="Write checksums of your own, hold them against a place, convert them.")
def manifest() -> None:
    """Write checksums of your own for backups that have none, hold them against a place, and convert them between kinds.

    A manifest is a list of checksums: what each object of a backup should be. Without one drcheck can say that an object is there, never that it
    is still right. Nothing is ever written on a target: keep manifests away from the data that they speak of.
    """


@manifest.command(short_help="Read one copy and write a manifest of what is there.")
@estate_option
@COPY_OPTION
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The manifest, on this machine and on no target."
)
@click.option("--kind", type=click.Choice(("gnu", "bsd", "hashdeep")), default=None, help="How it is written. Default: gnu, as sha256sum writes.")
@click.option(
    "--algorithm", type=click.Choice(ALGORITHMS), default=None, help="Default: sha256. blake3 needs the extra: pip install drcheck[blake3]."
)
@click.option("--zero", is_flag=True, help="End lines in NUL and escape no name, as sha256sum --zero does.")
@click.option("--partial", is_flag=True, help="Write it even where something could not be read; the output names what is not in it.")
@click.option("--update", is_flag=True, help="Add what is new to FILE, and keep every line that it has.")
@click.option(
    "--accept", multiple=True, metavar="PATTERN", help="With --update: names that may have changed or gone, such as '2026-01-*'; may be repeated."
)
@click.option("--force", is_flag=True, help="Replace FILE where there is one already: all that it promised is forgotten.")
@RUN_TIMEOUT
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
def create(
    estate_file: Path,
    copy_id: str | None,
    output: Path,
    kind: str | None,
    algorithm: str | None,
    zero: bool,
    partial: bool,
    update: bool,
    accept: tuple[str, ...],
    force: bool,
    run_timeout: timedelta | None,
    quiet: bool,
) -> int:
    """Read what the finished recovery points of one copy hold, and write a manifest of it to a file on this machine.

    It records what is there today. From now on a change shows; whether something was changed or damaged before, it cannot tell.

    With --update only new objects are read. What changed in size or went away is named and stays promised as it was, until --accept names it: then
    its line is dropped, or the object is read again and promised anew.

    \b
    Exit codes:
      0    everything that should be promised is
      10   something that is promised changed in size, or is gone (--update)
      11   something could not be read, or there is no finished recovery point
      12   the file could not be written
      2    the command line or the estate is wrong, or FILE lies on a target
    """
    from drcheck.cli.output import deliver
    from drcheck.clock import Deadline, now
    from drcheck.open_estate import open_estate
    from drcheck.verify.away import insist_on_away
    from drcheck.verify.overview import promised_as_text
    from drcheck.verify.promise import Request, promise

    if update and force:
        raise click.UsageError("--update adds to the file, and --force replaces it; choose one")
    if accept and not update:
        raise click.UsageError("--accept is for --update: without it there is nothing that was promised before")
    estate = open_estate(estate_file)
    copy = _copy(estate, copy_id)
    insist_on_away(output, estate)
    _insist_on_folder(output)
    if not quiet:
        click.echo(f"reading {copy.id}", err=True)
    request = Request(output, kind or "", algorithm or "", zero, partial, update, force, accept)
    done = promise(estate, copy, request, now=now(), run=Deadline(run_timeout.total_seconds() if run_timeout else None))
    deliver(promised_as_text(done, copy, estate), None)
    return done.exit_code


@manifest.command(short_help="Hold a manifest against a folder, or a copy of the estate.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), metavar="FOLDER", help="The folder on this machine that its names are relative to.")
@COPY_OPTION
@estate_option
@click.option(
    "--kind", type=click.Choice(READ_KINDS), default="auto", show_default=True, help="How the manifest is written; auto tells by its first line."
)
@click.option(
    "--algorithm", type=click.Choice(READ_ALGORITHMS), default=None, help="For lines that do not say. Default: by the file's name, or the length."
)
@click.option("--extra-allowed", is_flag=True, help="Objects for which nothing is promised do not count as unknown.")
@click.option("--weak-allowed", is_flag=True, help="MD5, SHA-1 and CRC-32 are enough: they show accidents, and no attack.")
@click.option("--server-hash-counts", is_flag=True, help="What a server hashed itself counts as read: whoever holds it can make it say anything.")
@RUN_TIMEOUT
@format_option("table", "json")
@output_option
def verify(
    file: Path,
    root: Path | None,
    copy_id: str | None,
    estate_file: Path,
    kind: str,
    algorithm: str | None,
    extra_allowed: bool,
    weak_allowed: bool,
    server_hash_counts: bool,
    run_timeout: timedelta | None,
    format_: str,
    output: Path | None,
) -> int:
    """Read everything that FILE promises, and say what matches, what does not, what is missing, what cannot be read, and what is not promised.

    Give --root for a folder on this machine, no estate needed; or --copy for a copy of the estate, whose finished recovery points are read.
    Symbolic links are not followed.

    \b
    Exit codes:
      0    everything is as promised
      10   something is not as promised, or is missing
      11   it is not known: something could not be read or is not promised,
           or the manifest cannot be used
      2    the command line or the estate is wrong
    """
    from drcheck.cli.output import deliver
    from drcheck.clock import Deadline, now
    from drcheck.open_estate import open_estate
    from drcheck.verify.held_against import exit_code, manifest_at, verify_folder, verify_one
    from drcheck.verify.overview import verification_as_json, verification_as_text

    if (root is None) == (copy_id is None):
        raise click.UsageError("say where to look: --root FOLDER, or --copy SYSTEM@TARGET")
    promised = manifest_at(file, kind, algorithm or "")
    run, moment = Deadline(run_timeout.total_seconds() if run_timeout else None), now()
    if root is not None:
        seen, place = verify_folder(promised, root, now=moment, run=run), str(root)
    else:
        estate = open_estate(estate_file)
        copy = _copy(estate, copy_id)
        seen, place = verify_one(promised, estate, copy, now=moment, run=run), copy.id
    code = exit_code(seen, extra_allowed=extra_allowed, weak_allowed=weak_allowed, server_hash_counts=server_hash_counts)
    as_text = verification_as_json if format_ == "json" else verification_as_text
    deliver(as_text(seen, file, place, code), output)
    return code


@manifest.command(short_help="Write a manifest anew in another kind.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Choice(("gnu", "bsd", "hashdeep", "sfv")), required=True, help="The kind that is wanted.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Where to write it.")
@click.option(
    "--kind", type=click.Choice(READ_KINDS), default="auto", show_default=True, help="How the manifest is written; auto tells by its first line."
)
@click.option("--algorithm", default="", metavar="NAME", help="Keep the digests of this algorithm only, such as sha256. Default: all of them.")
@click.option("--zero", is_flag=True, help="End lines in NUL and escape no name, as sha256sum --zero does.")
@click.option("--force", is_flag=True, help="Replace the output where there is one already.")
def convert(file: Path, to: str, output: Path, kind: str, algorithm: str, zero: bool, force: bool) -> None:
    """Write what FILE promises in another kind, sorted by name. No data is read.

    What the other kind cannot hold (an algorithm, a missing size, a name with a line end) is an error, and nothing is written. What is lost
    without harm, such as sizes, is named. Comments are not kept.
    """
    from drcheck.cli.output import deliver
    from drcheck.errors import ConfigError
    from drcheck.manifests.base import known_algorithm
    from drcheck.model import printable
    from drcheck.verify.convert import convert as convert_manifest
    from drcheck.verify.stored_manifest import StoredManifest

    chosen = known_algorithm(algorithm)
    if algorithm and not chosen:
        raise click.BadParameter(f"{algorithm!r} is no known algorithm; such as sha256", param_hint="--algorithm")
    if not force and (output.exists() or output.is_symlink()):
        raise ConfigError(f"{output}: is there already, and was not touched; name another file, or replace it with --force")
    _insist_on_folder(output)
    done = convert_manifest(StoredManifest(file, kind=kind), output, kind=to, algorithm=chosen, zero=zero)
    lost = "".join(f"\nlost: {printable(loss)}" for loss in done.losses) or "\nNothing was lost."
    deliver(f"Wrote {printable(str(output))}: {done.names:,} names, {' and '.join(done.algorithms)}, kind {to} (from {done.kind}).{lost}\n", None)


def _copy(estate: Estate, wanted: str | None) -> Copy:
    from drcheck.plugins import suggest

    ids = [copy.id for copy in estate.copies]
    if wanted not in ids:
        hint = suggest(wanted or "", ids)
        said = f"{wanted!r} is no copy of {estate.file}" if wanted else f"name a copy of {estate.file}"
        raise click.BadParameter(f"{said}; those are: {', '.join(ids) or 'none'}" + (f" ({hint})" if hint else ""), param_hint="--copy")
    return next(copy for copy in estate.copies if copy.id == wanted)


def _insist_on_folder(output: Path) -> None:
    """Before anything is read: hours of reading must not end at a folder that is not there."""
    from drcheck.errors import ConfigError

    if output.is_dir() or not output.parent.is_dir():
        what = "is a folder; name the file" if output.is_dir() else "its folder is not there; make it first"
        raise ConfigError(f"{output}: {what}")
