"""
Simple file verification (`.sfv`): name, spaces, eight hex digits of CRC-32; `;` begins a comment. Weak: a CRC is no cryptographic digest.

The format comes from Windows, where a backslash parts folders; it is read as `/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from drcheck.manifests.base import Promise, error, lines, relative, text

LINE = re.compile(rb"(.*[^ \t])[ \t]+([0-9A-Fa-f]{8})[ \t]*", re.DOTALL)


def read(chunks: Iterable[bytes], file: str) -> Iterator[Promise]:
    """
    The promises of one SFV file.

    Raises:
        ManifestError: a line is not understood.
    """
    for number, line in lines(chunks, file):
        if not line.strip() or line.startswith(b";"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise error(file, number, "is not a name followed by eight hex digits", "the line may be cut short; write the SFV file again")
        name = relative(text(match[1]).replace("\\", "/"), file, number)
        yield Promise(name, "crc32", match[2].decode("ascii").lower(), None, number)
