"""
A worker process of local_pool.py: takes blocks of keys from its standard input, and answers on its standard output.

Messages are marshalled (it is our own child, of the same Python) and preceded by their length. It ends when its parent does.
"""

from __future__ import annotations

import gc
import marshal
import os
import struct
from typing import Any

from drcheck.connectors.local_reader import Reader

LENGTH = struct.Struct("<I")
START = "import sys; sys.path[:] = sys.argv[2:]; from drcheck.connectors.local_worker import main; main(int(sys.argv[1]))"
"""The program of a worker; its arguments are the descriptor of the root and the parent's search path."""


def main(root: int) -> None:
    """Answer block after block until there are no more."""
    import signal

    # Ctrl-C reaches the whole group: the parent decides, and ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    parent = os.getppid()
    reader = Reader(root, lambda: os.getppid() == parent)
    _send(())
    while block := _receive():
        keys, algorithms = marshal.loads(block)  # noqa: S302 - from our own parent
        _send((reader.block(keys, algorithms), reader.counted()))


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
