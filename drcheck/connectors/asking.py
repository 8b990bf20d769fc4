"""Asking one question about many things at once: waiting for a far place costs time, and not much else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from drcheck.clock import Deadline
from drcheck.connectors.base import guarded
from drcheck.errors import ConnectorError, TimedOut

T = TypeVar("T")
R = TypeVar("R")

_GRACE_SECONDS = 5.0


def ask_many(things: Iterable[T], ask: Callable[[T], R], *, threads: int, deadline: Deadline) -> Iterator[tuple[T, R | ConnectorError]]:
    """
    What `ask` returns for each thing, or the error that it raised, in any order.

    Twice as many things as threads are drawn ahead, at the most. The threads are daemons and end after the question that they are asking. Raises what
    drawing raises, once what is being asked has its answer; TimedOut where an answer stays out.
    """
    work: SimpleQueue[T | None] = SimpleQueue()
    answers: SimpleQueue[tuple[T, R | ConnectorError]] = SimpleQueue()
    stopped = threading.Event()

    def serve() -> None:
        while (thing := work.get()) is not None and not stopped.is_set():
            answers.put((thing, guarded(partial(ask, thing))))

    source, started, waiting, drawn = iter(things), 0, 0, True
    ended: BaseException | None = None
    try:
        while drawn or waiting:
            if drawn and waiting < 2 * threads:
                try:
                    thing = next(source)
                except StopIteration:
                    drawn = False
                    continue
                except ConnectorError as error:
                    drawn, ended = False, error
                    continue
                work.put(thing)
                waiting += 1
                if started < min(threads, waiting):
                    threading.Thread(target=serve, name="asking", daemon=True).start()
                    started += 1
            else:
                left = deadline.remaining()
                try:
                    answer = answers.get(timeout=None if left is None else left + _GRACE_SECONDS)
                except Empty:
                    raise TimedOut(f"not finished within its deadline of {deadline.seconds:g} s") from None
                waiting -= 1
                yield answer
    finally:
        stopped.set()
        for _ in range(started):
            work.put(None)
    if ended is not None:
        raise ended
