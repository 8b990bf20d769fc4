"""
BSD tags: `SHA256 (name) = digest`, as of BSD's `sha256`, GNU's `--tag` and, with fewer spaces, `openssl dgst`.

The algorithm stands in the line, so one file may mix them. A name may contain `) = `: the line is split from its right end.
"""

from __future__ import annotations

import re

from drcheck.manifests.base import Promise, digits_of, error, known_algorithm, relative, text
from drcheck.manifests.gnu import unescape

_LINE = re.compile(rb"(\\?)([A-Za-z][A-Za-z0-9/-]*) ?\((.+)\) ?= ([0-9A-Fa-f]+)", re.DOTALL)


def parse(line: bytes, *, file: str, number: int, escapes: bool = True) -> Promise | None:
    """
    The promise of one line; None where it is no such line.

    Raises:
        ManifestError: the algorithm is unknown, the digest has another length, or the name cannot be meant.
    """
    match = _LINE.fullmatch(line)
    if match is None or (match[1] and not escapes):
        return None
    word, digest = match[2].decode("ascii"), match[4].decode("ascii").lower()
    algorithm = known_algorithm(word)
    if not algorithm:
        raise error(file, number, f"the algorithm {word} is unknown", "write the manifest again with SHA-256 or SHA-512")
    if len(digest) != digits_of(algorithm):
        raise error(file, number, f"a {algorithm} digest has {digits_of(algorithm)} digits, not {len(digest)}", "write the manifest again")
    name = unescape(match[3], file, number) if match[1] else match[3]
    return Promise(relative(text(name), file, number), algorithm, digest, None, number)
