"""Calls into libraries that raise what they like, and may take as long as they like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drcheck.clock import Deadline
from drcheck.errors import EvidenceError
from drcheck.model import printable
from drcheck.workers import Done, Failed, run_all

T = TypeVar("T")


def bounded(what: str, job: Callable[[], T], seconds: float) -> T:
    """
    What `job` returns, on a thread that is left behind where it is not done in time.

    Args:
        what: begins the message of whatever went wrong, such as `kms:awskms:x did not sign`.

    Raises:
        EvidenceError: it raised anything, or was not done within `seconds`. An `EvidenceError` of its own is passed on as it is.
    """
    for _, ended in run_all({what: lambda _: job()}, workers=1, seconds=seconds, run=Deadline(None)):
        match ended:
            case Done(value):
                return value
            case Failed(EvidenceError() as error):
                raise error
            case Failed(error):
                raise EvidenceError(f"{what}: {type(error).__name__}: {printable(str(error))}") from error
    raise EvidenceError(f"{what} within {seconds:g} s")
