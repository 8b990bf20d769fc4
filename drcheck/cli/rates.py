"""How fast a run goes just now, and how long it will take at that."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drcheck.verify.progress import Stage, TargetProgress

_OBJECT = 128 * 1024
"""
Bytes that take about as long as it takes to open an object: places that give 100 MiB a second give some hundreds of small objects a second. With this
one measure for both, neither a few large objects among many small ones nor the reverse makes the time left jump.
"""


def share(targets: Sequence[TargetProgress]) -> float | None:
    """How much of what is planned is done, from 0 to 1; None where nothing is planned."""
    planned = sum(_work(target.planned, target.planned_size) for target in targets)
    return min(1.0, sum(_work(target.objects, target.size) for target in targets) / planned) if planned else None


def _work(objects: int, size: int) -> int:
    return size + objects * _OBJECT


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast objects are done, at one target or in a whole run."""

    rate: float | None
    """Bytes a second; None where nothing is being read."""
    left: float | None
    """Seconds until everything planned is done; None where that cannot be said."""
    at_least: bool
    """Whether more may be planned yet."""


class _Sample(NamedTuple):
    at: float
    size: int
    work: int


class Rates:
    """Speeds over the last seconds, from samples that are taken now and then."""

    def __init__(self, window: float) -> None:
        """
        Args:
            window: the seconds over which a rate is taken.
        """
        self._window = window
        self._samples: dict[str, deque[_Sample]] = {}

    def sample(self, at: float, targets: Sequence[TargetProgress]) -> None:
        """Note how far each target has got at a moment, in seconds on any clock."""
        for target in targets:
            samples = self._samples.setdefault(target.target, deque())
            if target.stage is not Stage.READING:
                samples.clear()
                continue
            samples.append(_Sample(at, target.size, _work(target.objects, target.size)))
            while len(samples) > 2 and samples[1].at <= at - self._window:
                samples.popleft()

    def of(self, target: TargetProgress) -> Speed:
        """How fast it goes at one target."""
        samples = self._samples.get(target.target)
        if not samples:
            return Speed(None, None, not target.whole)
        first, last = samples[0], samples[-1]
        seconds = last.at - first.at
        if seconds <= 0:
            return Speed(None, None, not target.whole)
        work = (last.work - first.work) / seconds
        left = _work(target.objects_left, target.size_left)
        return Speed((last.size - first.size) / seconds, left / work if work > 0 else None if left else 0.0, not target.whole)

    def of_all(self, targets: Sequence[TargetProgress]) -> Speed:
        """How fast the run goes. Targets are read at the same time, so it lasts as long as the slowest."""
        speeds = [self.of(target) for target in targets if not target.ended]
        rates = [speed.rate for speed in speeds if speed.rate is not None]
        lefts = [speed.left for speed in speeds if speed.left is not None]
        unknown = any(speed.at_least or speed.left is None for speed in speeds)
        return Speed(sum(rates) if rates else None, max(lefts) if lefts else None, unknown)
