"""How far a run has got: counted where results are made, and looked at from elsewhere by whoever shows it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drcheck.pace import Pace


class Stage(StrEnum):
    """What is being done with a copy, or at a target."""

    WAITING = "waiting"
    LISTING = "listing"
    MANIFESTS = "reading manifests"
    READING = "reading"
    DONE = "done"
    STOPPED = "stopped"
    """It ended before everything that was planned was done."""


_ACTIVE = (Stage.READING, Stage.MANIFESTS, Stage.LISTING)
_ENDED = (Stage.DONE, Stage.STOPPED)


class Progress(Protocol):
    """
    Somebody who is told how far a run has got. Called from the threads that work, several at once for different copies; it returns at once.

    A copy is `expected`, `begun`, `gathered`, `planned`, then `done` once for each of its objects, and `ended`. Any step may be left out, except that
    it is expected or begun before any other.
    """

    def expected(self, copy: str, target: str) -> None:
        """`copy` (`system@target`) will have its turn. Told of all copies before the first has: until then nobody knows what is left."""

    def begun(self, copy: str, target: str) -> None:
        """The copy's turn has come, and it is being listed."""

    def gathered(self, copy: str) -> None:
        """It was listed, and its manifests are being read."""

    def planned(self, copy: str, objects: int, size: int) -> None:
        """So many objects, of so many bytes together, are to be read or otherwise looked at in this run."""

    def done(self, copy: str, size: int, objects: int = 1) -> None:
        """One planned object has its result, or so many have; `size` is what they were planned with. For one copy not from two threads at once."""

    def ended(self, copy: str, why: str) -> None:
        """Nothing more is done with the copy; `why` it ended too early, empty where everything planned was done. Only the first time counts."""

    def reading(self, target: str, pace: Pace) -> None:
        """What is read at the target is counted by this from now on, so that progress is seen inside a large object too."""


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """How far a run has got at one target."""

    target: str
    stage: Stage
    objects: int
    """That have a result."""
    planned: int
    """Objects that are planned for, in the copies that were looked at so far."""
    size: int
    """Bytes of the planned ones that are done, with what is read of the next."""
    planned_size: int
    """Bytes of the planned ones."""
    objects_left: int
    """Objects that still can be done: not those of copies that ended early."""
    size_left: int
    whole: bool
    """Whether all of its copies are planned for, so that nothing more can come."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is done there."""
        return self.stage in _ENDED


class Counts:
    """A `Progress` that counts. It is looked at while others count, without holding them up."""

    def __init__(self) -> None:
        self._copies: dict[str, _Copy] = {}
        self._paces: dict[str, list[Pace]] = {}
        self._stopped: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def expected(self, copy: str, target: str) -> None:
        """As `Progress.expected`."""
        with self._lock:
            self._copies.setdefault(copy, _Copy(target))

    def begun(self, copy: str, target: str) -> None:
        """As `Progress.begun`."""
        with self._lock:
            self._copies.setdefault(copy, _Copy(target)).go_on(Stage.LISTING)

    def gathered(self, copy: str) -> None:
        """As `Progress.gathered`."""
        with self._lock:
            self._copies[copy].go_on(Stage.MANIFESTS)

    def planned(self, copy: str, objects: int, size: int) -> None:
        """As `Progress.planned`."""
        with self._lock:
            counted = self._copies[copy]
            counted.planned, counted.planned_size = objects, size
            if counted.stage is not Stage.READING:  # it may be planned anew while it is read
                counted.read_before = self._read(counted.target)
            counted.go_on(Stage.READING)

    def done(self, copy: str, size: int, objects: int = 1) -> None:
        """As `Progress.done`."""
        # Up to a hundred thousand times a second: nothing is locked, as only one thread adds, and who looks may see one sum before the other.
        counted = self._copies[copy]
        counted.objects += objects
        counted.size += size

    def ended(self, copy: str, why: str) -> None:
        """As `Progress.ended`."""
        with self._lock:
            counted = self._copies[copy]
            if counted.stage in _ENDED:
                return
            counted.read_after = self._read(counted.target)
            counted.stage = Stage.STOPPED if why else Stage.DONE
            if why:
                self._stopped.append((copy, why))

    def reading(self, target: str, pace: Pace) -> None:
        """As `Progress.reading`."""
        with self._lock:
            paces = self._paces.setdefault(target, [])
            if all(pace is not other for other in paces):
                paces.append(pace)

    def targets(self) -> list[TargetProgress]:
        """How far the run has got at each target, in the order in which they were first told of."""
        with self._lock:
            copies: dict[str, list[_Copy]] = {}
            for copy in self._copies.values():
                copies.setdefault(copy.target, []).append(copy)
            return [self._target(target, each) for target, each in copies.items()]

    def stopped(self) -> list[tuple[str, str]]:
        """The copies that ended early, in that order, and why."""
        with self._lock:
            return list(self._stopped)

    def _target(self, target: str, copies: list[_Copy]) -> TargetProgress:
        read = self._read(target)
        left = [copy for copy in copies if copy.stage is Stage.READING]
        return TargetProgress(
            target=target,
            stage=_stage({copy.stage for copy in copies}),
            objects=sum(copy.objects for copy in copies),
            planned=sum(max(copy.planned, copy.objects) for copy in copies),  # neighbours of what is bad are read beyond what was planned
            size=sum(copy.covered(read) for copy in copies),
            planned_size=sum(max(copy.planned_size, copy.size) for copy in copies),
            objects_left=sum(max(0, copy.planned - copy.objects) for copy in left),
            size_left=sum(max(0, copy.planned_size - copy.covered(read)) for copy in left),
            whole=all(copy.stage is Stage.READING or copy.stage in _ENDED for copy in copies),
        )

    def _read(self, target: str) -> int:
        return sum(pace.bytes for pace in self._paces.get(target, ()))


class _Copy:
    """What is counted of one copy."""

    __slots__ = ("objects", "planned", "planned_size", "read_after", "read_before", "size", "stage", "target")

    def __init__(self, target: str) -> None:
        self.target = target
        self.stage = Stage.WAITING
        self.planned = self.planned_size = self.objects = self.size = 0
        self.read_before = 0
        self.read_after: int | None = None

    def go_on(self, stage: Stage) -> None:
        """Come to the next stage. One that ended stays so: the thread of a target that was given up may wake later and tell of more."""
        if self.stage not in _ENDED:
            self.stage = stage

    def covered(self, read: int) -> int:
        """Bytes of what is done, or of what was read at its target since it was planned: the one that is ahead, and never more than is planned."""
        if self.stage is not Stage.READING and self.read_after is None:
            return self.size
        since = (read if self.read_after is None else self.read_after) - self.read_before
        return max(self.size, min(since, self.planned_size))


def _stage(stages: set[Stage]) -> Stage:
    """Of a target, whose copies have theirs one after the other."""
    for stage in (*_ACTIVE, Stage.WAITING, Stage.STOPPED):
        if stage in stages:
            return stage
    return Stage.DONE
