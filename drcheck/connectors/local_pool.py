"""
A pool of processes that read and hash files below one root: drcheck/connectors/local_reader.py on every core.

Processes, since small files cost Python more than the disk, and threads would wait for each other. They are started anew (never forked: other
threads may hold locks) as plain programs with a pipe each way, so it does not matter which thread asks and how drcheck itself was started. They are
given the open root, and end with their parent. One that dies loses nothing: what it had is done once more by another, then answered as an error.
"""

from __future__ import annotations

import contextlib
import logging
import marshal
import os
import selectors
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Entry
from drcheck.connectors.local_reader import CHANGED, CUT, FAILED, READ, Answer, Reader
from drcheck.connectors.local_worker import LENGTH, START, frame
from drcheck.connectors.tree import translated
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, InProgress, TimedOut
from drcheck.model import printable

log = logging.getLogger(__name__)

FEW = 1_000
"""Objects, and ..."""
LITTLE = 64 << 20
"""... bytes that are read in the calling process, one after the other: starting others takes longer."""

_OBJECTS = 500
_NAMES = 64 << 10
_BYTES = 32 << 20
_LARGE = 4 << 20
_GRACE = 0.1
"""Seconds after the deadline in which what is almost done may still come in."""
_PIPE = 1 << 16

Wanted = tuple[Entry, Collection[str]]


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


@dataclass(slots=True)
class _Block:
    """Objects that one worker reads in one go: a few hundred small ones, or one large one."""

    wanted: list[Wanted] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    algorithms: list[tuple[str, ...]] = field(default_factory=list)
    names: int = 0
    bytes: int = 0
    deaths: int = 0

    @property
    def large(self) -> bool:
        return self.bytes >= _LARGE and len(self.keys) == 1


