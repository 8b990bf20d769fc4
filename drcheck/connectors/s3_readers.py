"""
Reading many objects of a bucket at once: threads with one connection each, which hash what they read.

Small objects are read whole by one thread. Large ones are read in parts and hashed in order: a part whose turn it is as it comes, while it is in the
processor's own cache, which takes half the time of hashing it out of memory; later parts into buffers, and by as many threads as make it faster: one
where hashing is the bound, more as long as the network is. The buffers are counted, so memory does not grow with the objects. What does not go as
expected is answered by a `Doubt`, and asked of boto3 by the caller.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from http.client import HTTPException
from queue import Empty, SimpleQueue
from typing import TypeVar

from drcheck.clock import Deadline, monotonic
from drcheck.connectors.base import Entry, attempt
from drcheck.connectors.s3_errors import RAISED
from drcheck.connectors.s3_jobs import Answer, Doubt, InParts, Outcome, Whole
from drcheck.connectors.s3_signing import Pattern
from drcheck.connectors.s3_wire import Dialler, Head, Odd, Wire
from drcheck.digests import Digests, hasher
from drcheck.errors import ConnectorError, TimedOut
from drcheck.model import Observed
from drcheck.pace import Pace

T = TypeVar("T")

PART = 8 * 2**20
"""Bytes of a large object that are asked for at a time."""
LARGE = 4 * PART
"""Bytes from which on an object is read in parts."""
AT_ONCE = 8
"""Parts that are asked for in one request where one thread reads a large object."""
BUFFERS = 8
"""Parts that may be in memory at once, of all large objects together."""
_CHUNK = 2**20
"""Bytes that are hashed at a time: as few as a processor's own cache holds, and not so few that Python is noticed."""
_GRACE_SECONDS = 5.0
_SHORTEST_SECONDS = 0.1
_TOO_FAST = frozenset({429, 503})
_REPLACED = 412


