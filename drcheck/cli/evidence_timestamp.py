"""`drcheck evidence timestamp`: a third party's word that a pack's signature existed at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cryptography import x509

    from drcheck.evidence.stamping import ToStamp
    from drcheck.evidence.timestamp import Stamp

_pack = click.argument("pack", metavar="PACK", type=click.Path(path_type=Path))
_signature = click.option(
    "--signature", "label", metavar="LABEL", help="Which signature: its file's name below signatures/ without .sig. Default: the first by name."
)
_AUTHORITIES = "Whose time stamps you believe: the certificates (PEM) of the authority's issuers, intermediate ones included."
_with_authorities = click.option("--authorities", "--tsa-ca", "authorities", type=click.Path(path_type=Path), metavar="FILE", help=_AUTHORITIES)


@click.group(short_help="Have a third party prove since when a pack's signature exists.")
def timestamp() -> None:
    """Have a time stamping authority (RFC 3161) prove since when a pack's signature exists. Needs the extra `timestamp`.

    The authority sees a digest of the signature file, and nothing of the pack. Where no authority can be reached, write a request, carry it to where
    one can, and bring the answer.
    """


@timestamp.command("request", short_help="Write a request to carry to an authority.")
@_pack
@_signature
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it. Default: the pack's name with .tsq.")
def request(pack: Path, label: str | None, output: Path | None) -> int:
    """Write a request to stamp a signature of PACK.

    Take it to an authority, such as with
    `curl -H 'Content-Type: application/timestamp-query' --data-binary @PACK.tsq https://tsa.example.org/tsr -o PACK.tsr`.
    """
    from drcheck.evidence.stamping import signature_to_stamp
    from drcheck.evidence.timestamp import request_for
    from drcheck.files import write_whole
    from drcheck.model import printable

    signature = signature_to_stamp(pack, label)
    file = output or Path(f"{pack}.tsq")
    write_whole(file, request_for(signature.content))
    click.echo(printable(f"{file}: a request to stamp {signature.name}"))
    return 0


@timestamp.command("bring", short_help="Add an authority's answer to a pack.")
@_pack
@click.argument("answer", metavar="ANSWER.tsr", type=click.Path(path_type=Path))
@_signature
@_with_authorities
def bring_answer(pack: Path, answer: Path, label: str | None, authorities: Path | None) -> int:
    """Add an authority's ANSWER to PACK, once it is seen to be about that signature; with --authorities, also that the authority made it."""
    from drcheck.evidence.small_files import read_small
    from drcheck.evidence.stamping import bring

    _tell(*bring(pack, read_small(answer), label, _load(authorities)), verified=authorities is not None)
    return 0


@timestamp.command("fetch", short_help="Ask an authority, and add its answer.")
@_pack
@_signature
@click.option("--tsa", "url", required=True, metavar="URL", help="The authority, such as https://tsa.example.org/tsr.")
@_with_authorities
def fetch(pack: Path, label: str | None, url: str, authorities: Path | None) -> int:
    """Ask an authority to stamp a signature of PACK, and add its answer.

    Over plain http, which most authorities speak, the answer must be held against --authorities: then nobody on the way can change it.
    """
    from drcheck.evidence.stamping import bring, signature_to_stamp
    from drcheck.evidence.tsa import fetch_stamp

    trusted = _load(authorities)
    signature = signature_to_stamp(pack, label)
    answer = fetch_stamp(signature.content, url, trusted)
    _tell(*bring(pack, answer, signature.label, trusted), verified=authorities is not None)
    return 0


@timestamp.command("verify", short_help="Say what the time stamps of a pack prove.")
@_pack
@click.option("--authorities", "--tsa-ca", "authorities", type=click.Path(path_type=Path), metavar="FILE", required=True, help=_AUTHORITIES)
def verify(pack: Path, authorities: Path) -> int:
    """Hold every time stamp in PACK against its signature and against the authority's certificates.

    Whether the signature itself holds is for `drcheck evidence verify`, which takes --authorities too.
    """
    from drcheck.evidence.stamping import stamps_of

    for signature, stamp in stamps_of(pack, _load(authorities)):
        _tell(signature, stamp, verified=True)
    return 0


def _load(file: Path | None) -> Sequence[x509.Certificate]:
    if file is None:
        return ()
    from drcheck.evidence.small_files import read_small
    from drcheck.evidence.timestamp import load_authorities

    return load_authorities(read_small(file), str(file))


def _tell(signature: ToStamp, stamp: Stamp, *, verified: bool) -> None:
    from drcheck.clock import format_moment
    from drcheck.model import printable

    by = f", by {stamp.authority}" if stamp.authority else ""
    said = "existed at" if verified else "is said to have existed at"
    click.echo(printable(f"{signature.name} {said} {format_moment(stamp.at)}{by}, serial number {stamp.serial}"))
    if not verified:
        click.echo("Whether the authority said so was not checked; name its certificates with --authorities.", err=True)
