"""
What a worker does with a task: it opens the target as the estate says, with secrets of its own surroundings, and reads.

A worker knows nothing but the task. It resolves the estate's references to secrets itself, in its own environment, files and credentials, and nothing
of them leaves it.
"""

from __future__ import annotations

import os
import platform
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

from drcheck.clock import Deadline, monotonic
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, guarded
from drcheck.digests import Digests
from drcheck.errors import ConfigError, ConnectorError, Unsupported
from drcheck.estate.schema import Estate
from drcheck.open_estate import checked_estate
from drcheck.pace import Pace
from drcheck.verify.engines.wire import Report, Task

TELLING = 2.0
"""Seconds between two signs of life, at the least."""

Tell = Callable[[int], None]
"""Told how many bytes were read since it was last told, first when a worker begins."""


def read(sent: bytes, tell: Tell) -> bytes:
    """
    Read the objects of a task (`Task`), each whole and once; the report (`Report`) on it.

    Never raises a ConnectorError: what keeps the whole task from being read is the answer to each of its objects that has no other.
    """
    worker = f"process {os.getpid()} on {platform.node()}"
    calls = CallLog("")
    answers: dict[int, Digests | ConnectorError] = {}
    ended = guarded(partial(_read, sent, calls, tell, answers))
    return Report(worker, calls.counts(), answers, ended).to_bytes()


def _read(sent: bytes, calls: CallLog, tell: Tell, answers: dict[int, Digests | ConnectorError]) -> None:
    task = Task.from_bytes(sent)
    deadline = Deadline(task.seconds)
    tell(0)
    here = metadata.version("drcheck")
    if here != task.version:
        raise Unsupported(f"it has drcheck {here} and was asked by drcheck {task.version}; install one version everywhere")
    try:
        estate = _estate(task.estate, task.content)
    except ConfigError as error:
        raise Unsupported(f"it cannot open the estate; are the same plugins and extras installed here? {error}") from error
    target = estate.target(task.target)
    calls.target = target.id
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, (entry, _) in enumerate(task.wanted):
        places[entry.key].append(place)
    with connector_for(target, estate, deadline=deadline, calls=calls) as connector:
        connector.pace = TellingPace(task.rate, tell)
        for entry, answer in connector.digests(task.wanted):
            answers[places[entry.key].pop()] = answer


@lru_cache(maxsize=4)
def _estate(path: Path, content: str) -> Estate:
    return checked_estate(path, content.encode())


class TellingPace(Pace):
    """A pace that passes on what it is told, from time to time: a worker may read one large object for hours."""

    def __init__(self, rate: float | None, tell: Tell) -> None:
        super().__init__(rate)
        self._tell = tell
        self._telling = threading.Lock()
        self._untold = 0
        self._told_at = monotonic()

    def add(self, amount: int = 0) -> None:
        super().add(amount)
        with self._telling:
            self._untold += amount
            if monotonic() - self._told_at < TELLING:
                return
            amount, self._untold, self._told_at = self._untold, 0, monotonic()
        self._tell(amount)
