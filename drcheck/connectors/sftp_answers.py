"""
The fields of SFTP packets (protocol version 3, draft-ietf-secsh-filexfer-02, section 7). A short answer is an error, never filled up.

Names are bytes: the protocol does not say how they are encoded.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from paramiko import sftp

from drcheck.errors import AccessDenied, ConnectorError, Malformed, NotThere, Unreachable, Unsupported
from drcheck.model import printable

_READ_ONLY = 1  # SSH_FXE_STATVFS_ST_RDONLY
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 0x80000000

_BEYOND = 2**63
"""Bytes that no file can have: lengths of files are signed numbers of 64 bits (POSIX, off_t)."""


class ServerFailure(Unreachable):
    """
    The server answered `failure`, the word of the protocol for all that it has no other for, such as OpenSSH's for EIO and ESTALE.

    It speaks of the place, unless whoever asked about one object knows better.
    """


_STATUS: dict[int, tuple[type[ConnectorError], str]] = {
    sftp.SFTP_NO_SUCH_FILE: (NotThere, "is not there"),
    sftp.SFTP_PERMISSION_DENIED: (AccessDenied, "the server denies it to us"),
    sftp.SFTP_FAILURE: (ServerFailure, "the server could not do it"),
    sftp.SFTP_BAD_MESSAGE: (Malformed, "the server found the request wrong"),
    sftp.SFTP_NO_CONNECTION: (Unreachable, "the server has no connection to its store"),
    sftp.SFTP_CONNECTION_LOST: (Unreachable, "the server lost the connection to its store"),
    sftp.SFTP_OP_UNSUPPORTED: (Unsupported, "the server does not know this request"),
}


class Answer:
    """The body of one packet, taken apart from its beginning."""

    __slots__ = ("_at", "_body", "kind")

    def __init__(self, kind: int, body: bytes) -> None:
        self.kind = kind
        self._body = body
        self._at = 0

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._body)

    def number32(self) -> int:
        """The next 32-bit number."""
        return int.from_bytes(self._next(4), "big")

    def number64(self) -> int:
        """The next 64-bit number."""
        return int.from_bytes(self._next(8), "big")

    def text(self) -> bytes:
        """The next string."""
        return self._next(self.number32())

    def is_end(self) -> bool:
        """Whether this is the status for an end of file; reads nothing."""
        return self._is_status(sftp.SFTP_EOF)

    def is_failure(self) -> bool:
        """Whether this is the status for a failure that the protocol has no word for; reads nothing."""
        return self._is_status(sftp.SFTP_FAILURE)

    def expect(self, kind: int, shown: str) -> None:
        """
        Return where this is an answer of that kind about what is `shown`.

        Raises:
            ConnectorError: the server reports an error, or answers something else.
        """
        if self.kind == kind:
            return
        if self.kind != sftp.CMD_STATUS:
            raise Malformed(f"{shown}: the server answered with a packet of type {self.kind}")
        code = self.number32()
        said = printable(self.text().decode("utf-8", "replace")) if self.more() else ""
        error, what = _STATUS.get(code, (Malformed, f"the server answered with status {code}"))
        raise error(f"{shown}: {what}" + (f" ({said})" if said and error is not NotThere else ""))

    def _is_status(self, code: int) -> bool:
        return self.kind == sftp.CMD_STATUS and self._body[self._at : self._at + 4] == code.to_bytes(4, "big")

    def _next(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) != count:
            raise Malformed("the server's answer ends too early")
        self._at += count
        return taken


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the server says of one file."""

    size: int
    """Bytes; -1 where it does not say."""
    modified: int | None
    """Seconds since 1970, UTC; None where it does not say. The protocol knows whole seconds only."""
    mode: int | None
    """File type and permission bits; None where it does not say."""
    owner: int | None
    """The number of the user who owns it; None where the server does not say."""

    @property
    def regular(self) -> bool:
        """Whether it is a regular file of a known size."""
        return self.mode is not None and stat.S_ISREG(self.mode) and self.size >= 0

    @property
    def folder(self) -> bool:
        """Whether it is a directory."""
        return self.mode is not None and stat.S_ISDIR(self.mode)

    @classmethod
    def taken_from(cls, answer: Answer) -> Self:
        """The attributes that come next in an answer (section 5 of the draft)."""
        flags = answer.number32()
        size = answer.number64() if flags & _HAS_SIZE else -1
        if size >= _BEYOND:
            raise Malformed(f"the server tells of a file of {size} bytes, which no file system can hold")
        owner = answer.number64() >> 32 if flags & _HAS_OWNER else None
        mode = answer.number32() if flags & _HAS_MODE else None
        modified = answer.number64() & 0xFFFFFFFF if flags & _HAS_TIMES else None
        if flags & _HAS_MORE:
            for _ in range(answer.number32()):
                answer.text()
                answer.text()
        return cls(size, modified, mode, owner)


def as_number(value: int) -> bytes:
    """A 32-bit number as the protocol writes it."""
    return value.to_bytes(4, "big")


def as_text(value: bytes) -> bytes:
    """A string as the protocol writes it."""
    return as_number(len(value)) + value


def read_names(answer: Answer) -> Iterator[tuple[bytes, Attributes]]:
    """The names of one page of a listing, each with its attributes."""
    for _ in range(answer.number32()):
        name = answer.text()
        answer.text()  # the line that `ls -l` would print, which no specification fixes
        yield name, Attributes.taken_from(answer)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What statvfs@openssh.com says (OpenSSH PROTOCOL, section 4.4)."""

    id: int
    """The file system's number; 0 where it has none."""
    read_only: bool

    @classmethod
    def taken_from(cls, answer: Answer) -> Self:
        """The eleven numbers of the answer."""
        numbers = [answer.number64() for _ in range(11)]
        return cls(id=numbers[8], read_only=bool(numbers[9] & _READ_ONLY))
