"""
A pool of processes that read and hash files below one root: drcheck/connectors/local_reader.py on every core.

Processes, since small files cost Python more than the disk, and threads would wait for each other. They are started anew (never forked: other
threads may hold locks) as plain programs with a pipe each way, so it does not matter which thread asks and how drcheck itself was started. They are
given the open root, and end with their parent. One that dies loses nothing: what it had is done once more by another, then answered as an error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Entry
from drcheck.connectors.local_process import LARGE, Block, Process, Wanted
from drcheck.connectors.local_reader import BUFFER, CHANGED, CUT, FAILED, READ, Answer, Reader
from drcheck.connectors.local_worker import WINDOW
from drcheck.connectors.tree import translated
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, InProgress, TimedOut
from drcheck.model import printable
from drcheck.pace import Leave, Pace

log = logging.getLogger(__name__)

FEW = 1_000
"""Objects, and ..."""
LITTLE = 64 << 20
"""... bytes that are read in the calling process, one after the other: starting others takes longer."""

_OBJECTS = 500
_NAMES = 64 << 10
_BYTES = 32 << 20
_GRACE = 0.1
"""Seconds after the deadline in which what is almost done may still come in."""

Told = tuple[Wanted, Digests | ConnectorError | None]


class _Cores:
    """The processors of this machine, shared by the pools of all targets that are read at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self) -> int:
        """How many processes a further pool may have: those that no other has, but one at least; 0 where there is one processor in all."""
        there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        with self._lock:
            taken = max(1, there - self._taken) if there > 1 and sys.executable else 0
            self._taken += taken
        return taken

    def give_back(self, number: int) -> None:
        with self._lock:
            self._taken -= number


_CORES = _Cores()


