"""
What is sent to a worker and what comes back: JSON, so that neither side runs what the other made up, and anybody can see that no secret is in it.

Object names keep bytes that are not UTF-8 (surrogate escapes, which JSON writes as `\\udc80` and gives back).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from drcheck import errors
from drcheck.connectors.base import Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed
from drcheck.verify.engines.shard import Shard

_CLASSES: Mapping[str, type[ConnectorError]] = {
    name: each for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, ConnectorError)
}


@dataclass(frozen=True, slots=True)
class Task:
    """A shard with everything that a worker must know to read it. The estate holds references to secrets, never a secret."""

    version: str
    """Of drcheck: both sides must be the same."""
    estate: Path
    """Where the estate's file is on the machine that asks: relative paths in it are relative to its folder."""
    content: str
    """The estate's file."""
    target: str
    """The id of the target."""
    seconds: float | None
    """How long the reading may take from its start; None for as long as it takes."""
    rate: float | None
    """Bytes a second that may be read at most; None for as fast as it goes."""
    wanted: Sequence[tuple[Entry, Sequence[str]]]
    """Each object with the algorithms wanted of it; answers name an object by its place in this list."""

    def to_bytes(self) -> bytes:
        """The task as it is sent."""
        objects = [
            (entry.key, entry.size, None if entry.modified is None else entry.modified.isoformat(), entry.version, entry.archived, list(algorithms))
            for entry, algorithms in self.wanted
        ]
        known = {"drcheck": self.version, "estate": str(self.estate), "content": self.content, "target": self.target}
        return _dumped({**known, "seconds": self.seconds, "rate": self.rate, "objects": objects})

    @classmethod
    def from_bytes(cls, sent: bytes) -> Task:
        """The task that was sent. Raises Malformed where it is none, such as of another version."""
        try:
            known = json.loads(sent)
            wanted = [
                (Entry(key, size, None if modified is None else datetime.fromisoformat(modified), version, archived), algorithms)
                for key, size, modified, version, archived, algorithms in known["objects"]
            ]
            path = Path(known["estate"])
            return cls(known["drcheck"], path, known["content"], known["target"], known["seconds"], known["rate"], wanted)
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
            raise Malformed(f"a task cannot be understood; is the same drcheck on the worker and where it is asked from? ({error})") from error


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker did with a task."""

    worker: str
    """Which process on which machine."""
    calls: Sequence[tuple[str, int]]
    """Every kind of call to the target and how often it was made."""
    answers: Mapping[int, Digests | ConnectorError]
    """By the object's place in the task."""
    ended: ConnectorError | None = None
    """Why the whole task ended early: the answer to each object that has no other."""

    def to_bytes(self) -> bytes:
        """The report as it is sent."""
        answers = [(place, *_plain(answer)) for place, answer in self.answers.items()]
        ended = None if self.ended is None else _plain(self.ended)
        return _dumped({"worker": self.worker, "calls": self.calls, "answers": answers, "ended": ended})

    @classmethod
    def from_bytes(cls, sent: bytes, shard: Shard) -> Report:
        """The report on this shard, with an answer to each of its objects. Raises Malformed where it is none."""
        try:
            known = json.loads(sent)
            answers: dict[int, Digests | ConnectorError] = {place: _answer(*rest) for place, *rest in known["answers"]}
            calls = [(str(call), int(times)) for call, times in known["calls"]]
            worker = str(known["worker"])
            ended = None if known["ended"] is None else _error(known["ended"][0], f"{worker}: {known['ended'][1]}")
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Malformed(f"a worker's report cannot be understood ({type(error).__name__}: {error})") from error
        left = ended or ConnectorError(f"{worker} did not say what became of it")
        return cls(worker, calls, {place: answers.get(place, left) for place in range(len(shard.wanted))}, ended)


def _plain(answer: Digests | ConnectorError) -> tuple[Any, ...]:
    if isinstance(answer, Digests):
        return "digests", answer.hex, answer.size, answer.there
    # A plugin may raise a kind of its own: here it is known by the nearest of ours.
    return next(kind.__name__ for kind in type(answer).__mro__ if _CLASSES.get(kind.__name__) is kind), str(answer)


def _answer(kind: str, *rest: Any) -> Digests | ConnectorError:
    if kind == "digests":
        hexadecimal, size, there = rest
        return Digests({str(algorithm): str(digest) for algorithm, digest in hexadecimal.items()}, int(size), bool(there))
    return _error(kind, *rest)


def _error(kind: str, message: str) -> ConnectorError:
    return _CLASSES.get(kind, ConnectorError)(str(message))


def _dumped(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
