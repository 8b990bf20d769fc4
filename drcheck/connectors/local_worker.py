"""
A worker process of local_pool.py: takes blocks of keys from its standard input, and answers on its standard output.

Messages are marshalled (it is our own child, of the same Python) and preceded by their length. A block's answer is its last message; those before it
say how many bytes were read meanwhile and how many are to be read next, where that has to wait for leave. It ends when its parent does.
"""

from __future__ import annotations

import gc
import marshal
import os
import struct
from time import monotonic as _monotonic  # noqa: TID251 - drcheck.clock takes longer to import than all the rest
from typing import Any

from drcheck.connectors.local_reader import BUFFER, Reader

LENGTH = struct.Struct("<I")
START = "import sys; sys.path[:] = sys.argv[2:]; from drcheck.connectors.local_worker import main; main(int(sys.argv[1]))"
"""The program of a worker; its arguments are the descriptor of the root and the parent's search path."""
WINDOW = 32 << 20
"""Bytes of a large file between two looks at the clock and at the parent."""
_SILENT = 1.0
"""Seconds after which the parent is told what was read so far."""


def main(root: int) -> None:
    """Answer block after block until there are no more."""
    import signal

    # Ctrl-C reaches the whole group, and a service's end all of its processes: the parent decides, and ends us.
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)
    gc.disable()
    steps = _Steps()
    reader = Reader(root, steps)
    _send(())
    while block := _receive():
        keys, algorithms, size, portion = marshal.loads(block)  # noqa: S302 - from our own parent
        steps.begin(size, portion)
        answers = reader.block(keys, algorithms)
        *calls, read = reader.counted()
        _send((answers, calls, read + steps.untold))


class _Steps:
    """What is said between the parts of a block; see `drcheck.connectors.local_reader.Step`."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self.untold = 0
        """Bytes that were read and of which the parent was not told."""
        self.begin(0, 0)

    def begin(self, size: int, portion: int) -> None:
        """Begin a block of `size` bytes, of which so many are read each time that the parent gives leave; 0 where it need not be asked."""
        self._portion, self._leave, self.untold = portion, 0, 0
        self._last = _monotonic()
        if portion:
            self._ask(min(size, max(portion, BUFFER)))

    def __call__(self, read: int, more: int) -> int:
        self.untold += read
        self._leave -= read
        if self._portion and more and self._leave <= 0:
            self._ask(min(more, self._portion))
        elif _monotonic() - self._last > _SILENT:
            self._tell(0)
        if self._portion:
            return self._leave
        return WINDOW if os.getppid() == self._parent else 0

    def _ask(self, wanted: int) -> None:
        if wanted:
            self._tell(wanted)
            self._leave = wanted if _receive() else 0

    def _tell(self, wanted: int) -> None:
        _send((self.untold, wanted))
        self.untold = 0
        self._last = _monotonic()


def frame(message: tuple[Any, ...]) -> bytes:
    """A message as it is sent."""
    content = marshal.dumps(message)
    return LENGTH.pack(len(content)) + content


def _send(message: tuple[Any, ...]) -> None:
    content = memoryview(frame(message))
    try:
        while content:
            content = content[os.write(1, content) :]
    except BrokenPipeError:
        os._exit(0)  # the parent is gone, and nobody waits for anything


def _receive() -> bytes:
    return _exactly(LENGTH.unpack(head)[0]) if (head := _exactly(LENGTH.size)) else b""


def _exactly(size: int) -> bytes:
    """`size` bytes; empty where the parent closed its side."""
    parts = []
    while size:
        part = os.read(0, size)
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
