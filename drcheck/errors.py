"""
Every error that drcheck raises on purpose.

    DrcheckError                 something that a person can act on
      ConfigError                estate, policy, waiver or drill file is wrong: nothing was looked at (exit 2)
      OutputError                a report or record could not be written (exit 12)
      StoreError                 the store could not be opened, read or written: locked, full, read-only, corrupt, newer (exit 12)
        Busy                     another run on the same organisation has not ended
        StoreDamaged             what is in the store is not what was written
      EvidenceError              a pack, key, signature or time stamp could not be made, or does not hold (exit 12)
        BadPack                  a pack is not what drcheck writes: altered, incomplete, or made to do harm (exit 10)
      NotDelivered               a notice or ping was not accepted; it never changes what a night found (exit 12 where it was all that was asked)
      ManifestError              a manifest could not be understood; the promises in it are unknown
      ConnectorError             a fact could not be seen; never passes `drcheck.connectors.base.attempt`
        Unreachable TimedOut AccessDenied NoCredentials Untrusted Unsupported Malformed InProgress
        NotThere                 the place answered, and this one object or folder is not in it

Exceptions are for "this cannot go on". A fact that is missing is a value: `drcheck.model.Unobserved`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class DrcheckError(Exception):
    """Something that the reader of the message can act on; its text is the message."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file that somebody wrote."""

    file: str
    """The file's path as it was given."""
    key: str
    """The path of the key, such as `targets[2].options.host`; empty where the whole file is meant."""
    message: str
    """What is wrong, with the wrong value and what is allowed."""
    hint: str = ""
    """What to do, such as `did you mean "rpo"?`."""

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(DrcheckError):
    """A file that somebody wrote is wrong. Holds every problem found in it, not just the first."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        self.problems: tuple[Problem, ...]
        if isinstance(problems, str):
            self.problems = ()
            text = problems
        else:
            self.problems = tuple(problems)
            text = "\n".join(str(problem) for problem in self.problems)
        super().__init__(text)


class OutputError(DrcheckError):
    """A report or a record could not be written where it was asked for."""

    exit_code = 12


class StoreError(DrcheckError):
    """The store could not be opened, read or written. Its text names the store, what happened and what to do; never a password."""

    exit_code = 12


class Busy(StoreError):
    """Another run on the same organisation has not ended: nothing was looked at. Its text says which process that is and what to do."""


class EvidenceError(DrcheckError):
    """A pack, key, signature or time stamp could not be made, or does not hold. Its text says which, why and what to do; never a passphrase."""

    exit_code = 12


class NotDelivered(DrcheckError):
    """A notice or ping was not accepted. Its text says by whom and why, and holds no secret."""

    exit_code = 12


class BadPack(EvidenceError):
    """A pack is not what drcheck writes: altered, incomplete, or made to harm whoever opens it. Its text names the file in it and what is wrong."""

    exit_code = 10


class StoreDamaged(StoreError):
    """What is in the store is not what was written: a page, a run of objects or a paper."""


class ManifestError(DrcheckError):
    """A manifest could not be understood. Its text names the file, the line and what to do."""


class ConnectorError(DrcheckError):
    """A fact could not be seen. `reason` is a value of `drcheck.model.Reason`."""

    reason: ClassVar[str] = "internal"


class Unreachable(ConnectorError):
    """The place did not answer, or is not there at all."""

    reason = "unreachable"


class TimedOut(ConnectorError):
    """The place did not answer within its deadline."""

    reason = "timed-out"


class AccessDenied(ConnectorError):
    """The place answered that this identity may not do this."""

    reason = "access-denied"


class NoCredentials(ConnectorError):
    """A credential could not be resolved, or none was given."""

    reason = "no-credentials"


class Untrusted(ConnectorError):
    """The place is not the one that was pinned: another host key, an unverifiable certificate."""

    reason = "untrusted"


class Unsupported(ConnectorError):
    """This kind of place, or this server, cannot answer this question."""

    reason = "unsupported"


class Malformed(ConnectorError):
    """The answer could not be understood."""

    reason = "malformed"


class InProgress(ConnectorError):
    """The thing was changing while it was looked at."""

    reason = "in-progress"


class NotThere(ConnectorError):
    """The place answered, and this object is not in it (any more). For one object this is `missing`, for a root it is unreachable."""

    reason = "unreachable"
