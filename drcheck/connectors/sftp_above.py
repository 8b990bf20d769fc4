"""The folders above files of an SFTP server that are read many at once: what a look at them showed, and which files wait for one."""

from __future__ import annotations

import stat
from typing import Generic, TypeVar

from drcheck.connectors.sftp_answers import Attributes
from drcheck.errors import ConnectorError, NotThere, Unsupported
from drcheck.model import printable

T = TypeVar("T")
TOGETHER = 64
"""Finished files of one folder that one look serves, at most."""
ENOUGH = 64 * 2**20
"""Bytes of finished files of one folder that do not wait for more: whoever is killed before the look has read them for nothing."""


class Above(Generic[T]):
    """
    The folders from below the root down to one that files are read from.

    Attributes:
        name: the key of the last one; empty for the root itself.
        paths: theirs, from the top.
        asked: whether the first look was asked for.
        sound: whether it showed them to be folders and no links.
        waiting: files that wait for it.
        finished: files that wait for one more look, before their answer can be given.
        finished_bytes: what was read of them.
        busy: how many files that are not finished are begun.
    """

    __slots__ = ("asked", "busy", "finished", "finished_bytes", "name", "paths", "sound", "waiting")

    def __init__(self, name: str, paths: list[bytes]) -> None:
        self.name = name
        self.paths = paths
        self.asked = False
        self.sound = not paths
        self.waiting: list[T] = []
        self.finished: list[T] = []
        self.finished_bytes = 0
        self.busy = 0

    @property
    def due(self) -> bool:
        """Whether it is time for a look, for the files that are finished."""
        return bool(self.finished) and (not self.busy or len(self.finished) >= TOGETHER or self.finished_bytes >= ENOUGH)

    def finish(self, file: T, size: int) -> None:
        """Have one more file wait, of which so many bytes were read."""
        self.finished.append(file)
        self.finished_bytes += size

    def take(self) -> list[T]:
        """The files that wait, for which the look is now made."""
        taken, self.finished, self.finished_bytes = self.finished, [], 0
        return taken


class Look:
    """One look at some paths: what the answers were, in the order of the paths, once they are all there."""

    __slots__ = ("found", "left")

    def __init__(self, count: int) -> None:
        self.found: list[Attributes | ConnectorError] = [NotThere("is not there")] * count
        self.left = count

    def note(self, index: int, found: Attributes | ConnectorError) -> bool:
        """Keep one answer; whether it was the last."""
        self.found[index] = found
        self.left -= 1
        return not self.left

    def fault(self, key: str) -> ConnectorError | None:
        """What speaks against reading the file at `key` below these paths; None where each is a folder."""
        shown = printable(key)
        for found in self.found:
            if isinstance(found, ConnectorError) and not isinstance(found, NotThere):
                return found
            if isinstance(found, Attributes) and found.mode is not None and stat.S_ISLNK(found.mode):
                return Unsupported(f"{shown}: a symbolic link leads there, which is never followed")
            if isinstance(found, NotThere) or not found.folder:
                return NotThere(f"{shown}: is not there")
        return None
