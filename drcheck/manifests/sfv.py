"""
Simple file verification (`.sfv`): name, spaces, eight hex digits of CRC-32; `;` begins a comment. Weak: a CRC is no cryptographic digest.

The format comes from Windows, where a backslash parts folders; it is read as `/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from drcheck.manifests.base import Promise, error, lines, relative, text

_CRC = re.compile(rb"[0-9A-Fa-f]{8}")


def parted(line: bytes) -> tuple[bytes, bytes] | None:
    """The name and the digits of one line; None where it is no such line."""
    # Not by one regular expression: those that find spaces from both ends take time that grows with the square of the line.
    whole = line.rstrip(b" \t")
    before, digits = whole[:-8], whole[-8:]
    name = before.rstrip(b" \t")
    return (name, digits) if name and name != before and _CRC.fullmatch(digits) else None


def read(chunks: Iterable[bytes], file: str) -> Iterator[Promise]:
    """
    The promises of one SFV file.

    Raises:
        ManifestError: a line is not understood.
    """
    for number, line in lines(chunks, file):
        if not line.strip() or line.startswith(b";"):
            continue
        found = parted(line)
        if found is None:
            raise error(file, number, "is not a name followed by eight hex digits", "the line may be cut short; write the SFV file again")
        name = relative(text(found[0]).replace("\\", "/"), file, number)
        yield Promise(name, "crc32", found[1].decode("ascii").lower(), None, number)
