"""Shards on their way to workers and back."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from distributed import CancelledError, Future, KilledWorker

from drcheck.clock import monotonic
from drcheck.connectors.base import Connector, Entry, guarded
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed, TimedOut, Unreachable
from drcheck.verify.engines.dask_site import Site
from drcheck.verify.engines.shard import Shard, shards
from drcheck.verify.engines.wire import Report

Answers = Iterator[tuple[Entry, Digests | ConnectorError]]
Listeners = MutableMapping[str, Callable[[int], None]]
"""Who is told how many bytes of a shard were read, by the shard's key."""

_MOST = 64
"""Shards of one target that are out at a time, however many workers there are: what bounds the memory."""
_OFTEN = 2
"""How often a shard is sent out where the connection to the scheduler was lost under it."""
_LOOK = 0.5
_FETCH = 10.0


@dataclass(slots=True)
class _Sent:
    """A shard, and what became of it so far."""

    shard: Shard
    times: int = 0
    """How often it was sent out."""
    begun: bool = False
    """Whether a worker has said that it reads it."""
    told: int = 0
    """Bytes of it that are known to have been read."""
    future: Future[bytes] | None = None


class Flight:
    """The shards of one target. Used by one thread, once."""

    def __init__(self, submit: Callable[[str, Shard], Future[bytes]], site: Site, connector: Connector, listeners: Listeners, name: str) -> None:
        self._submit = submit
        self._site = site
        self._connector = connector
        self._listeners = listeners
        self._prefix = f"drcheck-{name}-{uuid4().hex}"
        self._number = 0
        self._out: dict[str, _Sent] = {}
        self._again: deque[_Sent] = deque()
        self._held: tuple[_Sent, float] | None = None
        self._arrived: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._drawn = False
        """Whether all of what is wanted was drawn ..."""
        self._ended: ConnectorError | None = None
        """... and what drawing it ended with."""

    def answers(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Answers:
        """As `Engine.digests`."""
        source = shards(wanted)
        try:
            self._draw(source)
            while self._out or self._again or self._held:
                try:
                    self._connector.deadline.check()
                    self._site.look()
                except (TimedOut, Unreachable) as stopped:
                    yield from self._give_up(stopped, source)
                    break
                self._send(source)
                yield from self._received()
        finally:
            for key in list(self._out):
                self._take(key)
        if self._ended is not None:
            raise self._ended

    def _send(self, source: Iterator[Shard]) -> None:
        """Send out as many shards as the workers of the site can read at a time and as many more, so that none of them waits for us."""
        while len(self._out) < min(2 * self._site.slots, _MOST) and (sent := self._next()) is not None:
            self._number += 1
            key = f"{self._prefix}-{self._number}"
            sent.times += 1
            self._out[key] = sent
            self._listeners[key] = partial(self._heard, sent)
            sent.future = self._submit(key, sent.shard)
            sent.future.add_done_callback(lambda future: self._arrived.put(future.key))
            self._draw(source)

    def _next(self) -> _Sent | None:
        """The shard to be sent next; None where there is none, or it is held back for the sake of the rate."""
        if self._again:
            return self._again.popleft()
        if self._held is None or monotonic() < self._held[1]:
            return None
        sent, self._held = self._held[0], None
        return sent

    def _draw(self, source: Iterator[Shard]) -> None:
        """Have the next shard at hand, where there is one."""
        if self._held is not None or self._drawn:
            return
        try:
            shard = next(source, None)
        except ConnectorError as error:
            shard, self._ended = None, error
        if shard is None:
            self._drawn = True
        else:
            self._held = _Sent(shard), monotonic() + self._connector.pace.delay(shard.bytes)

    def _received(self) -> Answers:
        """The answers of the shards that have come back, after waiting a moment for one."""
        left = self._connector.deadline.remaining()
        try:
            key = self._arrived.get(timeout=_LOOK if left is None else min(_LOOK, left))
        except queue.Empty:
            # Waiting for a worker to begin is no silence of the place; the site says when that has lasted too long.
            if not any(sent.begun for sent in self._out.values()):
                self._connector.pace.add()
            return
        if key in self._out:
            yield from self._settle(key)

    def _settle(self, key: str) -> Answers:
        sent = self._out[key]
        try:
            report = _report(sent)
        except TimeoutError:  # the worker that held the report was lost with it, or the line is slow
            self._arrived.put(key)
            return
        except (CancelledError, OSError) as error:
            if sent.times < _OFTEN:
                self._again.append(self._take(key))
                return
            report = Unreachable(f"the scheduler lost what it was given, {sent.times} times ({type(error).__name__})")
        self._take(key)
        if isinstance(report, ConnectorError):
            yield from ((entry, report) for entry, _ in sent.shard.wanted)
            return
        for call, times in report.calls:
            self._connector.calls.record(call, f"{sent.shard.about}, by {report.worker}", times=times)
        read = sum(answer.size for answer in report.answers.values() if isinstance(answer, Digests) and not answer.there)
        self._connector.pace.add(max(0, read - sent.told))
        yield from ((entry, report.answers[place]) for place, (entry, _) in enumerate(sent.shard.wanted))

    def _heard(self, sent: _Sent, amount: int) -> None:
        sent.begun = True
        sent.told += amount
        self._connector.pace.add(amount)

    def _give_up(self, stopped: ConnectorError, source: Iterator[Shard]) -> Answers:
        """The same answer to everything that has none."""
        held = [] if self._held is None else [self._held[0]]
        self._held = None
        left = [*(self._take(key) for key in list(self._out)), *self._again, *held]
        for sent in left:
            yield from ((entry, stopped) for entry, _ in sent.shard.wanted)
        if not self._drawn:
            for shard in source:
                yield from ((entry, stopped) for entry, _ in shard.wanted)

    def _take(self, key: str) -> _Sent:
        """A shard that is waited for no longer. Dask then forgets it; a worker that has begun it reads on to its end."""
        sent = self._out.pop(key)
        self._listeners.pop(key, None)
        if sent.future is not None:
            sent.future.release()
            sent.future = None
        return sent


def _report(sent: _Sent) -> Report | ConnectorError:
    """What a worker reported, or why there will never be a report. Raises TimeoutError, CancelledError or OSError where it is not here."""
    future = sent.future
    if future is None or future.cancelled():
        raise CancelledError
    error = future.exception(timeout=_FETCH)
    if isinstance(error, KilledWorker):
        return ConnectorError(f"{error.allowed_failures + 1} workers, one after the other, ended while they read it; their logs say why")
    if error is not None:
        return ConnectorError(f"a worker could not run it; is the same drcheck installed there? {type(error).__name__}: {error}")
    # Guarded: where the report was lost with its worker, the shard is read again, and may fail as anything does that others run.
    fetched = guarded(partial(_fetched, future))
    if isinstance(fetched, CancelledError | OSError):
        raise fetched
    return fetched if isinstance(fetched, ConnectorError) else _understood(fetched, sent.shard)


def _fetched(future: Future[bytes]) -> bytes | CancelledError | OSError:
    try:
        return future.result(timeout=_FETCH)
    except (CancelledError, OSError) as error:
        return error


def _understood(fetched: bytes, shard: Shard) -> Report | ConnectorError:
    try:
        return Report.from_bytes(fetched, shard)
    except Malformed as malformed:
        return malformed
