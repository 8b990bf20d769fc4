"""Words for what is shown: names that others chose, which can hold anything and are made safe first, and numbers with their nouns."""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """
    The text with every control, formatting, direction-changing and undecodable character replaced by a visible escape such as `\\x1b`.

    Bytes that were not UTF-8 (Python's surrogate escapes) appear as `\\xff`. The result holds no line end and can be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if unicodedata.category(character) in _UNSAFE else character for character in text)


def _escape(character: str) -> str:
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point <= 0xFF else f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def number_of(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 object`, `2 objects`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
