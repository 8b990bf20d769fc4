"""
The page cache left as it was found: pages that only our reading brought in are given back.

A nightly reading of terabytes would otherwise push out of memory what the machine's other work needs. Only pages that were not there before
are let go: what somebody else uses stays. Where the system does not tell (it does so for the owner, for who may write, and for root: mincore(2)),
or cannot let go (posix_fadvise(2)), nothing is done. See docs/connectors/local.md.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import sys

SUPPORTED = sys.platform == "linux" and hasattr(os, "posix_fadvise")

_WINDOW = 64 << 20
_ABSENT = re.compile(rb"\x00+")
_RESIDENT = bytes(number & 1 for number in range(256))  # the other bits of mincore's answer mean nothing
_MAP_FAILED = ctypes.c_void_p(-1).value


class PageCache:
    """
    The pages of one open file that is read from its start to its end.

    Reading brings in pages ahead of itself, so each window is looked at while the one before it is still to be read.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size if SUPPORTED else 0
        self._behind = 0  # everything before it was let go
        self._seen = 0  # everything before it was looked at
        self._absent: list[tuple[int, int]] = []
        self.passed(0)

    def passed(self, position: int) -> None:
        """Everything before `position` was read: let go of it, and look at what comes next."""
        while self._seen < min(self._size, self._next(position) + _WINDOW):
            length = min(_WINDOW, self._size - self._seen)
            self._absent += ((self._seen + start, size) for start, size in absent(self._descriptor, self._seen, length))
            self._seen += length
        done = self._size if position >= self._size else position // _WINDOW * _WINDOW
        if done > self._behind:
            self._behind = done
            while self._absent and self._absent[0][0] < done:
                start, size = self._absent.pop(0)
                os.posix_fadvise(self._descriptor, start, size, os.POSIX_FADV_DONTNEED)

    @staticmethod
    def _next(position: int) -> int:
        return (position // _WINDOW + 1) * _WINDOW


def absent(descriptor: int, start: int, length: int) -> list[tuple[int, int]]:
    """The parts of `length` bytes of a file from `start` (a multiple of the page) that are not in memory; empty where it is not told."""
    libc = _libc()
    if libc is None or not length:
        return []
    address = libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, start)
    if address in (None, _MAP_FAILED):
        return []
    try:
        # Nothing is read through the mapping: a file that is cut short meanwhile cannot raise SIGBUS.
        answer = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
        if libc.mincore(address, length, answer):
            return []
    finally:
        libc.munmap(address, length)
    pages = answer.raw.translate(_RESIDENT)
    return [(run.start() * mmap.PAGESIZE, (run.end() - run.start()) * mmap.PAGESIZE) for run in _ABSENT.finditer(pages)]


def _libc() -> ctypes.CDLL | None:
    global _LIBC
    if _LIBC is None and SUPPORTED:
        _LIBC = ctypes.CDLL(None)
        _LIBC.mmap.restype = ctypes.c_void_p
        _LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
        _LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        _LIBC.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    return _LIBC


_LIBC: ctypes.CDLL | None = None
