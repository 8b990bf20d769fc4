"""
Reading many files of this machine whole, one after the other, as fast as one process can: what the workers of local_pool.py do.

Keys come in order, so folders stay open from one file to the next; whatever is out of the ordinary is not judged here but answered with AGAIN, and
is then read the careful way (drcheck/connectors/tree.py), which says what is wrong. A digest is answered only where that way would have given
the same: no part of the key is a link, and the file is the same one, of the same size and time, before and after it was read. Imports as
little as it can: a worker that starts is waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence

from drcheck.connectors.open_flags import BELOW, NOATIME, PASS
from drcheck.digests import Hasher, hasher

BUFFER = 256 << 10
"""Bytes read at a time: a small file is one read. What fits the processor's own cache is hashed fastest."""

READ, AGAIN, CUT, CHANGED, FAILED = range(5)

Answer = tuple[int, int, tuple[str, ...]]
"""READ, the size and the digests in the order wanted; without digests: AGAIN, CUT after so many bytes, CHANGED, or FAILED with an error number."""

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_AGAIN: Answer = (AGAIN, 0, ())
_NEVER = frozenset((b"", b".", b".."))


class Reader:
    """
    Reads below one open root. Holds one buffer and the folders that lead to the last file.

    Attributes:
        opens, looks, reads: how many calls of each kind were made, until `counted` starts anew.
    """

    def __init__(self, root: int, go_on: Callable[[], bool] = lambda: True) -> None:
        """`go_on` is asked between the chunks of a large file; where it says no, the process ends or is about to."""
        self._root = root
        self._go_on = go_on
        self._buffer = memoryview(bytearray(BUFFER + 1))  # a file that has grown to more than fits shows
        self._into = [self._buffer]
        self._whole = [self._buffer[:BUFFER]]
        self._prepared: dict[Sequence[str], list[Hasher]] = {}
        self._path: list[tuple[bytes, int]] = []
        self._noatime = NOATIME
        self._nowait = bool(_NOWAIT and hasattr(os, "posix_fadvise"))
        self.opens = self.looks = self.reads = 0

    def counted(self) -> tuple[int, int, int]:
        """The calls made since the last time: opening, looking, reading."""
        counts = self.opens, self.looks, self.reads
        self.opens = self.looks = self.reads = 0
        return counts

    def block(self, keys: Sequence[bytes], algorithms: Sequence[Sequence[str]]) -> list[Answer]:
        """The answer to each key, in order."""
        answers: list[Answer] = []
        above: bytes | None = None
        folder = self._root
        try:
            for key, wanted in zip(keys, algorithms, strict=True):
                prefix, _, name = key.rpartition(b"/")
                try:
                    if prefix != above:
                        above = None
                        folder = self._folder(prefix)
                        above = prefix
                    answers.append(self._file(name, folder, wanted))
                except (OSError, ValueError):  # ValueError: a NUL in a name, or an algorithm that is not known
                    answers.append(_AGAIN)
        finally:
            # Not kept for the next block: whoever moves a folder elsewhere meanwhile is noticed.
            self._keep(0)
        return answers

    def _folder(self, prefix: bytes) -> int:
        """The descriptor of the folder at `prefix`; those above it that the last one had too are still open."""
        parts = prefix.split(b"/") if prefix else []
        same = 0
        for part, (kept, _) in zip(parts, self._path, strict=False):
            if part != kept:
                break
            same += 1
        self._keep(same)
        self._noatime = NOATIME
        for part in parts[same:]:
            if part in _NEVER:
                raise ValueError("no name of a file")
            above = self._path[-1][1] if self._path else self._root
            self._path.append((part, os.open(part, BELOW | PASS, dir_fd=above)))
            self.opens += 1
        return self._path[-1][1] if self._path else self._root

    def _keep(self, number: int) -> None:
        while len(self._path) > number:
            os.close(self._path.pop()[1])

    def _file(self, name: bytes, folder: int, wanted: Sequence[str]) -> Answer:
        if name in _NEVER:
            raise ValueError("no name of a file")
        prepared = self._prepared.get(wanted)
        if prepared is None:
            prepared = self._prepared[wanted] = [hasher(algorithm) for algorithm in wanted]
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        self.looks += 1
        if not stat.S_ISREG(before.st_mode):
            return _AGAIN
        descriptor = self._open(name, folder)
        self.opens += 1
        self.reads += 1
        try:
            if before.st_size > BUFFER:
                return self._large(descriptor, before, prepared)
            size = self._small(descriptor)
            after = os.fstat(descriptor)
            if size != before.st_size or not _same(before, after):
                return _AGAIN
        finally:
            os.close(descriptor)
        content = self._buffer[:size]
        digests = []
        for each in prepared:
            copy = each.copy()
            copy.update(content)
            digests.append(copy.hexdigest())
        return READ, size, tuple(digests)

    def _open(self, name: bytes, folder: int) -> int:
        try:
            return os.open(name, BELOW | self._noatime, dir_fd=folder)
        except PermissionError as error:
            if error.errno != errno.EPERM or not self._noatime:
                raise
            self._noatime = 0  # for the rest of this folder: its files most likely have one owner
            return os.open(name, BELOW, dir_fd=folder)

    def _small(self, descriptor: int) -> int:
        """Read a file that fits the buffer; its size."""
        if not self._nowait:
            return os.readv(descriptor, self._into)
        try:
            # Answers only where everything is in memory already, so that otherwise it is known who brought it there.
            return os.preadv(descriptor, self._into, 0, _NOWAIT)
        except BlockingIOError:
            size = os.readv(descriptor, self._into)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            return size
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self._nowait = False  # a file system that cannot answer so
            return os.readv(descriptor, self._into)

    def _large(self, descriptor: int, before: os.stat_result, prepared: list[Hasher]) -> Answer:
        from drcheck.connectors.page_cache import PageCache

        if not _same(before, os.fstat(descriptor)):
            return _AGAIN
        hashers = [each.copy() for each in prepared]
        cache = PageCache(descriptor, before.st_size)
        done = 0
        try:
            while done < before.st_size:
                size = os.readv(descriptor, self._whole)
                if not size:
                    return (CUT, done, ())
                done += size
                content = self._buffer[:size]
                for each in hashers:
                    each.update(content)
                cache.passed(done)
                if not self._go_on():
                    return _AGAIN
            after = os.fstat(descriptor)
        except OSError as error:
            return (FAILED, error.errno or errno.EIO, ())
        if done != before.st_size or not _same(before, after):
            return (CHANGED, 0, ())
        return READ, done, tuple(each.hexdigest() for each in hashers)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    # Not the change time: a new hard link or mode changes it, and the content stays.
    return (
        before.st_ino == after.st_ino
        and before.st_size == after.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_dev == after.st_dev
        and stat.S_ISREG(after.st_mode)
    )
