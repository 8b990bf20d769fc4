"""
Lines of `md5sum`, `sha256sum`, `b2sum` and their relatives: digest, space, space or `*`, name.

A backslash before the digest says that the name is escaped (GNU coreutils manual, "md5sum invocation"). With `--zero` lines end in NUL and
nothing is escaped.
"""

from __future__ import annotations

import re

from drcheck.manifests.base import Promise, algorithm_of, error, relative, text

_LINE = re.compile(rb"(\\?)([0-9A-Fa-f]+) [ *](.+)", re.DOTALL)
_ALONE = re.compile(rb"[0-9A-Fa-f]+")
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_MEANING = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}


def parse(line: bytes, *, file: str, number: int, told: str = "", escapes: bool = True, about: str = "") -> Promise | None:
    """
    The promise of one line; None where it is no such line.

    Args:
        told: the algorithm that the estate names.
        escapes: whether a leading backslash marks an escaped name.
        about: the object that a line with a digest and nothing else speaks of, as in a `.sha256` beside one file.

    Raises:
        ManifestError: the line is of this form and cannot be meant.
    """
    if about and _ALONE.fullmatch(line):
        name, digest = about, line.decode("ascii").lower()
    else:
        match = _LINE.fullmatch(line)
        if match is None or (match[1] and not escapes):
            return None
        name = text(unescape(match[3], file, number) if match[1] else match[3])
        digest = match[2].decode("ascii").lower()
    return Promise(relative(name, file, number), algorithm_of(digest, told, file, number), digest, None, number)


def unescape(name: bytes, file: str, number: int) -> bytes:
    """The name that was escaped. Raises ManifestError where an escape is none of `\\\\n`, `\\\\r` and a doubled backslash."""

    def meaning(match: re.Match[bytes]) -> bytes:
        if match[1] not in _MEANING:
            raise error(file, number, "the name is marked as escaped and has an unknown escape", "write the manifest again with GNU coreutils")
        return _MEANING[match[1]]

    return _ESCAPE.sub(meaning, name)
