"""
Whether a promised checksum and one that the place keeps with the object agree, without reading the object.

That they agree says that the bytes were right when they were uploaded, or when the place computed the checksum: no byte was read now. Its depth is
`attributes`, and it adds nothing to what reading proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from drcheck.crc import POLYNOMIALS, Crc, combine
from drcheck.model.stored import Span, StoredChecksum


class Agreement(StrEnum):
    """What a comparison of two stored checksums came to. The first is what there is where nothing could be compared."""

    UNKNOWN = "cannot-be-compared"
    AGREES = "agrees"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Compared:
    """One promise held against what the place keeps."""

    agreement: Agreement
    why: str
    """In words: what was compared, or why nothing could be."""
    stored: StoredChecksum | None = None
    """What it was compared with."""


def compare_stored(algorithm: str, digest: str, stored: Iterable[StoredChecksum], *, size: int) -> Compared:
    """
    Hold a promised digest (hex) of a whole object of `size` bytes against the checksums that the place keeps with it.

    One that surely differs outweighs any that agree.
    """
    compared = [_compare(algorithm, digest.lower(), one, size) for one in stored if one.algorithm == algorithm]
    if not compared:
        return Compared(Agreement.UNKNOWN, f"the place keeps no {algorithm} checksum of it")
    worst = (Agreement.DISAGREES, Agreement.AGREES, Agreement.UNKNOWN)
    return min(compared, key=lambda one: worst.index(one.agreement))


def _compare(algorithm: str, promised: str, stored: StoredChecksum, size: int) -> Compared:
    if stored.span is Span.FULL:
        found, how = stored.digest, "the stored checksum of the whole object"
    elif (stored.count or len(stored.parts)) == 1:
        # The whole is the one part, so the composite is the digest of the promised digest.
        expected = composite(algorithm, [promised])
        return _verdict(stored.digest == expected, stored, "the stored checksum of its one part", stored.digest, expected)
    elif algorithm in POLYNOMIALS and stored.parts:
        wrong = inconsistent(stored, size)
        if wrong:
            return Compared(Agreement.UNKNOWN, wrong, stored)
        found = f"{combine(algorithm, [(int(part.digest, 16), part.size) for part in stored.parts]):0{POLYNOMIALS[algorithm][0] // 4}x}"
        how = f"the stored checksums of its {len(stored.parts)} parts put together"
    else:
        many = f"{stored.count} parts" if stored.count else "its parts"
        return Compared(
            Agreement.UNKNOWN, f"the stored {algorithm} is one over the digests of {many}, which a digest of the whole cannot be held against", stored
        )
    return _verdict(found == promised, stored, how, found, promised)


def compare_parts(digests: Collection[str], stored: StoredChecksum) -> Compared:
    """Hold the digests (hex) of an object's parts, as they were read or promised, against a composite checksum of theirs."""
    if stored.span is not Span.COMPOSITE:
        return Compared(Agreement.UNKNOWN, f"the stored {stored.algorithm} is one of the whole object, not of its parts", stored)
    if stored.count not in (0, len(digests)):
        return Compared(Agreement.UNKNOWN, f"{len(digests)} parts cannot be held against {stored.count}", stored)
    expected = composite(stored.algorithm, digests)
    return _verdict(stored.digest == expected, stored, f"the stored checksum of its {len(digests)} parts", stored.digest, expected)


def composite(algorithm: str, digests: Iterable[str]) -> str:
    """The checksum (hex) over the digests of parts, as S3 makes it: of their bytes one after the other."""
    joined = b"".join(bytes.fromhex(digest) for digest in digests)
    if algorithm in POLYNOMIALS:
        return _crc(algorithm, joined)
    return hashlib.new(algorithm, joined, usedforsecurity=False).hexdigest()


def inconsistent(stored: StoredChecksum, size: int) -> str:
    """Why the parts of a composite checksum cannot be those of an object of `size` bytes; empty where they can."""
    if stored.count not in (0, len(stored.parts)) or not all(part.digest for part in stored.parts):
        return "the place does not tell the checksum of every part"
    if sum(part.size for part in stored.parts) != size:
        return "the sizes of the parts that the place tells do not add up to the object's"
    if composite(stored.algorithm, [part.digest for part in stored.parts]) != stored.digest:
        return "the checksums of the parts that the place tells do not make up the one of the object"
    return ""


def _verdict(same: bool, stored: StoredChecksum, how: str, found: str, expected: str) -> Compared:
    if same:
        return Compared(Agreement.AGREES, f"{how} is as promised; no byte was read", stored)
    if not stored.sure:
        return Compared(Agreement.UNKNOWN, f"{how} differs, and need not be a checksum of its content ({stored.origin})", stored)
    return Compared(Agreement.DISAGREES, f"{how} is {found}, and {expected} was promised", stored)


def _crc(algorithm: str, content: bytes) -> str:
    crc = Crc(algorithm)
    crc.update(content)
    return crc.hexdigest()
