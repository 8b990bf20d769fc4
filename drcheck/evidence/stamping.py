"""The time stamps of a pack: which signature they are of, and what they prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drcheck.errors import EvidenceError
from drcheck.evidence import bag
from drcheck.evidence.contents import read_contents
from drcheck.evidence.timestamp import Stamp, read_stamp, stamped_time

if TYPE_CHECKING:
    from cryptography import x509

_SIGNATURE, _STAMP = ".sig", ".tsr"


@dataclass(frozen=True, slots=True)
class ToStamp:
    """One signature of a pack."""

    label: str
    """Its file's name without the ending."""
    content: bytes
    """The file as it is: what a stamp is of."""

    @property
    def name(self) -> str:
        """Its path in the pack."""
        return f"{bag.SIGNATURES}{self.label}{_SIGNATURE}"

    @property
    def stamp_name(self) -> str:
        """The path that its stamp has in the pack."""
        return f"{bag.TIMESTAMPS}{self.label}{_STAMP}"


def signature_to_stamp(pack: Path, label: str | None = None) -> ToStamp:
    """
    The pack's signature with this label, or its first by name.

    Raises:
        EvidenceError: the pack cannot be read, or has no such signature.
    """
    contents = read_contents(pack)
    labels = [name[len(bag.SIGNATURES) : -len(_SIGNATURE)] for name in contents.below(bag.SIGNATURES) if name.endswith(_SIGNATURE)]
    if not labels:
        raise EvidenceError(f"{pack}: is not signed; a time stamp is of a signature, so sign it first")
    if label is not None and label not in labels:
        raise EvidenceError(f"{pack}: has no signature {label!r}; it has {', '.join(labels)}")
    chosen = labels[0] if label is None else label
    return ToStamp(chosen, contents.file(f"{bag.SIGNATURES}{chosen}{_SIGNATURE}"))


def bring(pack: Path, answer: bytes, label: str | None = None, authorities: Sequence[x509.Certificate] = ()) -> tuple[ToStamp, Stamp]:
    """
    Add an authority's answer to the pack, once it was held against the signature that it should be of, and against `authorities` where there are any.

    Raises:
        EvidenceError: it is of something else, does not hold, or the signature has a stamp already.
        OutputError: the pack could not be written.
    """
    from drcheck.evidence.pack import add_tag_files

    signature = signature_to_stamp(pack, label)
    stamp = read_stamp(answer, signature.content)
    if authorities:
        stamped_time(answer, signature.content, authorities)
    add_tag_files(pack, {signature.stamp_name: answer})
    return signature, stamp


def stamps_of(pack: Path, authorities: Sequence[x509.Certificate]) -> tuple[tuple[ToStamp, Stamp], ...]:
    """
    Every time stamp of the pack, each by the word of one of `authorities`. What else is in the pack is not looked at.

    Raises:
        EvidenceError: the pack has none, or one of them proves nothing.
    """
    contents = read_contents(pack)
    found = []
    for name in contents.below(bag.TIMESTAMPS):
        signature = f"{bag.SIGNATURES}{Path(name).name.removesuffix(_STAMP)}{_SIGNATURE}"
        if not name.endswith(_STAMP) or signature not in contents.digests:
            raise EvidenceError(f"{pack}: {name}: is the time stamp of no signature that is there")
        answer, stamped = contents.file(name), ToStamp(Path(name).name.removesuffix(_STAMP), contents.file(signature))
        try:
            stamped_time(answer, stamped.content, authorities)
        except EvidenceError as error:
            raise EvidenceError(f"{pack}: {name}: {error}") from error
        found.append((stamped, read_stamp(answer, stamped.content)))
    if not found:
        raise EvidenceError(f"{pack}: has no time stamp")
    return tuple(found)
