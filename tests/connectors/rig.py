"""What a connector is tried out on: a real place, the names that it must hold, and how it is made to misbehave."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from drcheck.connectors.base import Connector

MIB = 2**20
LARGE_SIZE = 2**31 + 3 * MIB + 17
"""More than a signed 32-bit number holds, and no multiple of any chunk."""
LARGE_TAIL = b"the last bytes of a large object"
MANY = 10_001
"""One more than ten pages of a thousand."""

NAMES = (
    "plain",
    "with space",
    " leading and trailing ",
    "line\nend",
    "carriage\rreturn",
    "tab\tstop",
    "escape\x1b[31m",
    "single'quote",
    'double"quote',
    "-rf",
    "--help",
    "..x",
    "a..b",
    "...",
    ".hidden",
    "%",
    "100%25",
    "%2e%2e%2fup",
    "%00",
    "back\\slash",
    "..\\up",
    "star*?[a-z]{1,2}",
    "$HOME `id` $(id); & | < >",
    "=1+1",
    "+plus&and=equals#hash?query",
    "semi;colon:colon",
    "~",
    "CON",
    "trailing dot.",
    "caf\u00e9",
    "cafe\u0301",
    "\u540d\u524d",
    "\U0001f600",
    "\ue000 and \U00010000",
    "\u202egnp.exe",
    "n" * 255,
)
"""
Names that are hard for somebody: a shell, a URL, XML, Unicode, a terminal, Windows.

`\\ue000` sorts before `\\U00010000` in UTF-8, and after it in UTF-16.
"""

NOT_UTF8 = os.fsdecode(b"latin-1 caf\xe9 \xff\xfe")
"""A name whose bytes are not UTF-8, as Python shows it."""

CLIMBING = ("../up", "folder/../up", "./here", "double//slash", "folder/.", "..")
"""Keys that are plain names to a flat store, and a way out of the folder to a file system."""


class Rig(ABC):
    """
    A real place to try a connector on. Everything here goes behind the connector's back, with an identity that may write.

    Keys are as in `Entry.key`; folders come into being as needed. A method that the kind of place cannot have stays as it is, and the tests
    that need it are named in `ConnectorContract.cannot`.
    """

    cannot_hold: ClassVar[Mapping[str, str]] = {}
    """Names of `NAMES`, `CLIMBING` and `NOT_UTF8` that the store refuses to hold, each with the reason."""

    flat: ClassVar[bool] = False
    """Whether one key can be an object and the folder of other objects too (`a` and `a/b`)."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._made: set[str] = set()

    def folder(self) -> str:
        """The key of a folder that no other test uses; it does not exist yet."""
        return f"t{next(self._numbers):04d}"

    @abstractmethod
    def put(self, key: str, content: bytes) -> None:
        """Make an object, or replace its content (in place, where the store has such a thing)."""

    @abstractmethod
    def put_large(self, key: str, size: int) -> None:
        """Make an object of `size` bytes as cheaply as the store can: zeros, with `LARGE_TAIL` as its last bytes."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove an object."""

    @abstractmethod
    def connector(self, *, seconds: float | None = 30.0, **options: Any) -> Connector:
        """A connector to this place, not opened, with a deadline of `seconds` from now; `options` replace those that the rig would give."""

    @abstractmethod
    def snapshot(self) -> object:
        """
        Everything there that reading must not change, comparable with `==`: names, sizes, digests (of what is below 1 MiB), modes, times in
        ns, lock files, versions. Without access times.
        """

    @abstractmethod
    def deny_listing(self, folder: str) -> AbstractContextManager[Connector]:
        """Within it, the connector given (not opened) may not list `folder`, and may read what lies in it."""

    @abstractmethod
    def deny_reading(self, key: str) -> AbstractContextManager[Connector]:
        """Within it, the connector given (not opened) may list the folder of `key`, and may not read `key`."""

    @abstractmethod
    def unreachable(self) -> Connector:
        """A connector to a place that does not answer, or is not there, with a deadline of 5 s."""

    def put_many(self, folder: str, count: int) -> None:
        """Make `count` small objects below `folder`, named `object-00000` and so on."""
        for number in range(count):
            self.put(f"{folder}/object-{number:05d}", b"%d" % number)

    def once(self, name: str, make: Callable[[str], None]) -> str:
        """The folder called `name`, made by `make` when first asked for: for what is dear to make."""
        if name not in self._made:
            make(name)
            self._made.add(name)
        return name

    def link(self, key: str, target: str) -> None:
        """Make a symbolic link to `target` (a path as the operating system there understands it, relative to the link or absolute)."""
        raise NotImplementedError

    def pipe(self, key: str) -> None:
        """Make a named pipe that nobody writes to."""
        raise NotImplementedError

    def archive(self, key: str, content: bytes) -> None:
        """Make an object in a storage class that cannot be read without a restore job."""
        raise NotImplementedError

    def hanging(self, seconds: float) -> Connector:
        """A connector, with a deadline of `seconds` from now, to a place that accepts and never answers."""
        raise NotImplementedError

    def cut_off(self, key: str) -> Connector:
        """A connector to a place that closes half-way through every read of `key` (which holds 4 MiB or more)."""
        raise NotImplementedError

    def wrong_credentials(self) -> Connector:
        """A connector whose credentials the place refuses."""
        raise NotImplementedError

    def unresolvable_credentials(self) -> Connector:
        """A connector whose credential reference leads nowhere."""
        raise NotImplementedError

    def impostor(self) -> Connector:
        """A connector to a place that is not the one that was pinned: another host key, another certificate."""
        raise NotImplementedError

    def skewed(self, seconds: float) -> Connector:
        """A connector to a place whose clock is `seconds` ahead of ours."""
        raise NotImplementedError