class Readers:
    """
    The threads. They start as they are needed, are daemons, and never outlive `close` by more than what they are waiting for.

    Used by one thread: `put` what is to be read while there is `room`, and `get` an answer for each.
    """

    def __init__(
        self,
        pattern: Pattern,
        dialler: Dialler,
        *,
        root: str,
        most: int,
        seconds: float,
        deadline: Deadline,
        pace: Pace,
        record: Callable[[str], None],
    ) -> None:
        """
        Args:
            root: what every key begins with in the bucket.
            most: threads, and so connections, at a time.
            seconds: the longest that one step may take, where the deadline leaves more.
            pace: told of what comes, and what it is read at.
            record: notes one request in the call log, by the object's name in the bucket.
        """
        self._pattern, self._dialler, self._root = pattern, dialler, root
        self._most, self._seconds, self._deadline, self._pace, self._record = most, seconds, deadline, pace, record
        self._work: SimpleQueue[Whole | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._buffers: SimpleQueue[bytearray | None] = SimpleQueue()
        for _ in range(BUFFERS):
            self._buffers.put(None)  # made when first needed
        self._wires: dict[threading.Thread, Wire] = {}
        self._lock = threading.Lock()
        self._closed = False
        self.waiting = 0
        """Objects that were put and not yet got."""

    def room(self) -> bool:
        """Whether another object may be put: enough wait that no thread idles, and no more."""
        return self.waiting < 2 * self._most

    def put(self, entry: Entry, algorithms: Collection[str]) -> None:
        """Have an object read. Raises ValueError for an algorithm that is not known, and for a key that is not UTF-8."""
        path, hashers = self._pattern.path(self._root + entry.key), {algorithm: hasher(algorithm) for algorithm in algorithms}
        self._work.put(InParts(entry, algorithms, path, hashers, -(-entry.size // PART)) if entry.size >= LARGE else Whole(entry, algorithms, path))
        self.waiting += 1
        wanted = self._most if entry.size >= LARGE else min(self._most, self.waiting)
        while len(self._wires) < wanted:
            wire = Wire(self._dialler, self._pace, self._deadline)
            thread = threading.Thread(target=self._serve, args=(wire,), name="s3-reader", daemon=True)
            with self._lock:
                self._wires[thread] = wire
            thread.start()

    def get(self) -> Answer:
        """The next answer, in any order. Raises TimedOut where none came in time."""
        left = self._deadline.remaining()
        try:
            answer = self._answers.get(timeout=None if left is None else left + _GRACE_SECONDS)
        except Empty:
            raise TimedOut(f"not finished within its deadline of {self._deadline.seconds:g} s") from None
        self.waiting -= 1
        return answer

    def close(self) -> None:
        """Have every thread end, whatever it is doing. Never raises."""
        self._closed = True
        with self._lock:
            threads = dict(self._wires)
        for wire in threads.values():
            wire.abort()
        for _ in threads:
            self._work.put(None)
            self._buffers.put(None)
        end = monotonic() + _GRACE_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - monotonic()))

    # In the threads

    def _serve(self, wire: Wire) -> None:
        chunk = memoryview(bytearray(_CHUNK))
        try:
            while (job := self._work.get()) is not None and not self._closed:
                status = self._part(job, wire, chunk) if isinstance(job, InParts) else self._whole(job, wire, chunk)
                if status in _TOO_FAST and self._leave():
                    return  # the server wants to be asked less often
        finally:
            wire.close()

    def _leave(self) -> bool:
        with self._lock:
            if len(self._wires) < 2:
                return False
            del self._wires[threading.current_thread()]
            self._most = len(self._wires)
            return True

    def _whole(self, job: Whole, wire: Wire, chunk: memoryview) -> int:
        """Read one object; the status of an odd answer, else 0."""
        fact = attempt(lambda: self._read_whole(job, wire, chunk))
        outcome, status = fact.value if isinstance(fact, Observed) else (ConnectorError(fact.detail), 0)
        self._answers.put(Answer(job.entry, job.algorithms, outcome))
        return status

    def _read_whole(self, job: Whole, wire: Wire, chunk: memoryview) -> tuple[Outcome, int]:
        hashers = {algorithm: hasher(algorithm) for algorithm in job.algorithms}
        size = job.entry.size

        def read() -> Digests:
            seen = 0
            while seen < size:
                self._deadline.check()
                count = wire.read_into(chunk)
                seen += count
                for each in hashers.values():
                    each.update(chunk[:count])
            return Digests({algorithm: each.hexdigest() for algorithm, each in hashers.items()}, size)

        return self._guarded(job, wire, "", size, read)

    def _part(self, job: InParts, wire: Wire, chunk: memoryview) -> int:
        """Read the next part of a large object; the status of an odd answer, else 0."""
        buffer = self._buffers.get()
        with job.lock:
            number = job.asked
            if job.failed is not None or number >= job.parts or self._closed:
                job.called -= 1
                self._buffers.put(buffer)
                return 0
            at_once = number == job.hashed and not job.hashing
            job.hashing = job.hashing or at_once
            # Nobody waits for the parts behind it where one thread does it all; the first shows whether that is so.
            count = min(AT_ONCE, job.parts - number) if at_once and number and job.readers == 1 else 1
            job.asked += count
            job.flying += 1
            self._call(job)
        if at_once:
            self._buffers.put(buffer)
            fact = attempt(lambda: self._hash_parts(job, number, count, wire, chunk))
        else:
            held = [bytearray(PART) if buffer is None else buffer]
            fact = attempt(lambda: self._read_part(job, number, wire, held))
            for each in held:
                self._buffers.put(each)
        outcome, status = fact.value if isinstance(fact, Observed) else (ConnectorError(fact.detail), 0)
        with job.lock:
            if outcome is not None and job.failed is None:
                job.failed = outcome
            job.flying -= 1
            job.called -= 1
            self._call(job)
            if job.flying or (job.failed is None and job.hashed < job.parts):
                return status
            for left, _ in job.read.values():
                self._buffers.put(left)
            job.read.clear()
            answer = job.failed or Digests({name: each.hexdigest() for name, each in job.hashers.items()}, job.entry.size)
        self._answers.put(Answer(job.entry, job.algorithms, answer))
        return status

    def _call(self, job: InParts) -> None:
        """Call for further threads to read a job, as many as it should have; its lock is held."""
        while job.failed is None and job.called < job.readers and job.asked + job.called - job.flying < job.parts:
            job.called += 1
            self._work.put(job)

    def _hash_parts(self, job: InParts, number: int, count: int, wire: Wire, chunk: memoryview) -> tuple[ConnectorError | Doubt | None, int]:
        """
        Read the parts whose turn it is and hash them as they come, then those that wait for them; None where all is well. `hashing` was set for it.
        """
        start = number * PART
        length = min(count * PART, job.entry.size - start)
        hashing = 0.0
        begun = monotonic()

        def take() -> None:
            nonlocal hashing
            seen = 0
            while seen < length:
                self._deadline.check()
                read = wire.read_into(chunk[: length - seen])
                seen += read
                came = monotonic()
                for each in job.hashers.values():
                    each.update(chunk[:read])
                hashing += monotonic() - came

        outcome, status = self._guarded(job, wire, f"bytes={start}-{start + length - 1}", length, take)
        took = monotonic() - begun
        with job.lock:
            if outcome is not None:
                job.hashing = False
                return outcome, status
            job.hashed += count
            if took > 2 * hashing:
                job.more(min(self._most, BUFFERS))  # the server was waited for longer than hashing took
            else:
                job.fewer()
        self._hash(job)
        return None, status

    def _read_part(self, job: InParts, number: int, wire: Wire, held: list[bytearray]) -> tuple[ConnectorError | Doubt | None, int]:
        """Read one part into the buffer in `held`, and hash what is next; None where all is well. The buffer leaves `held` when it must wait."""
        start = number * PART
        length = min(PART, job.entry.size - start)
        view = memoryview(held[0])[:length]

        def read() -> None:
            seen = 0
            while seen < length:
                self._deadline.check()
                seen += wire.read_into(view[seen:])

        outcome, status = self._guarded(job, wire, f"bytes={start}-{start + length - 1}", length, read)
        view.release()
        if outcome is None:
            with job.lock:
                job.read[number] = held.pop(), length
                if job.hashing:
                    job.fewer()  # it came before it could be hashed
                    return None, 0
                job.hashing = True
                if number == job.hashed:
                    job.more(min(self._most, BUFFERS))  # nothing was left to hash
            self._hash(job)
        return outcome, status

    def _hash(self, job: InParts) -> None:
        while True:
            with job.lock:
                found = job.read.pop(job.hashed, None)
                if found is None or job.failed is not None:
                    job.hashing = False
                    if found is not None:
                        self._buffers.put(found[0])
                    return
            buffer, length = found
            try:
                for each in job.hashers.values():
                    each.update(memoryview(buffer)[:length])
            finally:
                self._buffers.put(buffer)
            with job.lock:
                job.hashed += 1

    def _guarded(self, job: Whole, wire: Wire, span: str, length: int, read: Callable[[], T]) -> tuple[T | ConnectorError | Doubt, int]:
        """What `read` returns after a good answer of `length` bytes; else why not, and the status of an odd answer."""
        try:
            head = self._ask(job, wire, span)
            if head.etag != _quoted(job.entry):
                raise Odd(_REPLACED)
            if head.length != length or (head.status != 200 if not span else not _fits(head, span, job.entry.size)):
                raise Odd(head.status)
            return read(), 0
        except Odd as odd:
            wire.close()
            return (Doubt.REPLACED if odd.status == _REPLACED else Doubt.ODD), odd.status
        except ConnectorError as error:
            wire.close()
            return error, 0
        except (*RAISED, HTTPException):
            wire.close()
            return Doubt.ODD, 0

    def _ask(self, job: Whole, wire: Wire, span: str) -> Head:
        """The head of the answer; asked for again where a connection that was kept turns out to have ended."""
        kept = not wire.fresh()
        try:
            return self._send(job, wire, span)
        except Odd as odd:
            if not kept or odd.status:
                raise
        except TimeoutError:
            raise
        except OSError:
            if not kept:
                raise
        wire.close()
        return self._send(job, wire, span)

    def _send(self, job: Whole, wire: Wire, span: str) -> Head:
        self._deadline.check()
        left = self._deadline.remaining()
        request = self._pattern.request(job.path, _quoted(job.entry), span)
        self._record(self._root + job.entry.key)
        return wire.ask(request, self._seconds if left is None else max(_SHORTEST_SECONDS, min(self._seconds, left)))


def _quoted(entry: Entry) -> str:
    return f'"{entry.version}"'


def _fits(head: Head, span: str, size: int) -> bool:
    return head.status == 206 and head.span == f"{span.replace('=', ' ')}/{size}"
