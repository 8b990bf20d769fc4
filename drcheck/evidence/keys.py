"""
The keys of this installation: a folder with the key that signs now, its closed predecessors, and the list of them all that an auditor is given.

    drcheck                             the private half, mode 0600
    drcheck.pub                         the public half
    drcheck.closed-20261122T031000Z     a private half that was rotated out; it signs no more, and nothing ever deletes it
    drcheck.closed-20261122T031000Z.pub
    allowed_signers                     every key that signed here, each with the moments between which it did
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import platformdirs

from drcheck.clock import format_moment
from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import AllowedSigners, load_allowed_signers, parse_allowed_signers, signer_line
from drcheck.evidence.private_keys import public_file, read_public, refuse_readable, write_new
from drcheck.evidence.public_keys import PublicKey, safe_comment
from drcheck.files import write_whole

_HEADER = "# Keys that sign evidence here. Give this file to an auditor by another way than the packs: drcheck key allowed-signers\n"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to."""

    old: PublicKey
    new: PublicKey
    closed: Path
    """Where the old private half stands now."""


def default_key() -> Path:
    """Where this user's key stands, whether or not there is one."""
    return Path(platformdirs.user_config_path("drcheck", appauthor=False)) / "keys" / "drcheck"


def allowed_file(key: Path) -> Path:
    """The list of keys that stands beside the key at this path."""
    return key.with_name("allowed_signers")


def kept_signers(key: Path) -> AllowedSigners:
    """
    Every key that is listed beside the key at this path; none where there is no list.

    Raises:
        EvidenceError: the list cannot be read, or a line in it is wrong.
    """
    file = allowed_file(key)
    return load_allowed_signers(file) if file.exists() else AllowedSigners(str(file), ())


def new_key(path: Path, comment: str, at: datetime, passphrase: str | None = None) -> PublicKey:
    """
    Make an Ed25519 key at `path`, and list it as valid from `at` on for the principal `comment`.

    Raises:
        EvidenceError: a key is there already, `comment` cannot be a principal, or a file could not be written.
        OutputError: the key is made, and the list could not be written.
    """
    safe_comment(comment)
    _refuse_half_rotated(path)
    kept_signers(path)  # a list that cannot be read is found out before a key is made that it cannot hold
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EvidenceError(f"{path.parent}: could not be made: {error.strerror or error}") from error
    key = write_new(path, comment, passphrase)
    _rewrite(path, [*_lines(path), signer_line(comment, key, at).text()])
    return key


def rotate_key(path: Path, at: datetime, comment: str | None = None, passphrase: str | None = None) -> Rotated:
    """
    Put a new key in the place of the one at `path`: the old one is listed as valid until `at` and the new one from then on, so that what was signed
    before keeps holding for its date. The old private half is renamed.

    Args:
        comment: the new key's; None for the old one's.
        passphrase: a reference to the secret to protect the new key with.

    Raises:
        EvidenceError: there is no key to rotate, an earlier rotation was cut short, or a file could not be written.
        OutputError: the list could not be written; the old key signs on.
    """
    _refuse_half_rotated(path)
    refuse_readable(path)
    old = read_public(path)
    made = _made(path)
    closed = path.with_name(f"{path.name}.closed-{re.sub('[-:]', '', format_moment(at))}")
    for place in (closed, public_file(closed)):
        if place.exists():
            raise EvidenceError(f"{place}: is there already; wait a second and rotate again")
    lines = _lines(path)
    new = write_new(made, safe_comment(old.comment if comment is None else comment), passphrase)
    try:
        _rewrite(path, [*_closed(lines, path, old, at), signer_line(new.comment, new, at).text()])
    except BaseException:
        public_file(made).unlink()
        made.unlink()  # it was made a moment ago, and has signed nothing
        raise
    for source, goal in ((path, closed), (public_file(path), public_file(closed)), (made, path), (public_file(made), public_file(path))):
        try:
            source.rename(goal)
        except OSError as error:
            raise EvidenceError(f"{source}: could not be renamed to {goal}: {error.strerror or error}; do so by hand") from error
    return Rotated(old, new, closed)


def _made(path: Path) -> Path:
    """Where the new key of a rotation stands until the old one made way."""
    return path.with_name(path.name + ".new")


def _refuse_half_rotated(path: Path) -> None:
    made = _made(path)
    left = [file.name for file in (made, public_file(made)) if file.exists()]
    if left:
        these = " and ".join(left)
        raise EvidenceError(
            f"{path.parent}: an earlier rotation of {path.name} was cut short, and {these} still stand there; see in {allowed_file(path)} whether "
            f"the key in {made.name}.pub is listed: if so by hand rename {path.name} and {path.name}.pub, where they are still the old key's, to "
            f" {path.name}.closed and {path.name}.closed.pub, and {these} by leaving out .new; if it is not listed, it signed nothing: "
            f"move {these} away"
        )


def _closed(lines: list[str], path: Path, old: PublicKey, at: datetime) -> list[str]:
    """The lines of the list, where each about `old` ends at that moment; a key that was not listed yet is, without a beginning."""
    signers = parse_allowed_signers("\n".join(lines).encode(), str(allowed_file(path)))
    mine = signers.of(old)
    if not mine:
        return [*lines, replace(signer_line(safe_comment(old.comment), old), valid_before=at).text()]
    for signer in mine:
        if signer.valid_before is None or signer.valid_before > at:
            # A key that was made this very second is valid for one, as ssh-keygen refuses a line that is valid for none.
            end = at if signer.valid_after is None else max(at, signer.valid_after + timedelta(seconds=1))
            lines[signer.line - 1] = replace(signer, valid_before=end).text()
    return lines


def _lines(path: Path) -> list[str]:
    """The lines of the list as they are, those included that somebody wrote by hand."""
    file = allowed_file(path)
    if not file.exists():
        return [_HEADER.rstrip("\n")]
    kept_signers(path)
    return file.read_text(encoding="utf-8").rstrip("\n").split("\n")


def _rewrite(path: Path, lines: list[str]) -> None:
    # Whoever can change it says whose signatures count.
    write_whole(allowed_file(path), "".join(f"{line}\n" for line in lines).encode(), guarded=True)
