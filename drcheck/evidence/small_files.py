"""Files that are read whole, and so must be small: keys, lists of signers, signatures, time stamps."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from drcheck.errors import EvidenceError

LARGEST = 1 << 20
"""Bytes of the largest file that is read."""


def read_small(path: Path, judge: Callable[[os.stat_result], None] = lambda _: None, missing: str = "") -> bytes:
    """
    Everything in the file at `path`.

    Args:
        judge: asked about the file that was opened, before any of it is read; it raises what it has against it.
        missing: what to do where there is no such file.

    Raises:
        EvidenceError: it could not be read, or is larger than `LARGEST`.
    """
    try:
        with path.open("rb") as file:
            judge(os.fstat(file.fileno()))
            content = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise EvidenceError(f"{path}: there is no such file" + (f"; {missing}" if missing else "")) from error
    except OSError as error:
        raise EvidenceError(f"{path}: could not be read: {error.strerror or error}") from error
    except ValueError as error:
        raise EvidenceError(f"{str(path)!r}: is not a path") from error
    if len(content) > LARGEST:
        raise EvidenceError(f"{path}: is larger than {LARGEST} bytes, and is not read")
    return content
