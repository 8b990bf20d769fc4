"""Who signed a pack, and since when that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from drcheck.clock import format_moment, parse_moment
from drcheck.errors import EvidenceError
from drcheck.evidence import bag
from drcheck.evidence.allowed_signers import AllowedSigners
from drcheck.evidence.contents import Contents
from drcheck.evidence.signing import NAMESPACE, Signed, allowed_as
from drcheck.evidence.sshsig import SshSignature, dearmour, signed_data
from drcheck.evidence.statement import RESULTS, verify_attestation
from drcheck.evidence.timestamp import stamped_time
from drcheck.model import EXIT_FAIL, EXIT_GOOD

if TYPE_CHECKING:
    from cryptography import x509

_SIGNATURE, _ENVELOPE, _STAMP = ".sig", ".dsse.json", ".tsr"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts; it is the caller's, never the pack's."""

    allowed: AllowedSigners
    principals: tuple[str, ...] = ()
    """Each of them must have signed; where none is named, any one of `allowed`."""
    authorities: Sequence[x509.Certificate] = ()
    """Whose time stamps count."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One signature that counts."""

    label: str
    """Its file's name without the ending."""
    signed: Signed
    at: datetime | None
    """The moment for which its key was judged; None for now."""
    proved: bool
    """Whether that moment is now or an authority's word, rather than the pack's own."""


@dataclass(slots=True)
class Judged:
    """What was found of a pack's signatures."""

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)
    """When each signature existed, by the word of an authority."""


def judge_signatures(contents: Contents, trust: Trust | None, exported: str, exit_code: int | None) -> Judged:
    """
    Judge every signature, statement and time stamp of a pack.

    Args:
        exported: when the pack says that it was made; a key that is valid no longer may have been then.
        exit_code: what the pack's night comes to; None where that is not known.
    """
    found = Judged()
    message = contents.file(bag.TAG_MANIFEST)
    labels = _named(contents, bag.SIGNATURES, _SIGNATURE)
    if trust is not None and trust.authorities:
        _stamps(contents, trust, found)
    elif waiting := contents.below(bag.TIMESTAMPS):
        found.notes.append(f"{', '.join(waiting)}: not checked; name the certificates of the authority")
    for label in labels:
        name = f"{bag.SIGNATURES}{label}{_SIGNATURE}"
        try:
            signature = _sound(contents.file(name), message)
            if trust is not None:
                _accept(label, signature, trust, exported, found)
        except EvidenceError as error:
            found.problems.append(f"{name}: {error}")
    for label in _named(contents, bag.SIGNATURES, _ENVELOPE):
        _statement(contents, label, trust, exit_code, found)
    _who(labels, trust, found)
    return found


def _named(contents: Contents, folder: str, ending: str) -> list[str]:
    return [name[len(folder) : -len(ending)] for name in contents.below(folder) if name.endswith(ending)]


def _stamps(contents: Contents, trust: Trust, found: Judged) -> None:
    for label in _named(contents, bag.TIMESTAMPS, _STAMP):
        name = f"{bag.TIMESTAMPS}{label}{_STAMP}"
        try:
            moment = stamped_time(contents.file(name), contents.file(f"{bag.SIGNATURES}{label}{_SIGNATURE}"), trust.authorities)
        except EvidenceError as error:
            found.problems.append(f"{name}: {error}")
            continue
        found.moments[label] = moment
        found.notes.append(f"{bag.SIGNATURES}{label}{_SIGNATURE}: existed on {format_moment(moment)}, by a time stamp")


def _sound(armoured: bytes, message: bytes) -> SshSignature:
    """The signature, where it is one of the message, whoever made it."""
    signature = dearmour(armoured)
    if signature.namespace != NAMESPACE:
        raise EvidenceError(f"was made for {signature.namespace!r}, not for {NAMESPACE!r}")
    signature.key.verify(signature.signature, signed_data(message, signature.namespace, signature.hash))
    return signature


def _accept(label: str, signature: SshSignature, trust: Trust, exported: str, found: Judged) -> None:
    """Note whom a sound signature counts for, at a moment that is proved, else now or at the one that the pack gives itself."""
    name = f"{bag.SIGNATURES}{label}{_SIGNATURE}"
    stamped = found.moments.get(label)
    reasons = []
    for principal in trust.principals or (None,):
        for moment in [None, *_moment(exported)] if stamped is None else [stamped]:
            try:
                signed = allowed_as(signature.key, trust.allowed, principal, moment)
            except EvidenceError as error:
                reasons.append(str(error))
                continue
            found.accepted.append(Accepted(label, signed, moment, proved=moment is None or stamped is not None))
            found.notes.append(f"{name}: by {signed.principal}, {signed.key_type} {signed.fingerprint}")
            if moment is not None and stamped is None:
                found.notes.append(f"{name}: its key is not valid now; it was on {format_moment(moment)}, when the pack says that it was made")
            break
    if not any(each.label == label for each in found.accepted):
        found.notes.append(f"{name}: does not count: {reasons[0]}")


def _moment(text: str) -> list[datetime]:
    try:
        return [parse_moment(text)]
    except ValueError:
        return []


def _statement(contents: Contents, label: str, trust: Trust | None, exit_code: int | None, found: Judged) -> None:
    name = f"{bag.SIGNATURES}{label}{_ENVELOPE}"
    accepted = next((each for each in found.accepted if each.label == label), None)
    if trust is None or accepted is None:
        found.notes.append(f"{name}: not checked, for it is not known whose it is")
        return
    try:
        stated = verify_attestation(contents.file(name), contents.file(bag.TAG_MANIFEST), trust.allowed, at=accepted.at)
    except EvidenceError as error:
        found.problems.append(f"{name}: {error}")
        return
    worst = RESULTS[0 if exit_code == EXIT_GOOD else 2 if exit_code == EXIT_FAIL else 1]
    if RESULTS.index(stated.tested.result) < RESULTS.index(worst):
        found.problems.append(f"{name}: states {stated.tested.result}, and the night comes to {worst}")


def _who(labels: Sequence[str], trust: Trust | None, found: Judged) -> None:
    if trust is None:
        found.doubts.append("who signed it was not checked; name your file of allowed signers" if labels else "it is not signed")
        return
    counted = {each.signed.principal for each in found.accepted}
    missing = [principal for principal in trust.principals if principal not in counted]
    if not labels:
        found.problems.append("it is not signed")
        return
    if missing or not counted:
        found.problems.append(f"no signature is one of {' or of '.join(missing) or 'those'} that {trust.allowed.file} lists")
        return
    proved = {each.signed.principal for each in found.accepted if each.proved}
    for principal in [each for each in trust.principals or sorted(counted)[: 0 if proved else 1] if each not in proved]:
        # Whoever took a key that was closed can still sign with it, and write any date into a pack.
        found.doubts.append(
            f"the key that signed as {principal} is not valid now, and that the signature is from before it ended is only the pack's own word: "
            "a time stamp would prove it (--authorities)"
        )
