"""
The contract of a connector: read-only access to one kind of target.

A connector is made in two steps: its `Options` are parsed without I/O, then `open` resolves secrets and connects. It has aspects, each asked
and refused by itself; the base class answers `Unsupported` to every one, so a new connector starts honest. Methods raise `ConnectorError`s;
`attempt` is the one boundary that turns whatever they raise into an `Unobserved`, and nothing else may.

No method can write. Each connector states in `allowed_calls` which calls it may make, refuses every other in its own client, and reports each
call to its `CallLog`.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from drcheck.clock import Deadline, now
from drcheck.digests import Digests, digest
from drcheck.errors import ConnectorError, Unsupported
from drcheck.model import Encryption, Fact, Identity, Observed, Permissions, Protection, Reason, Source, Unobserved, Versions
from drcheck.model.stored import StoredChecksum
from drcheck.pace import Pace
from drcheck.secrets import SecretResolver

log = logging.getLogger(__name__)
T = TypeVar("T")


class Options(BaseModel):
    """What the estate says about how to reach a target; unknown keys are refused. Subclassed by each connector."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, use_attribute_docstrings=True)


class Entry(NamedTuple):
    """One object in a listing. A tuple, since one is made for every object: a frozen dataclass takes four times as long."""

    key: str
    """Relative to the target's root, parts joined by `/`, never starting with one. Bytes that are not UTF-8 are surrogate escapes."""
    size: int
    """Bytes."""
    modified: datetime | None
    """When the place says that it was last changed, UTC."""
    version: str = ""
    """A text that changes when the content does, as far as the place can tell: an ETag, inode and times."""
    archived: bool = False
    """In a storage class that cannot be read without a restore job first. Never read."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A checksum that the place made itself by reading what it holds, as a server does that is asked to hash a file."""

    checksum: StoredChecksum
    at: datetime
    """When that was reported, UTC; it was made no later."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a place says of the checksums of one object without giving it."""

    kept: tuple[StoredChecksum, ...]
    """Those that it keeps with the object: what was uploaded, or computed then."""
    computed: tuple[Computed, ...] = ()


CallSink = Callable[[datetime, str, str, str, int], None]
"""Told of every call: when, at which target, which call, about what, and how many alike."""


