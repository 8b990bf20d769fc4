"""What the threads of s3_readers.py are given to read, how far they are with it, and what they answer."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from drcheck.connectors.base import Entry
from drcheck.digests import Digests, Hasher
from drcheck.errors import ConnectorError


class Doubt(Enum):
    """Why an object has no answer yet."""

    ODD = "odd"
    """The server did not answer plainly: boto3 is to ask again, and finds the words."""
    REPLACED = "replaced"
    """It does not have the ETag that it was listed with."""


Outcome = Digests | ConnectorError | Doubt


class Answer(NamedTuple):
    """What became of one object."""

    entry: Entry
    algorithms: Collection[str]
    outcome: Outcome


@dataclass(slots=True)
class Whole:
    """An object that one thread reads."""

    entry: Entry
    algorithms: Collection[str]
    path: str


@dataclass(slots=True)
class InParts(Whole):
    """An object that one thread or several read, each one part after the other."""

    hashers: dict[str, Hasher]
    parts: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    readers: int = 1
    """Threads that are to read it at a time."""
    called: int = 1
    """Threads that read a part of it, or that are called for to do so."""
    asked: int = 0
    """Parts that a thread has taken on."""
    flying: int = 0
    """Of them, those that it is not done with."""
    hashed: int = 0
    read: dict[int, tuple[bytearray, int]] = field(default_factory=dict)
    """Parts that wait for those before them."""
    hashing: bool = False
    failed: ConnectorError | Doubt | None = None

    def more(self, most: int) -> None:
        """Have more threads read it, `most` in all: further parts are asked for while others are waited for. Its lock is held."""
        self.readers = min(most, self.readers * 2)

    def fewer(self) -> None:
        """Have fewer threads read it: hashing is the bound, and faster the sooner after reading it is done. Its lock is held."""
        self.readers = max(1, self.readers - 1)
