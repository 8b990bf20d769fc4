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
"""
Bytes read at a time: a small file is one read. What fits the processor's own cache is hashed fastest; copied into it, twice as fast as out of a
mapping of the file on the machine on which both were measured, where the copy cost a fifth of the time.
"""

READ, AGAIN, CUT, CHANGED, FAILED = range(5)

Answer = tuple[int, int, tuple[str, ...]]
"""READ, the size and the digests in the order wanted; without digests: AGAIN, CUT after so many bytes, CHANGED, or FAILED with an error number."""

Counts = tuple[int, int, int, int]
"""How often was opened, looked and read, and how many bytes were read."""

Step = Callable[[int, int], int]
"""
Told how many bytes were read since it was last asked, and how many more a large file has: says how many of them may be read before it is asked
again, and 0 where nobody waits for them any more. Between small files it is told of no more, and only listens.
"""

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_AGAIN: Answer = (AGAIN, 0, ())
_NEVER = frozenset((b"", b".", b".."))
_SOME = 16
"""Small files between two steps."""


class Reader:
    """Reads below one open root. Holds one buffer and the folders that lead to the last file."""

    def __init__(self, root: int, step: Step) -> None:
        """`step` is asked before each part of a large file, and after some small ones."""
        self._root = root
        self._step = step
        self._buffer = memoryview(bytearray(BUFFER + 1))  # a file that has grown to more than fits shows
        self._into = [self._buffer]
        self._prepared: dict[Sequence[str], list[Hasher]] = {}
        self._path: list[tuple[bytes, int]] = []
        self._noatime = NOATIME
        self._nowait = bool(_NOWAIT and hasattr(os, "posix_fadvise"))
        self._folders = self._looks = self._reads = self._bytes = 0

    def counted(self) -> Counts:
        """What was done since the last time, but for the bytes that `step` was told."""
        counts = self._folders + self._reads, self._looks, self._reads, self._bytes
        self._folders = self._looks = self._reads = self._bytes = 0
        return counts

    def block(self, keys: Sequence[bytes], algorithms: Sequence[Sequence[str]]) -> list[Answer]:
        """The answer to each key, in order."""
        answers: list[Answer] = []
        above: bytes | None = None
        folder = self._root
        try:
            for number, (key, wanted) in enumerate(zip(keys, algorithms, strict=True), 1):
                prefix, _, name = key.rpartition(b"/")
                try:
                    if prefix != above:
                        above = None
                        folder = self._folder(prefix)
                        above = prefix
                    answers.append(self._file(name, folder, wanted))
                except (OSError, ValueError):  # ValueError: a NUL in a name, or an algorithm that is not known
                    answers.append(_AGAIN)
                if not number % _SOME:
                    self._tell(0)
        finally:
            # Not kept for the next block: whoever moves a folder elsewhere meanwhile is noticed.
            self._keep(0)
        return answers

    def _tell(self, more: int) -> int:
        done, self._bytes = self._bytes, 0
        return self._step(done, more)

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
            self._folders += 1
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
        self._looks += 1
        if not stat.S_ISREG(before.st_mode):
            return _AGAIN
        try:
            descriptor = os.open(name, BELOW | self._noatime, dir_fd=folder)
        except PermissionError as error:
            if error.errno != errno.EPERM or not self._noatime:
                raise
            self._noatime = 0  # for the rest of this folder: its files most likely have one owner
            descriptor = os.open(name, BELOW, dir_fd=folder)
        self._reads += 1
        try:
            if before.st_size > BUFFER:
                return self._large(descriptor, before, prepared)
            size = self._small(descriptor)
            self._bytes += size
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        # The first three are mode, inode and device. A mode that was changed is no harm, and is so rare that it need not be told apart here.
        if size != before.st_size or size != after.st_size or before[:3] != after[:3] or before.st_mtime_ns != after.st_mtime_ns:
            return _AGAIN
        content = self._buffer[:size]
        if len(prepared) == 1:
            copy = prepared[0].copy()
            copy.update(content)
            return READ, size, (copy.hexdigest(),)
        hashers = [each.copy() for each in prepared]
        for each in hashers:
            each.update(content)
        return READ, size, tuple(each.hexdigest() for each in hashers)

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
        done, leave = 0, 0
        try:
            while done < before.st_size:
                if leave <= 0 and not (leave := self._tell(before.st_size - done)):
                    return _AGAIN
                size = os.readv(descriptor, [self._buffer[: min(BUFFER, leave)]])
                if not size:
                    return (CUT, done, ())
                done += size
                leave -= size
                self._bytes += size
                content = self._buffer[:size]
                for each in hashers:
                    each.update(content)
                cache.passed(done)
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
