"""`drcheck key`: the keys that sign evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from drcheck.evidence.allowed_signers import AllowedSigners
    from drcheck.evidence.public_keys import PublicKey

_LABEL = 12

_passphrase = click.option(
    "--passphrase",
    metavar="REF",
    help="Protect the private half with this secret, given as a reference such as systemd:drcheck-key or file:/etc/drcheck/key.pass.",
)
_key_argument = click.argument("key_file", metavar="[KEY]", required=False, type=click.Path(path_type=Path))


@click.group(short_help="Make, show and rotate the keys that sign evidence.")
def key() -> None:
    """Make, show and rotate the keys that sign evidence packs, and list them for an auditor.

    KEY is the file of a private key; without it, this user's own, see docs/keys.md. Signatures are those of OpenSSH, so that `ssh-keygen -Y verify`
    checks them without drcheck.
    """


@key.command("new", short_help="Make an Ed25519 key, and list it for auditors.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to put the private half; the public one goes beside it as FILE.pub."
)
@click.option("--comment", metavar="NAME", help="Whom the key stands for, such as backups@hospital.example. Default: drcheck@ and this host's name.")
@_passphrase
def new(out: Path | None, comment: str | None, passphrase: str | None) -> int:
    """Make an Ed25519 key: the private half with mode 0600, the public half beside it, and a line in the allowed_signers file there.

    Nothing is ever overwritten.
    """
    import re
    import socket

    from drcheck.clock import now
    from drcheck.evidence.keys import allowed_file, default_key, new_key

    path = out or default_key()
    made = new_key(path, comment or "drcheck@" + re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()), now(), passphrase)
    _field("key", str(path))
    _about(made)
    _field("listed in", str(allowed_file(path)))
    if passphrase is None:
        click.echo("The private half is protected by its file's mode alone; --passphrase protects it besides.", err=True)
    return 0


@key.command("show", short_help="Show a key: its type, fingerprint, comment and validity.")
@click.argument("reference", metavar="[KEY]", required=False)
def show(reference: str | None) -> int:
    """Show a key: type, fingerprint, comment, and between which moments it is listed as valid.

    KEY can also be agent:FINGERPRINT or agent:COMMENT, for one in an ssh-agent, and kms:URI#FILE.
    """
    from drcheck.evidence.allowed_signers import AllowedSigners
    from drcheck.evidence.keys import default_key, kept_signers
    from drcheck.evidence.private_keys import read_public, refuse_readable
    from drcheck.evidence.public_keys import key_from_line
    from drcheck.evidence.signing import signer_for

    if reference is not None and reference.startswith(("agent:", "kms:")):
        _field("key", reference)
        _about(key_from_line(signer_for(reference).public_key))
        return 0
    path = default_key() if reference is None else Path(reference)
    shown, kept = read_public(path), AllowedSigners("", ())
    if path.suffix != ".pub":
        refuse_readable(path)
        kept = kept_signers(path)
    _field("key", str(path))
    _about(shown)
    _validity(shown, kept)
    return 0


@key.command("rotate", short_help="Put a new key in the place of the old one, by date.")
@_key_argument
@click.option("--comment", metavar="NAME", help="Whom the new key stands for. Default: the same as the old one.")
@_passphrase
def rotate(key_file: Path | None, comment: str | None, passphrase: str | None) -> int:
    """Make a new key in the place of KEY. In the allowed_signers file beside it the old one ends now and the new one begins.

    What the old key signed before keeps verifying for its date, where a time stamp proves it: have packs stamped before (drcheck evidence timestamp).
    The old private half is renamed, never deleted. Give the auditor the new list.
    """
    from drcheck.clock import now
    from drcheck.evidence.keys import allowed_file, default_key, rotate_key

    path = key_file or default_key()
    rotated = rotate_key(path, now(), comment, passphrase)
    _field("key", str(path))
    _about(rotated.new)
    _field("closed", f"{rotated.old.fingerprint}, now {rotated.closed}")
    _field("listed in", str(allowed_file(path)))
    return 0


@key.command("allowed-signers", short_help="Print the list of keys for an auditor.")
@click.argument("reference", metavar="[KEY]", required=False)
@click.option("--undated", is_flag=True, help="Leave out from when until when each key is valid, for OpenSSH before 9.1, which cannot read it.")
def allowed_signers(reference: str | None, undated: bool) -> int:
    """Print the allowed_signers file that stands beside KEY: what an auditor gives to `ssh-keygen -Y verify -f` and `drcheck evidence verify`.

    For a key in an agent or a KMS it is one line, with the key's comment as its principal. Hand it over by another way than the packs.
    """
    from drcheck.errors import EvidenceError
    from drcheck.evidence.allowed_signers import AllowedSigners, signer_line
    from drcheck.evidence.keys import default_key, kept_signers
    from drcheck.evidence.public_keys import key_from_line, safe_comment
    from drcheck.evidence.signing import signer_for

    if reference is not None and reference.startswith(("agent:", "kms:")):
        public = key_from_line(signer_for(reference).public_key)
        kept = AllowedSigners(reference, (signer_line(safe_comment(public.comment), public),))
    else:
        kept = kept_signers(default_key() if reference is None else Path(reference))
    if not kept.signers:
        raise EvidenceError(f"{kept.file}: lists no key; make one with: drcheck key new")
    click.echo(kept.text(dated=not undated), nl=False)
    return 0


def _about(shown: PublicKey) -> None:
    _field("type", shown.type)
    _field("fingerprint", shown.fingerprint)
    _field("comment", shown.comment or "none")


def _validity(shown: PublicKey, kept: AllowedSigners) -> None:
    from drcheck.clock import format_moment

    def words(since: str, until: str) -> str:
        return " ".join(part for part in (since and f"from {since}", until and f"until {until}") if part) or "always"

    others = []
    for each in kept.signers:
        since, until = ("" if moment is None else format_moment(moment) for moment in (each.valid_after, each.valid_before))
        if each.key == shown:
            _field("valid", f"{words(since, until)}, as {each.principals}")
        else:
            others.append(f"{each.key.fingerprint} {words(since, until)}, as {each.principals}")
    if not kept.of(shown):
        _field("valid", "not listed" + (f" in {kept.file}" if kept.file else ""))
    for other in others:
        _field("listed too", other)


def _field(label: str, text: str) -> None:
    from drcheck.model import printable

    click.echo(f"{label:<{_LABEL}} {printable(text)}")
