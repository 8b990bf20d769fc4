"""`drcheck evidence verify` and `show`: packs from whoever."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from drcheck.cli.options import store_option
from drcheck.cli.parameters import DURATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drcheck.evidence.chain_check import Chain, Fault
    from drcheck.evidence.verify import Trust, Verified

_MOST = 20
"""So many problems of one pack are told."""


def _digests(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Digests of links, with or without the `sha256:` in front that sha256sum does not write."""
    found = tuple(f"sha256:{value.strip().lower().removeprefix('sha256:')}" for value in values)
    for value, digest in zip(values, found, strict=True):
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            raise click.BadParameter(f"{value!r} is not the digest of a link: 64 hex digits, as after `head` or from sha256sum", context, parameter)
    return found


@click.command("verify", short_help="Check packs, and the chain of nights.")
@click.argument("packs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PACK...")
@click.option("--allowed-signers", type=click.Path(path_type=Path), metavar="FILE", help="Whose signatures you take: see ssh-keygen(1).")
@click.option("--principal", "principals", multiple=True, metavar="NAME", help="Who must have signed; may be repeated. Default: any in FILE.")
@click.option("--authorities", type=click.Path(path_type=Path), metavar="FILE", help="Whose time stamps you believe: their certificates (PEM).")
@click.option("--chain", is_flag=True, help="Hold the chains of the packs, and of a --store, against each other.")
@click.option(
    "--head", "heads", multiple=True, callback=_digests, metavar="DIGEST", help="A link that you know to have been in the chain; may be repeated."
)
@click.option("--every", type=DURATION, metavar="TIME", help="How often there should be a night; a quarter more is let pass.")
@store_option
def verify_packs(
    packs: tuple[Path, ...],
    allowed_signers: Path | None,
    principals: tuple[str, ...],
    authorities: Path | None,
    chain: bool,
    heads: tuple[str, ...],
    every: timedelta | None,
    store: str | None,
) -> int:
    """Check that packs are whole, that nothing in them contradicts another, and who signed them. Nothing in a pack is believed, or unpacked.

    \b
    Exit codes:
      0    everything is sound, and signed by whom you take
      10   something is wrong
      11   sound, but something could not be determined, such as who signed it
      12   a pack, or what it is held against, could not be read
    """
    from drcheck.evidence.chain_check import faults
    from drcheck.evidence.verify import verify
    from drcheck.model import EXIT_FAIL, EXIT_UNKNOWN

    if principals and allowed_signers is None:
        raise click.UsageError("--principal needs --allowed-signers: the pack cannot say whose key is whose")
    if authorities is not None and allowed_signers is None:
        raise click.UsageError("--authorities needs --allowed-signers")
    if not chain and store is not None and click.get_current_context().get_parameter_source("store") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--store needs --chain: a store is only held against packs where chains are")
    trust = _trust(allowed_signers, principals, authorities)
    found = []
    for pack in packs:
        found.append(verify(pack, trust))
        _tell(found[-1])
    codes = [each.exit_code for each in found]
    if chain or heads or every is not None:
        chains = [each.chain for each in found if each.chain is not None]
        unknown = []
        if chain and store is not None:
            theirs = _chains_of(store, chains)
            unknown = [f"{each.place} has no night of {organisation}" for organisation, each in theirs.items() if not each.links]
            chains += [each for each in theirs.values() if each.links]
        wrong = faults(chains, heads, every)
        _tell_chain(chains, wrong, unknown)
        codes += [EXIT_FAIL] if wrong else [EXIT_UNKNOWN] if unknown else []
    return EXIT_FAIL if EXIT_FAIL in codes else max(codes)


