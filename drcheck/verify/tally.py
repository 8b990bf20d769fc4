"""What is known of one copy's bytes so far: told as it is learnt, so that a run that is cut short keeps what it did."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from drcheck.clock import now
from drcheck.connectors.base import Entry
from drcheck.model import Depth, ManifestRead, ObjectResult, ObjectVerdict, Rotation, Unobserved, Verification
from drcheck.verify.plan import Night

MOST = 1_000
"""How many problems, manifests and faults of one copy are kept one by one; counts stay exact."""


class ResultSink(Protocol):
    """Somebody who wants every result, such as a store."""

    def record(self, copy: str, verdict: ObjectVerdict, entry: Entry | None = None, digests: Iterable[tuple[str, str, str]] = ()) -> None:
        """
        Take the result of one object of `copy` (`system@target`), of which `entry` was listed. Where several things are promised for it, `digests`
        are the algorithm, the promised and the found digest of each.

        Called as each is made, from the thread of its target, so several at once for different copies. It should return soon. What it raises
        ends that copy's verification.
        """


class Tally:
    """The results of one copy. One thread adds; another may freeze it at any time, after which nothing counts any more."""

    def __init__(self, copy: str, sink: ResultSink | None = None) -> None:
        self.copy = copy
        self._sink = sink
        self._lock = threading.Lock()
        self._matches = 0
        self._others: Counter[ObjectResult] = Counter()
        self._problems: list[ObjectVerdict] = []
        self._manifests: list[ManifestRead] = []
        self._more: Counter[tuple[str, bool, tuple[str, ...]]] = Counter()
        self._more_promises: Counter[tuple[str, bool, tuple[str, ...]]] = Counter()
        self._unusable = _Notes()
        self._faults = _Notes()
        self._planned: int | None = None
        self._looked_at = 0
        self._objects_total = self._objects_read = self._bytes_read = self._weak_only = self._hashed_there = self._kept = 0
        self._verified = 0
        self._oldest: int | None = None
        self._again = 0
        self._oldest_again: int | None = None
        self._night: Night | None = None
        self._before: dict[str, ObjectVerdict] = {}
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

    def rotate(self, night: Night) -> None:
        """Note what is to be read tonight, where that is a part."""
        with self._lock:
            self._night = night

    def before(self, verdicts: Iterable[ObjectVerdict]) -> None:
        """
        Note what earlier nights made of objects that are to be read, the first of many: each holds in the end where it has no result, whatever ended
        the night. None of them may be a match.
        """
        found = {verdict.key: verdict for verdict in islice(verdicts, MOST)}
        with self._lock:
            self._before = found

    def result(
        self,
        verdict: ObjectVerdict,
        *,
        entry: Entry | None = None,
        read: int | None = None,
        weak: bool = False,
        digests: Iterable[tuple[str, str, str]] = (),
        told: bool = True,
        again: bool = False,
    ) -> None:
        """
        Note the result of one object.

        Args:
            entry: what was listed of it.
            read: the bytes that were read; None where the object was not read whole.
            weak: whether a match rests on weak algorithms alone.
            digests: see `ResultSink.record`.
            told: whether the sink is told; not where it knows already.
            again: whether a match of an earlier night was noted for it before, which this replaces.
        """
        with self._lock:
            if self._frozen is not None:
                return
            if told and self._sink is not None:
                self._sink.record(self.copy, verdict, entry, digests)
            self._before.pop(verdict.key, None)
            if again:
                self._matches -= 1
                self._verified -= 1
                self._again -= 1
                self._weak_only -= weak
            else:
                self._looked_at += verdict.result is not ObjectResult.EXTRA and bool(verdict.promised)
            if read is not None:
                self._objects_read += 1
                self._bytes_read += read
            self._count(verdict, weak)
            if verdict.result is ObjectResult.MATCH:
                self._verified += read is not None
            else:
                self._kept += verdict.kept and verdict.result is ObjectResult.NOT_READ

    def still_bad(self, verdict: ObjectVerdict) -> None:
        """Note an object that an earlier night found not to be what was promised, or could not read, and that has no other result of tonight."""
        with self._lock:
            if self._frozen is not None:
                return
            self._before.pop(verdict.key, None)
            self._looked_at += 1
            self._count(verdict, weak=False)

    def still_matches(self, key: str, *, read: int, weak: bool, there: bool = False, again: bool = False) -> None:
        """
        Note that an earlier night found one object to be what is promised, and that this still holds.

        Args:
            read: when its bytes were read, in seconds since 1970; 0 where they were not, and the place hashed it itself.
            weak: whether the match rests on weak algorithms alone.
            there: whether it rests on the place's word, though the bytes may have been read long ago.
            again: whether it is to be read again tonight, which `result` then replaces it with.
        """
        with self._lock:
            if self._frozen is not None:
                return
            self._before.pop(key, None)
            self._looked_at += 1
            self._add_match(weak, there)
            if read:
                self._verified += 1
                if again:
                    self._expect(read)
                elif self._oldest is None or read < self._oldest:
                    self._oldest = read

    def expect(self, read: int) -> None:
        """Note that an object which stands, and was to be left alone, is read again all the same; `read` as for `still_matches`."""
        with self._lock:
            self._expect(read)

    def _expect(self, read: int) -> None:
        self._again += 1
        self._oldest_again = read if self._oldest_again is None else min(self._oldest_again, read)

    def _count(self, verdict: ObjectVerdict, weak: bool) -> None:
        if verdict.result is ObjectResult.MATCH:  # nearly all are, and a number of their own is found faster than one among others
            self._add_match(weak, verdict.there)
            return
        self._others[verdict.result] += 1
        if len(self._problems) < MOST:
            self._problems.append(verdict)

    def _add_match(self, weak: bool, there: bool) -> None:
        self._matches += 1
        self._hashed_there += there
        self._weak_only += weak

    def freeze(self, stopped: Unobserved | None) -> Verification:
        """Everything that was noted; what something was promised for and has no result is not-read. Always the same once called."""
        with self._lock:
            if self._frozen is None:
                self._frozen = self._verification(stopped)
            return self._frozen

    def _verification(self, stopped: Unobserved | None) -> Verification:
        counts = Counter({**self._others, ObjectResult.MATCH: self._matches})
        counts.update(verdict.result for verdict in self._before.values())
        counts[ObjectResult.NOT_READ] += (self._planned or 0) - self._looked_at - len(self._before)
        problems = [*self._problems, *self._before.values()]
        depth = Depth.READ if self._bytes_read or self._verified else Depth.LISTED if self.begun else Depth.NONE
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
            problems=tuple(problems[:MOST]),
            manifests=(*self._manifests, *more),
            unusable_manifests=self._unusable.all(),
            weak_only=self._weak_only,
            started=self._started,
            finished=now(),
            depth=depth,
            stopped=stopped,
            faults=self._faults.all(),
            hashed_there=self._hashed_there,
            kept=self._kept,
            rotation=self._rotation(),
        )

    def _rotation(self) -> Rotation | None:
        night = self._night
        if night is None:
            return None
        # Of those that were to be read again it is only known how many were not: while any was not, the oldest of them counts.
        reached = [moment for moment in (self._oldest, self._oldest_again if self._again > 0 else None) if moment is not None]
        oldest = datetime.fromtimestamp(min(reached), UTC) if reached else None
        if oldest is None and self._verified:
            oldest = self._started
        return Rotation(
            cycle=night.cycle,
            verified=self._verified,
            oldest_read=oldest,
            due=night.due,
            left=night.left,
            unverified=night.pool,
            drawn=night.drawn,
            drawn_bad=night.drawn_bad,
            unread=night.unread,
            ends=night.ends,
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