class CallLog:
    """Every call that a connector made: counted here, and told to the logger `drcheck.calls` and to `sink`."""

    def __init__(self, target: str, sink: CallSink | None = None) -> None:
        self.target = target
        self._sink = sink
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._log = logging.getLogger("drcheck.calls")

    def record(self, call: str, subject: str = "", times: int = 1) -> None:
        """Note one call, such as `s3:ListObjectsV2` or `sftp:open`, and what it was about; or `times` alike, about what begins with `subject`."""
        with self._lock:
            self._counts[call] += times
        if self._sink is not None:
            self._sink(now(), self.target, call, subject, times)
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug("%s %s %r × %d", self.target, call, subject, times)

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Every kind of call and how often it was made, sorted by name."""
        with self._lock:
            return tuple(sorted(self._counts.items()))


class Connector(ABC):
    """
    Read-only access to one target.

    Used as a context manager: `with connector: ...` opens and closes it. One instance serves one thread.

    Attributes:
        kind: the name in the estate, such as `sftp`.
        options_class: the options that the estate may give.
        allowed_calls: every call that it may make.
        keeps_checksums: whether such places keep checksums with their objects, so that `stored` is worth asking.
        pace: told every byte that is read, and asked before, so that production that shares the disks is left its part; other answers of the
            place are signs of life (`pace.add()`). Whoever opens a connector may set another before the first read.
    """

    kind: ClassVar[str]
    options_class: ClassVar[type[Options]] = Options
    allowed_calls: ClassVar[frozenset[str]] = frozenset()
    keeps_checksums: ClassVar[bool] = False

    def __init__(self, options: Options, *, secrets: SecretResolver, deadline: Deadline, calls: CallLog) -> None:
        self.options = options
        self.secrets = secrets
        self.deadline = deadline
        self.calls = calls
        self.pace = Pace()

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def address(cls, options: Mapping[str, object]) -> str:
        """How a target with these options is reached, in one line without any secret, such as `sftp://backup.example/srv`."""
        return cls.kind

    @classmethod
    def requests_for(cls, size: int) -> Mapping[str, int]:
        """
        The requests that reading an object of `size` bytes whole takes at most where all goes well, by the classes that cost money: `list`, `get`,
        `head`.

        Empty where requests are not charged for.
        """
        return {}

    def open(self) -> None:
        """Resolve secrets and connect. Raises a `ConnectorError` where the place cannot be reached, is not trusted or refuses us."""

    def close(self) -> None:
        """Let go of everything; safe to call twice, and after a failed `open`. Never raises."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """
        Every object whose key lies at or below `prefix`, streamed in key order (by the UTF-8 bytes of the whole key).

        `prefix` names a directory or one object (`a/b` finds `a/b` and `a/b/c`, never `a/bc`); empty means everything. A prefix
        that does not exist, on a place that answers, lists nothing. A part that cannot be listed raises: a listing is whole or it
        is an error. Directories are not objects. Symbolic links and special files are not followed, opened or listed. Memory does
        not grow with the number of objects beyond one directory's names.
        """
        raise Unsupported(f"{self.kind} targets cannot be listed")

    def stat(self, key: str) -> Entry:
        """One object's entry as it is now. Raises `NotThere` where the place answers that there is none."""
        raise Unsupported(f"{self.kind} targets cannot be asked about one object")

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """
        The object's bytes from `start`, at most `length` of them, in chunks.

        Raises `NotThere` for an object that is gone, `Unsupported` for an archived one (which is never read), `InProgress` where
        it changed while being read, and another `ConnectorError` where it ends early: a short read is never silent.

        This is the one place where a connector tells `pace` of bytes, each once and as it comes, and asks it for leave before; whatever reads through
        it must not tell them again. A connector whose `digests` reads in another way does the same there.
        """
        raise Unsupported(f"{self.kind} targets cannot be read")

    def digests(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        """
        The digests of many objects, each read whole and once: for each entry with the algorithms wanted of it, what its bytes came to or why not.

        Every entry gets exactly one answer, as soon as it is there and so in any order; `wanted` is drawn from as room is made, so
        memory does not grow with it. A bug costs the object on which it showed. A connector that can read many objects faster than
        one after the other overrides this, and keeps every promise of `read`.
        """
        for entry, algorithms in wanted:
            yield entry, guarded(partial(self._digest, entry.key, algorithms))

    def _digest(self, key: str, algorithms: Collection[str]) -> Digests:
        return digest(self.read(key), algorithms)

    def stored_checksums(self, entry: Entry) -> tuple[StoredChecksum, ...]:
        """
        The checksums that the place itself keeps with an object, without reading it; none where it keeps none.

        They say what was uploaded, or computed there once: their depth is `attributes`. Raises `InProgress` where the object is no longer the one
        that was listed, and what `stat` raises.
        """
        raise Unsupported(f"{self.kind} targets keep no checksums with their objects")

    def stored(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stored | ConnectorError]]:
        """
        What the place says of the checksums of many objects, or why not: for each entry one answer, in any order.

        `entries` is drawn from as room is made. A connector that can ask about many at once overrides this.
        """
        for entry in entries:
            yield entry, guarded(partial(self._stored, entry))

    def _stored(self, entry: Entry) -> Stored:
        return Stored(self.stored_checksums(entry))

    def listed_at(self) -> datetime | None:
        """
        The moment that `list` shows, UTC; None where it shows the present.

        Where it is told, listings come from a record of that moment: objects may have come and gone since. `stat`, `read` and everything else that
        is asked about one object are of the present all the same.
        """
        return None

    def identity(self) -> Identity:
        """Who we are there, and which place it is."""
        raise Unsupported(f"{self.kind} targets cannot be identified")

    def protection(self, key: str | None = None) -> Protection:
        """How the place (or one object) is protected against change and deletion."""
        raise Unsupported(f"{self.kind} targets cannot say whether they are immutable")

    def encryption(self) -> Encryption:
        """How data is encrypted there and on the way."""
        raise Unsupported(f"{self.kind} targets cannot say how they are encrypted")

    def versions(self) -> Versions:
        """Whether the place keeps what is overwritten or deleted."""
        raise Unsupported(f"{self.kind} targets cannot say whether they keep versions")

    def permissions(self) -> Permissions:
        """What our identity may do there, learnt without trying to write."""
        raise Unsupported(f"{self.kind} targets cannot say what we may do")

    def clock_skew(self) -> float:
        """Seconds by which the place's clock is ahead of ours."""
        raise Unsupported(f"{self.kind} targets do not tell their time")


def guarded(act: Callable[[], T]) -> T | ConnectorError:
    """What `act` returns, or the error it raised; a bug becomes an error of reason `internal`, so that it costs one object and not the rest."""
    try:
        return act()
    except ConnectorError as error:
        return error
    except Exception as error:
        log.exception("a connector raised what it should not")
        return ConnectorError(f"{type(error).__name__}: {error}")


def attempt(ask: Callable[[], T], source: Source = Source.OBSERVED) -> Fact[T]:
    """
    The answer to one question as a fact: the boundary past which no connector's exception goes.

    `ask` must consume every iterator that it obtains before it returns (a generator would raise outside this `try`); returning one is a bug and is
    reported as such.
    """
    try:
        value = ask()
    except ConnectorError as error:
        return Unobserved(Reason(error.reason), str(error))
    except Exception as error:  # the boundary: a bug in a connector is a missing fact, not the end of the run
        log.exception("a connector raised what it should not")
        return Unobserved(Reason.INTERNAL, f"{type(error).__name__}: {error}")
    if isinstance(value, Iterator):
        return Unobserved(Reason.INTERNAL, "a connector's iterator was not drained inside the boundary")
    return Observed(value, now(), source)
