"""`drcheck policy`: the guidance packs and the checks, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from drcheck.checks.base import Check
    from drcheck.policy import Control, Pack

_WIDTH = 100
_LABEL = 17


@click.group(short_help="List and explain the guidance packs and the checks.")
def policy() -> None:
    """List and explain the guidance packs that come with drcheck, and the checks that they are made of.

    A pack holds one issuer's guidance in our words, with its source and how sure we are of it. Meeting it supports the guidance; it certifies
    nothing.
    """


@policy.command("list", short_help="List the packs that come with drcheck.")
def list_packs() -> None:
    """List the packs that come with drcheck: id, version, issuer and document."""
    from tabulate import tabulate

    from drcheck.policy import shipped_packs

    rows = [
        (pack.id, pack.written.version, pack.written.country, len(pack.controls), pack.written.title, pack.written.document_version)
        for pack in shipped_packs()
    ]
    click.echo(tabulate(rows, ["policy", "version", "for", "controls", "title", "of the document"], maxcolwidths=[None, None, None, None, 44, 32]))


@policy.command("show", short_help="Show one pack: its clauses, its numbers, and how sure they are.")
@click.argument("name", metavar="ID")
def show_pack(name: str) -> None:
    """Show the pack ID, or the one in a file (written with ./ in front): each clause, how sure we are of it, which numbers are the issuer's and
    which are ours, and the check that judges it."""
    from drcheck.policy import load_pack
    from drcheck.policy.schema import SURENESS

    pack = load_pack(name)
    _show_head(pack)
    for control in pack.controls:
        _show_control(control)
    used = dict.fromkeys(control.written.sure for control in pack.controls)
    click.echo("\nHow sure:")
    for sure in used:
        _field(sure, SURENESS[sure])


@policy.command("checks", short_help="Explain the checks: what PASS means, what they need, what to do.")
@click.argument("name", metavar="[ID]", required=False)
def explain_checks(name: str | None) -> None:
    """Explain the check ID, or list all of them: what PASS means, which facts are needed, the parameters, and what to do about a failure."""
    from drcheck.checks import all_checks, check_named

    if name is not None:
        _show_check(check_named(name))
        return
    for check in all_checks():
        click.echo(f"{check.id} ({check.subject})")
        _field("PASS means", check.passes)
    click.echo("\nOne of them in full: drcheck policy checks copies.count")


def _show_head(pack: Pack) -> None:
    from drcheck.model import printable

    written = pack.written
    click.echo(f"{printable(pack.id)}, version {printable(written.version)}: {printable(written.title)}")
    _field("issuer", written.issuer)
    _field("document", f"{written.document}, {written.document_version}")
    _field("source", f"{written.url} (read {written.date_read.isoformat()}, {written.sure})")
    _field("for", f"{written.country}: {', '.join(written.sectors)}")
    _field("licence", written.licence)
    _field("about", written.about)
    _field("digest", pack.digest)


def _show_control(control: Control) -> None:
    from drcheck.model import printable

    written = control.written
    click.echo(f"\n{printable(control.id)}  {printable(written.title)}")
    _field("clause", f"{written.clause} ({written.sure})")
    _field("asks", written.text)
    _field("check", f"{control.check.id}, severity {control.severity}" + (f", for {' and '.join(written.tiers)} systems" if written.tiers else ""))
    if control.issuer_parameters:
        _field("issuer's", ", ".join(f"{name} = {words}" for name, words in control.issuer_parameters))
    if control.our_parameters:
        _field("ours", ", ".join(f"{name} = {words}" + ("" if name in written.ours else " (default)") for name, words in control.our_parameters))
    if written.because:
        _field("because", written.because)


def _show_check(check: Check) -> None:
    from drcheck.checks.base import FACTS, words_of

    click.echo(f"{check.id}: {check.title}")
    _field("asked of", f"each {check.subject}")
    _field("PASS means", check.passes)
    _field("needs", "; ".join(f"{name} ({FACTS[check.subject][name]})" for name in check.needs))
    if check.looks_at:
        _field("looks at", ", ".join(check.looks_at))
    _field("severity", f"{check.severity}, where a control does not say")
    for parameter in check.parameters:
        _field(parameter.name, f"{parameter.meaning}. {parameter.allowed.capitalize()}; default: {words_of(parameter.default)}")
    _field("what to do", check.remediation)
    if check.to_know:
        _field("about an unknown", check.to_know)


def _field(label: str, text: str) -> None:
    """One labelled text, wrapped, and safe on a terminal: packs and checks may be written by others."""
    from drcheck.model import printable

    words = printable(" ".join(text.split()))
    click.echo(click.wrap_text(f"{label:<{_LABEL}} {words}", _WIDTH, "  ", " " * (_LABEL + 3)))