@click.command("show", short_help="Say what a pack is, without checking it.")
@click.argument("pack", type=click.Path(path_type=Path))
def show_pack(pack: Path) -> int:
    """Say what a pack is: of whom, of which night, what was found, and who says that he signed it. Nothing of it is checked."""
    from drcheck.errors import EvidenceError
    from drcheck.evidence.contents import read_contents, within_memory
    from drcheck.evidence.sshsig import dearmour
    from drcheck.evidence.verify import as_of_words, look
    from drcheck.model import printable

    with within_memory(pack):
        contents = read_contents(pack)
        about, counted, link = look(contents)
    click.echo(f"{pack}: what it says of itself; `drcheck evidence verify` checks it")
    fields = [
        ("organisation", f"{about['name']} ({about['organisation']})"),
        ("night", f"{about['run']}, number {about.get('number')} of the chain"),
        *([("judged", as_of_words(link))] if link.as_of else []),
        *([("rehearsal", "folders on one machine stand in for places")] if counted.rehearsal else []),
        *(
            [("period", f"{_counted(len(about['nights']), 'night')}, {about.get('since') or '…'} to {about.get('until') or '…'}")]
            if "nights" in about
            else []
        ),
        ("exported", contents.info().get("Drcheck-Exported", "")),
        ("found", _outcomes(counted.counts)),
        ("exit code", str(counted.exit_code)),
        ("names", "of objects are in it" if about["names"] == "plain" else "of objects are tokens"),
        ("files", f"{len(contents.digests):,}, {contents.octets:,} bytes below data/"),
        ("head", about["head"]),
    ]
    for name in contents.below("signatures/", "timestamps/"):
        said = name
        if name.endswith(".sig"):
            try:
                key = dearmour(contents.file(name)).key
                said = f"{name}: {key.type} {key.fingerprint}"
            except EvidenceError as error:
                said = f"{name}: {error}"
        fields.append(("signed", said) if name.startswith("signatures/") else ("stamped", said))
    for label, value in fields:
        click.echo(f"  {label:<13}{printable(value)}")
    return 0


def _trust(allowed_signers: Path | None, principals: tuple[str, ...], authorities: Path | None) -> Trust | None:
    from drcheck.evidence.allowed_signers import load_allowed_signers
    from drcheck.evidence.signed_by import Trust
    from drcheck.evidence.small_files import read_small
    from drcheck.evidence.timestamp import load_authorities

    if allowed_signers is None:
        return None
    certificates = () if authorities is None else load_authorities(read_small(authorities), str(authorities))
    return Trust(load_allowed_signers(allowed_signers), principals, certificates)


def _tell(found: Verified) -> None:
    from drcheck.evidence.verify import as_of_words
    from drcheck.model import printable

    verdict = {0: "sound", 10: "NOT SOUND", 11: "sound, as far as could be determined"}[found.exit_code]
    click.echo(f"{found.path}: {verdict}")
    if found.about and (found.counted is not None or not found.problems):
        about = found.about
        outcomes = "findings not counted" if found.counted is None else _outcomes(found.counted.counts)
        click.echo(f"  {printable(about['name'])} ({printable(about['organisation'])}), night {printable(about['run'])}: {outcomes}")
        if found.chain is not None and found.chain.links[-1].as_of:
            click.echo(f"  {as_of_words(found.chain.links[-1])}")
        click.echo(f"  head {printable(about['head'])}")
    for label, texts in (("wrong", found.problems), ("unknown", found.doubts), ("note", found.notes)):
        for text in texts[:_MOST]:
            click.echo(f"  {label}: {printable(text)}")
        if len(texts) > _MOST:
            click.echo(f"  {label}: and {len(texts) - _MOST:,} more")


def _chains_of(where: str, chains: Iterable[Chain]) -> dict[str, Chain]:
    """The store's chains of the organisations that the packs are of, by organisation."""
    from drcheck.cli.evidence import opened_store
    from drcheck.evidence.chain_check import Chain

    organisations = dict.fromkeys(link.organisation for chain in chains for link in chain.links)
    with opened_store(where) as opened:
        return {organisation: Chain(f"the store {opened.place}", tuple(opened.links(organisation))) for organisation in organisations}


def _tell_chain(chains: Sequence[Chain], wrong: Sequence[Fault], unknown: Sequence[str]) -> None:
    from drcheck.model import printable

    links = {link.digest: link for chain in chains for link in chain.links}
    click.echo(f"chain: {_counted(len(links), 'link')} in {_counted(len(chains), 'place')}: {'WRONG' if wrong else 'whole'}")
    for text in unknown:
        click.echo(f"  unknown: {printable(text)}, so nothing was held against it")
    for fault in wrong[:_MOST]:
        click.echo(f"  {printable(str(fault))}")
    if len(wrong) > _MOST:
        click.echo(f"  and {len(wrong) - _MOST:,} more")


def _outcomes(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in counts)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
