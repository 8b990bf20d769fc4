"""Recording results as they are made, from several threads, without waiting for the disk at each."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from drcheck.clock import now
from drcheck.connectors.base import Entry
from drcheck.errors import StoreError
from drcheck.model import ObjectVerdict
from drcheck.store.known import Cells, Reading, cells_of, cells_of_verdict
from drcheck.store.objects import BATCH, ObjectStore

EVERY = 0.2
"""Seconds after which a result is on the disk at the latest."""


class Recorder:
    """
    Takes results one by one and adds them to the journals of their copies: every fifth of a second, and whenever a few thousand wait. A process that
    is killed loses what came since. Used as a context manager; leaving it writes what waits.

    Attributes:
        recorded: how many results are on the disk.
    """

    def __init__(self, objects: Callable[[str], ObjectStore], *, every: float = EVERY, clock: Callable[[], datetime] = now) -> None:
        """
        Args:
            objects: what gives the objects of a copy by its name, such as `Store.objects` of one organisation.
            every: seconds between two writes.
            clock: what tells when a result is made, UTC.
        """
        self._clock = clock
        self.recorded = 0
        self._objects = objects
        self._every = every
        self._waiting: defaultdict[str, list[Cells]] = defaultdict(list)
        self._count = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._ended = False
        self._failure: StoreError | None = None
        self._thread = threading.Thread(target=self._write_on_time, name="drcheck-recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()
        try:
            self.flush()
        except StoreError:
            if kind is None:
                raise
            # What ended the run is told; that results could not be recorded was told to whoever recorded them, or is lost behind it.

    def record(self, copy: str, verdict: ObjectVerdict, entry: Entry | None = None, digests: Iterable[tuple[str, str, str]] = ()) -> None:
        """
        Take the result of one object of `copy`, made now; see `Reading.of`. Any thread may call it.

        Raises:
            StoreError: an earlier result could not be written; nothing more is taken.
        """
        self._take(copy, (cells_of_verdict(verdict, self._clock(), entry, digests),))

    def add(self, copy: str, readings: Iterable[Reading]) -> None:
        """Take readings of `copy`, such as those of a block of work. Raises as `record`, and ValueError where a moment cannot be kept."""
        self._take(copy, list(map(cells_of, readings)))

    def _take(self, copy: str, cells: Sequence[Cells]) -> None:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._waiting[copy] += cells
            self._count += len(cells)
            full = self._count >= BATCH
        if full:
            self.flush()

    def flush(self) -> None:
        """
        Write what waits; when it returns, everything taken before is on the disk.

        Raises:
            StoreError: it could not be written, now or before.
        """
        with self._writing:
            with self._lock:
                waiting, self._waiting, self._count = self._waiting, defaultdict(list), 0
            try:
                if self._failure is not None:
                    raise self._failure
                for copy, batch in waiting.items():
                    self._objects(copy).record_cells(batch)
                    self.recorded += len(batch)
            except StoreError as failure:
                self._failure = failure
                raise

    def _write_on_time(self) -> None:
        while not self._ended:
            self._wake.wait(self._every)
            try:
                self.flush()
            except StoreError:
                return  # told to whoever records next, and to whoever leaves
