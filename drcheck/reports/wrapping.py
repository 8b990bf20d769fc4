"""Text in columns of a terminal, where some characters take two columns and some none."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"


def columns(text: str) -> int:
    """How many columns a terminal gives to `text`, which must have passed `printable`."""
    return len(text) if text.isascii() else sum(map(_columns_of_one, text))


def shorten(text: str, limit: int) -> str:
    """The text in at most `limit` columns: where it is longer, its beginning, an ellipsis and its end, for both ends of a name tell something."""
    if columns(text) <= limit:
        return text
    room = max(limit - 1, 0)
    tail = _fitting(text[::-1], room // 2)[::-1]
    return _fitting(text, room - columns(tail)) + ELLIPSIS + tail


def shorten_words(text: str, limit: int) -> str:
    """The text with each word shortened to at most `limit` columns."""
    return " ".join(shorten(word, limit) for word in text.split(" "))


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken at spaces, and inside a word only where it is longer than a line."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and columns(line) + 1 + columns(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        while columns(word) > width:
            # A character that is wider than the line still has to go somewhere.
            head = _fitting(word, width) or word[0]
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [*lines, line] if line else lines


def listed(names: Sequence[str], most: int) -> str:
    """Names joined by commas, at most so many, with how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def named(names: Sequence[str], room: int) -> str:
    """As many of these names as fit into `room` columns, at least one, with how many more there are."""
    used, fitting = 0, 1
    for count, name in enumerate(names, start=1):
        used += columns(name) + (2 if count > 1 else 0)
        left = len(names) - count
        if used + (len(f" and {left} more") if left else 0) <= room:
            fitting = count
        if used > room:
            break
    return listed(names, fitting)


def _fitting(text: str, limit: int) -> str:
    """The longest beginning of `text` that takes at most `limit` columns."""
    used = 0
    for index, character in enumerate(text):
        used += _columns_of_one(character)
        if used > limit:
            return text[:index]
    return text


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
