"""
drcheck's own words in a text about what was seen, told apart from what others chose.

An error such as `scans/x.dcm: changed while it was being read` holds a name between words of drcheck's own. Which words these are is known from the
code (`docs/phrases.py` collects them); whatever else stands in a text may be a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_HEAD = 6
"""Characters by which phrases are looked up; the shortest phrase is longer."""
_COUNT = re.compile(r"[0-9][0-9,.]*(?: of [0-9][0-9,.]*)?")
_UNIT = re.compile(r" (?:bytes?|objects?|files?|seconds?|s|days?|lines?)\b")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")

_BEFORE_MOMENTS = (" on ", " of ", " at ", " since ", " until ", " from ")


def parted(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is surely drcheck's own: its words, counts with their unit, and moments between its words."""
    known = _phrases()
    begun = place = 0
    pieces: list[tuple[str, bool]] = []
    while place < len(text):
        phrase = next((phrase for phrase in known.get(text[place : place + _HEAD], ()) if text.startswith(phrase, place)), "")
        if not phrase:
            place += 1
            continue
        if begun < place:
            pieces.append((text[begun:place], False))
        pieces.append((phrase, True))
        place += len(phrase)
        begun = place
    if begun < len(text):
        pieces.append((text[begun:], False))
    for index, (piece, own) in enumerate(pieces):
        after = pieces[index + 1][0] if index + 1 < len(pieces) else ""
        yield piece, own or (index > 0 and _plain(pieces[index - 1][0], piece, after))


def _plain(before: str, piece: str, after: str) -> bool:
    unit = _UNIT.search(piece)
    bare = (piece[: unit.start()] if unit and not piece[unit.end() :].strip() else piece).strip()
    if _MOMENT.fullmatch(bare):
        return before.endswith(_BEFORE_MOMENTS)
    return bool(_COUNT.fullmatch(bare) and (unit or _UNIT.match(after) or before.endswith((" has ", " had "))))


@cache
def _phrases() -> dict[str, tuple[str, ...]]:
    """Every phrase by its first characters, the longest first."""
    found: dict[str, list[str]] = {}
    for phrase in json.loads(files("drcheck.evidence").joinpath("phrases.json").read_text(encoding="utf-8")):
        found.setdefault(phrase[:_HEAD], []).append(phrase)
    return {head: tuple(sorted(phrases, key=len, reverse=True)) for head, phrases in found.items()}
