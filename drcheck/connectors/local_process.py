"""A worker process of local_pool.py, as its parent sees it, and what it is given to read."""

from __future__ import annotations

import contextlib
import logging
import marshal
import os
import subprocess
import sys
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drcheck.connectors.base import Entry
from drcheck.connectors.local_worker import LENGTH, START, frame

log = logging.getLogger(__name__)

LARGE = 4 << 20
"""Bytes from which on an object is a block of its own."""
_PIPE = 1 << 16
_ABOVE = str(Path(__file__).parents[2])
"""Where drcheck lies, if no entry of the search path leads to it: Python is started without `site`, which takes longer than all the rest."""

Wanted = tuple[Entry, Collection[str]]


@dataclass(slots=True)
class Block:
    """Objects that one worker reads in one go: a few hundred small ones, or one large one."""

    wanted: list[Wanted] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    algorithms: list[tuple[str, ...]] = field(default_factory=list)
    names: int = 0
    bytes: int = 0
    deaths: int = 0

    @property
    def large(self) -> bool:
        return self.bytes >= LARGE and len(self.keys) == 1


class Process:
    """One process, and what it was given and has not answered, in order."""

    def __init__(self, root: int) -> None:
        """Start one that reads below the open folder `root`. Raises OSError where the system starts none."""
        self.given: deque[Block] = deque()
        self.ready = False
        """Whether it has said that it runs."""
        self._out = b""
        self._in = bytearray()
        command = [sys.executable, "-P", "-S", "-c", START, str(root), *sys.path, _ABOVE]
        self.process = subprocess.Popen(  # noqa: S603 - this very Python
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(root,), bufsize=0
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a process was started without its pipes")
        self.requests, self.answers = self.process.stdin, self.process.stdout
        os.set_blocking(self.requests.fileno(), False)
        os.set_blocking(self.answers.fileno(), False)

    def room(self, block: Block) -> bool:
        """Whether it may be given this block: a second one keeps it from waiting for us, but none waits behind a large file."""
        return not self.given or (len(self.given) == 1 and not self.given[0].large and not block.large)

    def give(self, block: Block, portion: int) -> None:
        """
        Send it a block, as far as the pipe takes it; `push` sends the rest.

        With a `portion` it asks for leave before it reads, for about so many bytes at a time: it must have no other block then.
        """
        self.given.append(block)
        self._send((block.keys, block.algorithms, block.bytes, portion))

    def leave(self) -> None:
        """Let it read the bytes that it has asked for."""
        self._send((True,))

    def _send(self, message: tuple[Any, ...]) -> None:
        self._out += frame(message)
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

    def receive(self) -> list[tuple[Any, ...]] | None:
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
            messages.append(marshal.loads(memoryview(self._in)[LENGTH.size : end]))  # noqa: S302 - from our own child
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
