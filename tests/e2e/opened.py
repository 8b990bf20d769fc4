"""Every file that anybody reads below a folder, told by the system (inotify): what was read can be counted without asking whoever read it."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_ACCESS, _OPEN, _OVERFLOW, _FOLDER = 0x1, 0x20, 0x4000, 0x40000000
_EVENT = struct.Struct("iIII")


class Opened:
    """
    Everything that is opened and read below a folder, from now on; folders that are made later are not watched. Linux only.

    Attributes:
        files: the names of files, relative to the folder, in the order in which reading them began since `begin`; each as often as it was opened
            for that. One that is opened only to be asked about is not among them.
        folders: the names of folders that were opened, such as to be listed.
    """

    def __init__(self, folder: Path) -> None:
        self.files: list[str] = []
        self.folders: list[str] = []
        self._system = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._descriptor >= 0, os.strerror(ctypes.get_errno())
        self._names: dict[int, str] = {}
        self._unread: set[str] = set()
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            watch = self._system.inotify_add_watch(self._descriptor, os.fsencode(path), _OPEN | _ACCESS)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._names[watch] = "" if path == folder else f"{path.relative_to(folder)}/"
        self.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._descriptor)

    def begin(self) -> None:
        """Forget what was opened so far."""
        self.look()
        self.files.clear()
        self.folders.clear()

    def look(self) -> None:
        """Take note of what was opened until now."""
        while True:
            try:
                events = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                return
            while events:
                watch, mask, _, length = _EVENT.unpack_from(events)
                assert not mask & _OVERFLOW, "more was opened than the system could tell of"
                name = events[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                events = events[_EVENT.size + length :]
                name = f"{self._names[watch]}{name}"
                if mask & _FOLDER and mask & _OPEN:
                    self.folders.append(name.rstrip("/"))
                elif mask & _OPEN:
                    self._unread.add(name)
                elif name in self._unread:
                    self._unread.remove(name)
                    self.files.append(name)

    def until(self, seen: Callable[[Self], bool], *, process: subprocess.Popen[str], seconds: float = 60) -> None:
        """Wait until what was opened is as `seen` wants it; the test fails where that does not come before the process ends."""
        end = time.monotonic() + seconds
        while True:
            running = process.poll() is None
            self.look()
            if seen(self):
                return
            there = f"opened were {len(self.files)} files and {len(self.folders)} folders"
            assert running, f"it ended with {process.returncode}; {there}; {process.stderr.read() if process.stderr else ''}"
            assert time.monotonic() < end, there
            select.select([self._descriptor], [], [], 0.1)
