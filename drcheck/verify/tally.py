"""What is known of one copy's bytes so far: told as it is learnt, so that a run that is cut short keeps what it did."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Protocol

from drcheck.clock import now
from drcheck.model import Depth, ManifestRead, ObjectResult, ObjectVerdict, Unobserved, Verification

MOST = 1_000
"""How many problems, manifests and faults of one copy are kept one by one; counts stay exact."""


class ResultSink(Protocol):
    """Somebody who wants every result, such as a store."""

    def record(self, copy: str, verdict: ObjectVerdict) -> None:
        """
        Take the result of one object of `copy` (`system@target`).

        Called as each is made, from the thread of its target, so several at once for different copies. It should return soon. What it raises
        ends that copy's verification.
        """


class Tally:
    """The results of one copy. One thread adds; another may freeze it at any time, after which nothing counts any more."""

    def __init__(self, copy: str, sink: ResultSink | None = None) -> None:
        self.copy = copy
        self._sink = sink
        self._lock = threading.Lock()
        self._counts: Counter[ObjectResult] = Counter()
        self._problems: list[ObjectVerdict] = []
        self._manifests: list[ManifestRead] = []
        self._more: Counter[tuple[str, bool, tuple[str, ...]]] = Counter()
        self._more_promises: Counter[tuple[str, bool, tuple[str, ...]]] = Counter()
        self._unusable = _Notes()
        self._faults = _Notes()
        self._planned: int | None = None
        self._looked_at = 0
        self._objects_total = self._objects_read = self._bytes_read = self._weak_only = self._hashed_there = 0
        self._started = now()
        self._frozen: Verification | None = None

    @property
    def begun(self) -> bool:
        """Whether it is known what there is to compare."""
        return self._planned is not None

    @property
    def complaints(self) -> bool:
        """Whether a manifest was unusable or a fault was noted."""
        return bool(self._unusable.all() or self._faults.all())

    def manifest(self, manifest: ManifestRead) -> None:
        """Note a manifest that was read and understood."""
        with self._lock:
            if len(self._manifests) < MOST:
                self._manifests.append(manifest)
            else:
                alike = (manifest.kind, manifest.beside, manifest.algorithms)
                self._more[alike] += 1
                self._more_promises[alike] += manifest.promises

    def unusable(self, reason: str) -> None:
        """Note a manifest that could not be read or understood."""
        with self._lock:
            self._unusable.add(reason)

    def fault(self, fault: str) -> None:
        """Note what a package format says against the whole."""
        with self._lock:
            self._faults.add(fault)

    def plan(self, *, planned: int, objects_total: int) -> None:
        """Note how many objects something is promised for, and how many are listed that should be verified."""
        with self._lock:
            self._planned, self._objects_total = planned, objects_total

    def result(self, verdict: ObjectVerdict, *, read: int | None = None, weak: bool = False) -> None:
        """
        Note the result of one object.

        Args:
            read: the bytes that were read; None where the object was not read whole.
            weak: whether a match rests on weak algorithms alone.
        """
        with self._lock:
            if self._frozen is not None:
                return
            if self._sink is not None:
                self._sink.record(self.copy, verdict)
            self._counts[verdict.result] += 1
            self._looked_at += verdict.result is not ObjectResult.EXTRA and bool(verdict.promised)
            if read is not None:
                self._objects_read += 1
                self._bytes_read += read
            self._hashed_there += verdict.there and verdict.result is ObjectResult.MATCH
            self._weak_only += weak and verdict.result is ObjectResult.MATCH
            if verdict.result is not ObjectResult.MATCH and len(self._problems) < MOST:
                self._problems.append(verdict)

    def freeze(self, stopped: Unobserved | None) -> Verification:
        """Everything that was noted; what something was promised for and has no result is not-read. Always the same once called."""
        with self._lock:
            if self._frozen is None:
                self._frozen = self._verification(stopped)
            return self._frozen

    def _verification(self, stopped: Unobserved | None) -> Verification:
        counts = self._counts.copy()
        counts[ObjectResult.NOT_READ] += (self._planned or 0) - self._looked_at
        depth = Depth.READ if self._bytes_read else Depth.LISTED if self.begun else Depth.NONE
        if self._hashed_there:
            depth = Depth.ATTRIBUTES  # as deep as the least deep look that a match rests on
        more = [
            ManifestRead(f"… and {number} more", kind, beside, algorithms, self._more_promises[kind, beside, algorithms])
            for (kind, beside, algorithms), number in self._more.items()
        ]
        return Verification(
            counts=tuple((result, counts[result]) for result in ObjectResult if counts[result]),
            objects_total=self._objects_total,
            objects_read=self._objects_read,
            bytes_read=self._bytes_read,
            problems=tuple(self._problems),
            manifests=(*self._manifests, *more),
            unusable_manifests=self._unusable.all(),
            weak_only=self._weak_only,
            started=self._started,
            finished=now(),
            depth=depth,
            stopped=stopped,
            faults=self._faults.all(),
            hashed_there=self._hashed_there,
        )


class _Notes:
    """The first texts of many, and how many more there were."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if len(self._kept) < MOST:
            self._kept.append(text)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        return (*self._kept, f"… and {self._more} more") if self._more else tuple(self._kept)
