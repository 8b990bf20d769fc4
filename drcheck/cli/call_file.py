"""The file that every call to every target is written to."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO


class CallFile:
    """Where each call is written as one JSON line. What goes wrong with it costs neither a fact nor the report, and is said at the end."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        self._failure: OSError | None = None

    def __enter__(self) -> None:
        if self._path is not None:
            try:
                self._file = open(self._path, "w", encoding="utf-8", opener=_open_private)
            except OSError as error:
                # Nothing was looked at yet: better now than after hours.
                self._failure = error
                self.insist()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                try:
                    file.close()
                except OSError as problem:
                    self._failure = self._failure or problem

    def write(self, at: datetime, target: str, call: str, subject: str, times: int) -> None:
        """Write a call, or so many alike, a line each. A target that was given up may still answer when the file is closed; that is of no matter."""
        from drcheck.clock import format_moment

        line = json.dumps({"at": format_moment(at), "target": target, "call": call, "subject": subject})
        with self._lock:
            if self._file is not None and self._failure is None:
                try:
                    self._file.write(f"{line}\n" * times)
                except OSError as error:
                    self._failure = error

    def insist(self) -> None:
        """Raises OutputError where a call could not be written."""
        from drcheck.errors import OutputError

        if self._failure is not None:
            raise OutputError(f"{self._path}: could not be written: {self._failure.strerror or self._failure}") from self._failure


def _open_private(path: str, flags: int) -> int:
    """For nobody but this user, also where the file was there: every object's name is in it."""
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.name == "posix" and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
