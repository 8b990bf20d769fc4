"""
The words of drcheck's own messages: what may stay of a text where the names of objects are hashed, see `drcheck.evidence.phrases`.

They are taken from the code: what stands between the values in every message of the modules that look at places. `docs.generate` writes them down. A
phrase that is missing there costs nobody a secret: what holds it is hidden with the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CODE = Path(__file__).parents[1] / "drcheck"
SPEAKING = ("connectors", "formats", "manifests", "model", "restore", "store", "verify")
"""Packages whose messages end up in facts; the modules directly in `drcheck` are read too."""
SYSTEM = (
    "Cannot allocate memory",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Device or resource busy",
    "File name too long",
    "Host is down",
    "Input/output error",
    "Is a directory",
    "Name or service not known",
    "Network is unreachable",
    "No route to host",
    "No space left on device",
    "No such file or directory",
    "Not a directory",
    "Operation not permitted",
    "Permission denied",
    "Read-only file system",
    "Remote I/O error",
    "Stale file handle",
    "Temporary failure in name resolution",
    "Too many levels of symbolic links",
    "Too many open files",
    "Transport endpoint is not connected",
)
"""What operating systems say, in the words of Linux."""
_LETTERS = 6
"""A phrase has at least two words and so many letters: what is shorter stands in names as well, and would break them up."""


def phrases() -> frozenset[str]:
    """Every phrase that the code holds now."""
    files = [*sorted(CODE.glob("*.py")), *(file for package in SPEAKING for file in sorted((CODE / package).rglob("*.py")))]
    return frozenset(phrase for file in files for phrase in phrases_of(file.read_text(encoding="utf-8"))) | set(SYSTEM)


def phrases_of(code: str) -> Iterator[str]:
    """The texts of one module that are phrases, without its docstrings."""
    tree = ast.parse(code)
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described and _is_phrase(node.value):
            yield node.value


def _is_phrase(text: str) -> bool:
    return text.isprintable() and " " in text and sum(letter.isalpha() for letter in text) >= _LETTERS
