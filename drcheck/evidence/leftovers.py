"""
Working folders of exports, and what is left of one that was killed.

A working folder holds a file that is locked for as long as its process lives, which the system lets go of whatever ends it. So what is locked is left
alone, and what is not was left behind. Where there are no such locks (on Windows, and on some network file systems) nothing is ever removed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from drcheck.model import printable

PREFIX = ".drcheck-"
"""How the name of a working folder begins."""
_MARK = "export.lock"
_NEW = "export.lock.new"
"""The same before it is locked: a folder that has this alone may belong to a process that lives."""
_OWN = frozenset({_MARK, "pack", "pack.packed", "new.tar.gz", "new.zip", "new.zip.packed", "new.tar.gz.packed"})
"""Everything that an export makes in its working folder."""
_SCHEMA = "drcheck.export/1"
_LONGEST = 4096
_LOG = logging.getLogger(__name__)


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """
    A folder in `parent` that only this user can enter; thrown away at the end, or by the next one where this process is killed.

    Raises:
        OSError: it could not be made.
    """
    remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    with _marked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Remove the working folders in `parent` that this user's exports on this machine left behind when they were killed, and say so in the log."""
    if find_spec("fcntl") is None:
        return
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
        for name in names:
            _remove_if_left(parent / name)


def _remove_if_left(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError, RecursionError), contextlib.ExitStack() as stack:
        if not _is_own(folder):
            return
        descriptor = os.open(folder / _MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        stack.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        _lock(descriptor)  # raises where its process lives
        said = json.loads(os.read(descriptor, _LONGEST))
        # A lock of another machine is not seen on every network file system.
        if not isinstance(said, dict) or (said.get("schema"), said.get("host")) != (_SCHEMA, socket.gethostname()):
            return
        shutil.rmtree(folder)
        _LOG.warning("removed %s, which an export left behind that was killed: process %s", printable(str(folder)), printable(str(said.get("pid"))))


def _is_own(folder: Path) -> bool:
    """Whether it is a folder of this user's that nobody else can enter, in which there is a mark and nothing but what an export makes."""
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077 and found.st_uid == os.geteuid()
    names = set(os.listdir(folder)) if private else set()
    return _MARK in names and names <= _OWN


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """Hold the lock of a working folder; where there can be none, the folder has no mark."""
    with contextlib.ExitStack() as stack:
        if find_spec("fcntl") is not None:
            new = folder / _NEW
            try:
                descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                stack.callback(os.close, descriptor)
                os.write(descriptor, json.dumps({"schema": _SCHEMA, "host": socket.gethostname(), "pid": os.getpid()}).encode())
                _lock(descriptor)
                new.rename(folder / _MARK)
            except OSError:
                with contextlib.suppress(OSError):
                    new.unlink()
        yield


def _lock(descriptor: int) -> None:
    """Lock a file until it is closed or this process ends. Raises OSError where another holds the lock, or there can be none."""
    import fcntl  # Windows has none

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
