"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from drcheck.errors import OutputError


def write_whole(path: Path, content: bytes, *, private: bool = False, guarded: bool = False) -> None:
    """
    Put `content` at `path`: written beside it, flushed to the disk, then renamed, so that a reader sees the old file or the new one.

    A symbolic link stays, and what it leads to is replaced. What is no file, such as /dev/null or a pipe, is written to and never replaced. A new
    file has the mode that the umask says, and one that is replaced keeps its mode. Whatever these say, what is `private` has the mode 0600, and what
    is `guarded` can be changed by nobody but this user.

    Raises:
        OutputError: it could not be written; what was at `path` is untouched.
    """
    write_streamed(path, (content,), private=private, guarded=guarded)


def write_streamed(path: Path, chunks: Iterable[bytes], *, private: bool = False, guarded: bool = False) -> None:
    """
    Put everything in `chunks` at `path`, as `write_whole` does, without holding it in memory.

    Raises:
        OutputError: it could not be written; what was at `path` is untouched, as it is when `chunks` raises.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.writelines(chunks)
        else:
            _replace(Path(os.path.realpath(path)), chunks, private=private, guarded=guarded)
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}") from error


def _replace(path: Path, chunks: Iterable[bytes], *, private: bool, guarded: bool) -> None:
    # For nobody but this user until it is whole. A part of the name only: the whole one can be as long as a name may be.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        mode = 0o600 if private else path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode & ~0o022 if guarded else mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _umask() -> int:
    # It can only be read by setting it. Not to 0: another thread may make a file in this moment.
    current = os.umask(0o077)
    os.umask(current)
    return current