class Pool:
    """The processes of one reading. Used by one thread, as a context manager, which ends them."""

    def __init__(self, root: int, *, deadline: Deadline, calls: CallLog, kind: str, pace: Pace) -> None:
        self._root = root
        self._processes = _CORES.take()
        self._deadline = deadline
        self._calls = calls
        self._kind = kind
        self._pace = pace
        self._portion = 0 if pace.limit is None else pace.portion(_BYTES)
        """About as many bytes as are read in one go; 0 where nothing is held back."""
        self._leave = Leave(pace)
        self._workers: list[Process] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[Block] = deque()
        self._asking: deque[tuple[Process, int]] = deque()
        """Those that wait for leave to read so many bytes, and who comes first."""
        self._startable = self._processes > 0
        self._here: Reader | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process. Safe to call twice; an `answers` that is not through then ends with an error."""
        if self._closed:
            return
        self._closed = True
        while self._workers:
            self._drop(self._workers[-1])
        self._selector.close()
        _CORES.give_back(self._processes)

    def answers(self, wanted: Iterable[Wanted]) -> Iterator[Told]:
        """One answer to each object in any order; None where it is to be read the careful way. Draws from `wanted` as there is room."""
        blocks = _blocks(wanted, self._portion)
        following = next(blocks, None)
        while not self._closed:
            if self._deadline.passed():
                break
            self._give_leave()
            while (block := self._again[0] if self._again else following) is not None and (worker := self._free(block)) is not None:
                worker.give(block, self._portion)
                self._watch(worker)
                if self._again:
                    self._again.popleft()
                else:
                    following = next(blocks, None)
            if any(worker.given for worker in self._workers):
                for worker in self._heard():
                    yield from self._hear(worker)
            elif block is None:
                return
            else:
                # There is nobody else to do it.
                if self._again:
                    self._again.popleft()
                else:
                    following = next(blocks, None)
                yield from self._read_here(block)
        if self._closed:
            raise RuntimeError("the connector was closed while it was reading")
        yield from self._late(following, blocks)

    def _free(self, block: Block) -> Process | None:
        """A worker that may be given the block: an idle one, a new one, or one that would take it next."""
        idle = next((worker for worker in self._workers if not worker.given), None)
        if idle is not None:
            return idle
        if self._startable and len(self._workers) < self._processes:
            try:
                self._workers.append(Process(self._root))
            except OSError as error:
                self._not_startable(f"{error.strerror or error}")
            else:
                self._selector.register(self._workers[-1].answers, selectors.EVENT_READ, self._workers[-1])
                return self._workers[-1]
        # Who has to ask for leave has no other block: what comes next is the answer.
        return None if self._portion else next((worker for worker in self._workers if worker.room(block)), None)

    def _not_startable(self, why: str) -> None:
        log.warning("%s: no further process could be started to read with: %s", self._calls.target, why)
        self._startable = False

    def _watch(self, worker: Process) -> None:
        """Wait for room in the pipe to a worker while something is left to be sent to it."""
        watched = worker.requests in self._selector.get_map()
        if worker.push():
            if not watched:
                self._selector.register(worker.requests, selectors.EVENT_WRITE, worker)
        elif watched:
            self._selector.unregister(worker.requests)

    def _heard(self) -> list[Process]:
        """The workers that have answered or died, once there is one, or one may be given leave, or the time is over."""
        left = self._deadline.remaining()
        waits = [seconds for seconds in (None if left is None else left + _GRACE, self._leave.seconds()) if seconds is not None]
        heard = []
        for key, events in self._selector.select(min(waits, default=None)):
            if events & selectors.EVENT_WRITE:
                self._watch(key.data)
            else:
                heard.append(key.data)
        return heard

    def _hear(self, worker: Process) -> Iterator[Told]:
        messages = worker.receive()
        if messages is None:
            yield from self._died(worker)
            return
        for message in messages:
            if not worker.ready:
                worker.ready = True
            elif len(message) == 2:
                read, wanted = message
                self._pace.add(read)
                if wanted:
                    self._asking.append((worker, wanted))
            else:
                yield from self._told(worker.given.popleft(), *message)

    def _give_leave(self) -> None:
        """Let those read who have asked for it and whose time has come."""
        while self._asking and self._leave.given(self._asking[0][1]):
            worker, _ = self._asking.popleft()
            worker.leave()
            self._watch(worker)

    def _died(self, worker: Process) -> Iterator[Told]:
        self._drop(worker)
        how = f"ended with {worker.process.returncode}"
        if not worker.ready:
            self._not_startable(f"it {how}")
        elif worker.given:
            first = worker.given.popleft()
            first.deaths += 1
            if first.deaths > 1:
                yield from ((each, ConnectorError(f"{printable(each[0].key)}: the process that read it {how}, twice")) for each in first.wanted)
            else:
                log.warning("%s: a process that read %d objects %s; they are read again", self._calls.target, len(first.keys), how)
                self._again.append(first)
        self._again.extend(worker.given)
        worker.given.clear()

    def _drop(self, worker: Process) -> None:
        self._workers.remove(worker)
        self._asking = deque(asking for asking in self._asking if asking[0] is not worker)
        for pipe in (worker.requests, worker.answers):
            with contextlib.suppress(KeyError):
                self._selector.unregister(pipe)
        worker.end()

    def _read_here(self, block: Block) -> Iterator[Told]:
        if self._here is None:
            self._here = Reader(self._root, self._step_here)
        if self._portion and not self._held_here(min(block.bytes, max(self._portion, BUFFER))):
            self._again.append(block)
            return
        answers = self._here.block(block.keys, block.algorithms)
        *calls, read = self._here.counted()
        yield from self._told(block, answers, calls, read)

    def _step_here(self, read: int, more: int) -> int:
        self._pace.add(read)
        if not (more and self._portion):
            return 0 if self._deadline.passed() else WINDOW
        wanted = min(more, self._portion)
        return wanted if self._held_here(wanted) else 0

    def _held_here(self, wanted: int) -> bool:
        """Wait until so many bytes may be read; whether the time is not over before."""
        try:
            self._pace.hold(wanted, self._deadline)
        except TimedOut:
            return False
        return True

    def _told(self, block: Block, answers: list[Answer], calls: Sequence[int], read: int) -> Iterator[Told]:
        self._pace.add(read)
        first, more = block.wanted[0][0].key, len(block.wanted) - 1
        about = f"{first} and {more} more" if more else first
        for call, count in zip(("open", "lstat", "read"), calls, strict=True):
            if count:
                self._calls.record(f"{self._kind}:{call}", about, times=count)
        if len(answers) != len(block.wanted):
            wrong = f"{len(block.wanted)} objects were to be read and {len(answers)} were answered"
            yield from ((each, ConnectorError(f"{printable(each[0].key)}: {wrong}")) for each in block.wanted)
            return
        for each, algorithms, answer in zip(block.wanted, block.algorithms, answers, strict=True):
            kind, number, digests = answer
            if kind == READ:
                yield each, Digests({algorithms[0]: digests[0]} if len(digests) == 1 else dict(zip(algorithms, digests, strict=True)), number)
            else:
                yield each, _refused(each[0], kind, number)

    def _late(self, following: Block | None, blocks: Iterator[Block]) -> Iterator[tuple[Wanted, TimedOut]]:
        """The time is over: everything that has no answer."""
        unanswered = [*self._again, *(block for worker in self._workers for block in worker.given)]
        self.close()
        for block in (*unanswered, *([following] if following else []), *blocks):
            for each in block.wanted:
                yield each, TimedOut(f"not finished within its deadline of {self._deadline.seconds:g} s")


def few(wanted: Iterator[Wanted], little: int = LITTLE) -> tuple[list[Wanted], bool]:
    """The first objects, drawn from `wanted`, and whether they are all, and too few to start processes for: no more than `little` bytes together."""
    drawn: list[Wanted] = []
    size = 0
    for each in wanted:
        drawn.append(each)
        size += each[0].size
        if len(drawn) > FEW or (size > little and len(drawn) > 1):
            return drawn, False
    return drawn, True


def _refused(entry: Entry, kind: int, number: int) -> ConnectorError | None:
    """What an answer without digests means; None where the careful way says it."""
    if kind == CUT:
        return InProgress(f"{printable(entry.key)}: ended after {number} of {entry.size} bytes: it was cut short while it was being read")
    if kind == CHANGED:
        return InProgress(f"{printable(entry.key)}: changed while it was being read")
    if kind == FAILED:
        return translated(OSError(number, os.strerror(number)), entry.key)
    return None


def _blocks(wanted: Iterable[Wanted], portion: int) -> Iterator[Block]:
    """What is read in one go each, of about `portion` bytes where that is not 0."""
    most, large = (min(portion, _BYTES), min(portion, LARGE)) if portion else (_BYTES, LARGE)
    block = Block()
    known: dict[Collection[str], tuple[str, ...]] = {}
    last: Collection[str] = ()
    ordered: tuple[str, ...] = ()
    for each in wanted:
        entry, algorithms = each
        if algorithms is not last:
            last, ordered = algorithms, _ordered(algorithms, known)
        size = entry.size
        try:
            key = entry.key.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            key = b""  # no file can be called so; the careful way says it
        if block.keys and (size >= large or len(block.keys) >= _OBJECTS or block.names >= _NAMES or block.bytes + size > most):
            yield block
            block = Block()
        block.wanted.append(each)
        block.keys.append(key)
        block.algorithms.append(ordered)
        block.names += len(key)
        block.bytes += size
        if size >= large:
            yield block
            block = Block()
    if block.keys:
        yield block


def _ordered(algorithms: Collection[str], known: dict[Collection[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The same algorithms in one order, and the same object each time: it is then sent once a block."""
    wanted = frozenset(algorithms)
    if wanted not in known:
        known[wanted] = tuple(sorted(wanted))
    return known[wanted]
