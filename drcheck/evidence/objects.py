"""What the store knows of each object of each copy, a line each: what was promised, what was read, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from drcheck.canonical import canonical_json
from drcheck.clock import format_moment
from drcheck.model import printable
from drcheck.store import Store
from drcheck.store.known import Known

SCHEMA = "drcheck.objects/1"
_LINES = 1_024
"""Lines that are given out together."""


def object_lines(store: Store, organisation: str, copies: Iterable[str], shown: Callable[[str], str], exported: datetime) -> Iterator[bytes]:
    """
    JSON Lines in the form of RFC 8785, streamed: first what these lines are, then one for each object, copy by copy in key order.

    They tell the store's present state and not that of the night: readings go on, and what was read is not kept twice.

    Args:
        shown: what stands for a key, such as its token.
        exported: the present.
    """
    yield _line({"schema": SCHEMA, "state_of": format_moment(exported)})
    known = set(store.copies(organisation))
    waiting: list[bytes] = []
    for copy in copies:
        if copy not in known:
            continue
        objects = store.objects(organisation, copy)
        for found in (objects.known(), objects.absent()):
            for each in found:
                waiting.append(_line(_object(copy, each, shown)))
                if len(waiting) == _LINES:
                    yield b"".join(waiting)
                    waiting.clear()
    yield b"".join(waiting)


def _object(copy: str, known: Known, shown: Callable[[str], str]) -> dict[str, object]:
    return {
        "copy": copy,
        "key": shown(known.key),
        "size": known.size,
        "result": None if known.result is None else str(known.result),
        "result_at": _moment(known.result_at),
        "depth": str(known.depth),
        "promised": {digest.algorithm: printable(digest.promised) for digest in known.digests if digest.promised},
        "read": {digest.algorithm: printable(digest.found) for digest in known.digests if digest.found},
        "first_seen": _moment(known.first_seen),
        "last_seen": _moment(known.last_seen),
        "changed": _moment(known.changed),
        "last_read": _moment(known.last_read),
        "gone": _moment(known.gone),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _line(value: dict[str, object]) -> bytes:
    return canonical_json(value) + b"\n"
