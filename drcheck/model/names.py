"""Words for what is shown: names that others chose, which can hold anything and are made safe first, and numbers with their nouns."""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 4
"""So many marks on one letter are shown as such, as many as living scripts use; a pile of them would be painted over the lines beside it."""


def printable(text: str) -> str:
    """
    The text with every control, formatting, direction-changing and undecodable character replaced by a visible escape such as `\\x1b`, and so the
    marks of a pile, but for the lowest.

    Bytes that were not UTF-8 (Python's surrogate escapes) appear as `\\xff`. The result holds no line end and can be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        shown.append(_escape(character) if category in _UNSAFE or marks > _MOST_MARKS else character)
    return "".join(shown)


def _escape(character: str) -> str:
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point <= 0xFF else f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def number_of(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 object`, `2 objects`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
