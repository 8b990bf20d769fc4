"""
Digests as bytes.

What was promised for an object and what was found are kept as raw bytes behind each other. What these bytes are says a short text, the shape, which
is
the same for nearly all objects of a copy and so costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_SAME = "="
_TEXT = "t"


class Digest(NamedTuple):
    """What one algorithm says of an object. A named tuple, for one is made for every object: a frozen dataclass takes three times as long."""

    algorithm: str
    promised: str = ""
    """The digest that was promised, as the promise writes it (hex); empty where none was."""
    found: str = ""
    """The digest of the bytes that were read; empty where they were not."""


def shape_of(digests: Iterable[Digest]) -> tuple[str, bytes]:
    """
    The shape of these digests, and their bytes.

    A shape has for each digest a word `algorithm promised found`, joined by commas: how many bytes each takes, with `=` for a found one that is the
    promised
    one. What is no lower-case hex, such as an ETag of several parts, is kept as text; the word then ends in ` t`.

    Raises:
        ValueError: an algorithm's name is empty, or holds a comma, a space or a line end.
    """
    words: list[str] = []
    raw: list[bytes] = []
    for digest in digests:
        promised, found, end = _from_hex(digest.promised), _from_hex(digest.found), ""
        if promised is None or found is None:
            promised, found = digest.promised.encode("utf-8", "surrogateescape"), digest.found.encode("utf-8", "surrogateescape")
            end = f" {_TEXT}"
        if promised == found:
            words.append(_word(digest.algorithm, len(promised), _SAME, end))
            raw.append(promised)
        else:
            words.append(_word(digest.algorithm, len(promised), str(len(found)), end))
            raw += (promised, found)
    return (words[0], raw[0]) if len(raw) == 1 else (",".join(words), b"".join(raw))


def same_shape(algorithm: str, digest: str) -> tuple[str, bytes] | None:
    """`shape_of` one digest that was found as it was promised; None where it is no lower-case hex, or empty. Raises as `shape_of`."""
    raw = _from_hex(digest)
    return (_word(algorithm, len(raw), _SAME, ""), raw) if raw else None


@lru_cache(1_024)
def _word(algorithm: str, promised: int, found: str, end: str) -> str:
    if not algorithm or any(character in algorithm for character in ", \n"):
        raise ValueError(f"{algorithm!r} is no name of an algorithm")
    return f"{algorithm} {promised} {found}{end}"


def digests_of(shape: str, raw: bytes) -> tuple[Digest, ...]:
    """The digests that `shape_of` was given."""
    digests, start = [], 0
    for word in shape.split(",") if shape else ():
        algorithm, *lengths = word.split(" ")
        text = lengths[-1] == _TEXT
        middle = start + int(lengths[0])
        promised = _value(raw[start:middle], text)
        if lengths[1] == _SAME:
            digests.append(Digest(algorithm, promised, promised))
            start = middle
        else:
            start = middle + int(lengths[1])
            digests.append(Digest(algorithm, promised, _value(raw[middle:start], text)))
    return tuple(digests)


def length_of(shape: str) -> int:
    """How many bytes belong to this shape."""
    words = (word.split(" ") for word in shape.split(",")) if shape else ()
    return sum(int(promised) + (0 if found == _SAME else int(found)) for _, promised, found, *_ in words)


def _from_hex(value: str) -> bytes | None:
    """The digest's bytes; None where they would not come out as they went in: fromhex also takes capitals and spaces."""
    try:
        part = bytes.fromhex(value)
    except ValueError:
        return None
    return part if part.hex() == value else None


def _value(part: bytes, text: bool) -> str:
    return part.decode("utf-8", "surrogateescape") if text else part.hex()
