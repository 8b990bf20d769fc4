"""
Digests as bytes.

What was promised for an object and what was found are kept as raw bytes behind each other. What these bytes are says a short text, the shape, which
is
the same for nearly all objects of a copy and so costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_SAME = "="
_TEXT = "t"


@dataclass(frozen=True, slots=True)
class Digest:
    """What one algorithm says of an object."""

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
    words, raw = [], []
    for algorithm, promised, found in ((digest.algorithm, digest.promised, digest.found) for digest in digests):
        if not algorithm or any(character in algorithm for character in ", \n"):
            raise ValueError(f"{algorithm!r} is no name of an algorithm")
        values = (promised,) if promised == found else (promised, found)
        parts, end = _from_hex(values)
        words.append(f"{algorithm} {len(parts[0])} {_SAME if len(parts) == 1 else len(parts[1])}{end}")
        raw += parts
    return ",".join(words), b"".join(raw)


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


def _from_hex(values: tuple[str, ...]) -> tuple[list[bytes], str]:
    try:
        parts = [bytes.fromhex(value) for value in values]
    except ValueError:
        parts = []
    if parts and all(part.hex() == value for part, value in zip(parts, values, strict=True)):
        return parts, ""
    return [value.encode("utf-8", "surrogateescape") for value in values], f" {_TEXT}"


def _value(part: bytes, text: bool) -> str:
    return part.decode("utf-8", "surrogateescape") if text else part.hex()