class _Worker:
    """One process, and what it was given and has not answered, in order."""

    def __init__(self, root: int) -> None:
        self.given: deque[_Block] = deque()
        self.ready = False
        """Whether it has said that it runs."""
        self._out = b""
        self._in = bytearray()
        command = [sys.executable, "-P", "-c", START, str(root), *sys.path]
        self.process = subprocess.Popen(  # noqa: S603 - this very Python
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(root,), bufsize=0
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a process was started without its pipes")
        self.requests, self.answers = self.process.stdin, self.process.stdout
        os.set_blocking(self.requests.fileno(), False)
        os.set_blocking(self.answers.fileno(), False)

    def room(self, block: _Block) -> bool:
        """Whether it may be given this block: a second one keeps it from waiting for us, but none waits behind a large file."""
        return not self.given or (len(self.given) == 1 and not self.given[0].large and not block.large)

    def give(self, block: _Block) -> None:
        """Send it a block, as far as the pipe takes it; `push` sends the rest."""
        self.given.append(block)
        self._out += frame((block.keys, block.algorithms))
        self.push()

    def push(self) -> bool:
        """Send what is left to be sent; whether anything still is. Both sides may be full at a time, so nobody waits here."""
        with contextlib.suppress(BrokenPipeError):  # it died; reading from it says so
            while self._out:
                try:
                    self._out = self._out[os.write(self.requests.fileno(), self._out) :]
                except BlockingIOError:
                    return True
        return False

    def receive(self) -> list[bytes] | None:
        """The whole messages that came; None where it died."""
        while True:
            try:
                part = os.read(self.answers.fileno(), _PIPE)
            except BlockingIOError:
                break
            if not part:
                return None
            self._in += part
        messages = []
        while len(self._in) >= LENGTH.size and len(self._in) >= (end := LENGTH.size + LENGTH.unpack_from(self._in)[0]):
            messages.append(bytes(self._in[LENGTH.size : end]))
            del self._in[:end]
        return messages

    def end(self) -> None:
        """End it at once. One that the kernel holds, on a mount that hangs, is not waited for."""
        self.process.kill()
        with contextlib.suppress(OSError):
            self.requests.close()
        self.answers.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            log.warning("process %d hangs in the system and could not be ended yet", self.process.pid)


class Pool:
    """The processes of one reading. Used by one thread, as a context manager, which ends them."""

    def __init__(self, root: int, *, deadline: Deadline, calls: CallLog, kind: str) -> None:
        self._root = root
        self._processes = _CORES.take()
        self._deadline = deadline
        self._calls = calls
        self._kind = kind
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[_Block] = deque()
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

    def answers(self, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, Digests | ConnectorError | None]]:
        """One answer to each object in any order; None where it is to be read the careful way. Draws from `wanted` as there is room."""
        blocks = _blocks(wanted)
        following = next(blocks, None)
        while not self._closed:
            if self._deadline.passed():
                break
            while (block := self._again[0] if self._again else following) is not None and (worker := self._free(block)) is not None:
                worker.give(block)
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

    def _free(self, block: _Block) -> _Worker | None:
        """A worker that may be given the block: an idle one, a new one, or one that would take it next."""
        idle = next((worker for worker in self._workers if not worker.given), None)
        if idle is not None:
            return idle
        if self._startable and len(self._workers) < self._processes:
            try:
                self._workers.append(_Worker(self._root))
            except OSError as error:
                self._not_startable(f"{error.strerror or error}")
            else:
                self._selector.register(self._workers[-1].answers, selectors.EVENT_READ, self._workers[-1])
                return self._workers[-1]
        return next((worker for worker in self._workers if worker.room(block)), None)

    def _not_startable(self, why: str) -> None:
        log.warning("%s: no further process could be started to read with: %s", self._calls.target, why)
        self._startable = False

    def _watch(self, worker: _Worker) -> None:
        """Wait for room in the pipe to a worker while something is left to be sent to it."""
        watched = worker.requests in self._selector.get_map()
        if worker.push():
            if not watched:
                self._selector.register(worker.requests, selectors.EVENT_WRITE, worker)
        elif watched:
            self._selector.unregister(worker.requests)

    def _heard(self) -> list[_Worker]:
        """The workers that have answered or died, once there is one or the time is over."""
        left = self._deadline.remaining()
        heard = []
        for key, events in self._selector.select(None if left is None else left + _GRACE):
            if events & selectors.EVENT_WRITE:
                self._watch(key.data)
            else:
                heard.append(key.data)
        return heard

    def _hear(self, worker: _Worker) -> Iterator[tuple[Wanted, Digests | ConnectorError | None]]:
        messages = worker.receive()
        if messages is None:
            yield from self._died(worker)
            return
        for message in messages:
            answered = marshal.loads(message)  # noqa: S302 - from our own child
            if not worker.ready:
                worker.ready = True
                continue
            yield from self._told(worker.given.popleft(), *answered)

    def _died(self, worker: _Worker) -> Iterator[tuple[Wanted, ConnectorError]]:
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

    def _drop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        for pipe in (worker.requests, worker.answers):
            with contextlib.suppress(KeyError):
                self._selector.unregister(pipe)
        worker.end()

    def _read_here(self, block: _Block) -> Iterator[tuple[Wanted, Digests | ConnectorError | None]]:
        if self._here is None:
            self._here = Reader(self._root, lambda: not self._deadline.passed())
        yield from self._told(block, self._here.block(block.keys, block.algorithms), self._here.counted())

    def _told(self, block: _Block, answers: list[Answer], counts: tuple[int, int, int]) -> Iterator[tuple[Wanted, Digests | ConnectorError | None]]:
        first, more = block.wanted[0][0].key, len(block.wanted) - 1
        about = f"{first} and {more} more" if more else first
        for call, count in zip(("open", "lstat", "read"), counts, strict=True):
            if count:
                self._calls.record(f"{self._kind}:{call}", about, times=count)
        if len(answers) != len(block.wanted):
            wrong = f"{len(block.wanted)} objects were to be read and {len(answers)} were answered"
            yield from ((each, ConnectorError(f"{printable(each[0].key)}: {wrong}")) for each in block.wanted)
            return
        for each, algorithms, answer in zip(block.wanted, block.algorithms, answers, strict=True):
            kind, number, digests = answer
            if kind == READ:
                yield each, Digests(dict(zip(algorithms, digests, strict=True)), number)
            else:
                yield each, _refused(each[0], kind, number)

    def _late(self, following: _Block | None, blocks: Iterator[_Block]) -> Iterator[tuple[Wanted, TimedOut]]:
        """The time is over: everything that has no answer."""
        unanswered = [*self._again, *(block for worker in self._workers for block in worker.given)]
        self.close()
        for block in (*unanswered, *([following] if following else []), *blocks):
            for each in block.wanted:
                yield each, TimedOut(f"not finished within its deadline of {self._deadline.seconds:g} s")


def few(wanted: Iterator[Wanted]) -> tuple[list[Wanted], bool]:
    """The first objects, drawn from `wanted`, and whether they are all, and too few to start processes for."""
    drawn: list[Wanted] = []
    size = 0
    for each in wanted:
        drawn.append(each)
        size += each[0].size
        if len(drawn) > FEW or (size > LITTLE and len(drawn) > 1):
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


def _blocks(wanted: Iterable[Wanted]) -> Iterator[_Block]:
    block = _Block()
    order: dict[Collection[str], tuple[str, ...]] = {}
    for entry, algorithms in wanted:
        try:
            key = entry.key.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            key = b""  # no file can be called so; the careful way says it
        large = entry.size >= _LARGE
        if block.keys and (large or len(block.keys) >= _OBJECTS or block.names >= _NAMES or block.bytes >= _BYTES):
            yield block
            block = _Block()
        block.wanted.append((entry, algorithms))
        block.keys.append(key)
        block.algorithms.append(_ordered(algorithms, order))
        block.names += len(key)
        block.bytes += entry.size
        if large:
            yield block
            block = _Block()
    if block.keys:
        yield block


def _ordered(algorithms: Collection[str], known: dict[Collection[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The same algorithms in one order, and the same object each time: it is then sent once a block."""
    wanted = frozenset(algorithms)
    if wanted not in known:
        known[wanted] = tuple(sorted(wanted))
    return known[wanted]
