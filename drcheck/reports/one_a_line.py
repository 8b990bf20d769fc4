"""JSON for programs that people compare as well: each item of the long lists on a line of its own, which also is quick to write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

PART = 64 * 1024
"""Characters of a part, and what one item is longer: enough that writing each costs nothing."""
_compact = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def json_parts(value: Any, levels: int) -> Iterator[str]:
    """
    The value as JSON in ASCII, ending with a line end; the members and items of its first `levels` levels stand on lines of their own.

    A list may be given as any iterable, so that neither what it holds nor the text need exist all at once. Raises ValueError for a number that JSON
    has not.
    """
    held, size = list[str](), 0
    for piece in _spread(value, levels):
        held.append(piece)
        size += len(piece)
        if size >= PART:
            yield "".join(held)
            held, size = [], 0
    yield "".join([*held, "\n"])


def _spread(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, dict) and levels and value:
        yield from _members("{", ((_compact(key) + ":", item) for key, item in value.items()), "}", levels)
    elif isinstance(value, Iterable) and not isinstance(value, (str, dict)):
        if levels:
            yield from _members("[", (("", item) for item in value), "]", levels)
        else:
            yield _compact(list(value))
    else:
        yield _compact(value)


def _members(opening: str, members: Iterable[tuple[str, Any]], closing: str, levels: int) -> Iterator[str]:
    before = opening + "\n"
    for name, item in members:
        yield before + name
        yield from _spread(item, levels - 1)
        before = ",\n"
    yield "\n" + closing if before == ",\n" else opening + closing
