"""Reading objects and comparing them, each told to the tally as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache, partial

from drcheck.clock import Deadline
from drcheck.connectors.base import Connector, Entry, attempt, guarded
from drcheck.digests import Digests, digest
from drcheck.errors import ConnectorError, InProgress, NotThere
from drcheck.model import Fact, ObjectResult, ObjectVerdict, Reason, Unobserved, printable
from drcheck.verify.compare import compare, verdict, weak_only
from drcheck.verify.sources import CONNECTION
from drcheck.verify.tally import Tally
from drcheck.verify.wanted import Wanted

Read = Callable[[Iterable[tuple[Entry, Collection[str]]]], Iterator[tuple[Entry, Digests | ConnectorError]]]
"""What reads many objects, as `Connector.digests` does."""
HITS = 100
"""How many objects of a copy that are not what was promised are looked into further."""


class Reading:
    """
    Reads objects of one copy. Used by one thread.

    Attributes:
        hits: the keys of objects that are not what was promised, or could not be read: the first `HITS`.
    """

    def __init__(self, connector: Connector, tally: Tally, read: Read | None = None) -> None:
        """`read` reads in place of the connector, which then only answers where there is doubt."""
        self.hits: list[str] = []
        self._connector = connector
        self._tally = tally
        self._read = read or connector.digests

    def all(
        self,
        objects: Iterator[Wanted],
        *,
        until: Deadline | None = None,
        stop: Callable[[], bool] = lambda: False,
        told: Callable[[Wanted, ObjectVerdict], None] = lambda _wanted, _verdict: None,
    ) -> Unobserved | None:
        """
        Read and compare; why that ended early, None where it did not. What is left then has no result.

        Args:
            until: when no further object is begun, which is no failure: the night's time is over. The first one is read all the same, for listing
                alone, or other copies, may have taken all the time of every night.
            stop: whether no further object is to be begun, since the run was interrupted.
            told: told each result.
        """
        waiting: dict[str, Wanted] = {}
        doubtful: tuple[Wanted, Unobserved] | None = None
        for entry, answer in self._read(self._to_read(objects, waiting, until, stop)):
            wanted = waiting.pop(entry.key)
            if doubtful is None and isinstance(answer, Digests):  # the ordinary case, which there are millions of
                found = compare(wanted, answer)
                if not answer.there or found.result is ObjectResult.MATCH:
                    self._tell(wanted, wanted.entry, found, answer, told)
                    continue
            fact = attempt(partial(_settled, self._connector, wanted, answer))
            if isinstance(fact, Unobserved) and fact.reason in CONNECTION:
                if doubtful is not None or self._connector.deadline.passed():
                    return fact
                doubtful = wanted, fact
                continue
            if doubtful is not None:
                # The place answers again: it was that object.
                lost, why = doubtful
                self._tell(lost, lost.entry, verdict(lost, ObjectResult.UNREADABLE, detail=str(why)), None, told)
                doubtful = None
            self._tell_fact(wanted, fact, told)
        if doubtful is not None:
            return doubtful[1]
        if waiting and self._connector.deadline.passed():
            return Unobserved(Reason.TIMED_OUT, "the time was over before everything was read")
        if waiting:  # the contract of a connector is one answer to each object
            return Unobserved(Reason.INTERNAL, f"{len(waiting)} objects were to be read and were never answered")
        if stop():
            return Unobserved(Reason.NOT_ATTEMPTED, "the run was interrupted")
        return None

    def _to_read(
        self, objects: Iterator[Wanted], waiting: dict[str, Wanted], until: Deadline | None, stop: Callable[[], bool]
    ) -> Iterator[tuple[Entry, frozenset[str]]]:
        """The objects, noted in `waiting`."""
        begun = False
        for wanted in objects:
            self._connector.deadline.check()
            if stop() or (begun and until is not None and until.passed()):
                return
            begun = True
            waiting[wanted.entry.key] = wanted
            yield wanted.entry, _algorithms(wanted)

    def _tell_fact(self, wanted: Wanted, fact: Fact[tuple[Entry, Digests | None]], told: Callable[[Wanted, ObjectVerdict], None]) -> None:
        if isinstance(fact, Unobserved):
            result = ObjectResult.NOT_READ if fact.reason is Reason.UNSUPPORTED else ObjectResult.UNREADABLE
            self._tell(wanted, wanted.entry, verdict(wanted, result, detail=str(fact)), None, told)
            return
        entry, digests = fact.value
        if digests is None:
            detail = "it was listed, and was gone when it was to be read"
            self._tell(wanted, entry, verdict(wanted, ObjectResult.MISSING, detail=detail, size=0), None, told)
        else:
            self._tell(wanted, entry, compare(wanted, digests), digests, told)

    def _tell(
        self, wanted: Wanted, entry: Entry, found: ObjectVerdict, digests: Digests | None, told: Callable[[Wanted, ObjectVerdict], None]
    ) -> None:
        several = len(wanted.promises) > 1 and digests is not None
        self._tally.result(
            found,
            entry=entry,
            read=None if digests is None or digests.there else digests.size,
            weak=weak_only(wanted),
            digests=_by_algorithm(wanted, digests) if several and digests is not None else (),
            again=wanted.stood,
        )
        if found.result is not ObjectResult.MATCH and len(self.hits) < HITS:
            self.hits.append(wanted.entry.key)
        told(wanted, found)


def _by_algorithm(wanted: Wanted, digests: Digests) -> tuple[tuple[str, str, str], ...]:
    """What was promised and found by each algorithm; of two promises of one algorithm the one that does not hold."""
    found: dict[str, tuple[str, str, str]] = {}
    for promise in wanted.promises:
        came = digests.hex[promise.algorithm]
        if promise.algorithm not in found or promise.digest != came:
            found[promise.algorithm] = promise.algorithm, promise.digest, came
    return tuple(found.values())


def _algorithms(wanted: Wanted) -> frozenset[str]:
    if len(wanted.promises) == 1:
        return _one(wanted.promises[0].algorithm)
    return frozenset(promise.algorithm for promise in wanted.promises)


@cache
def _one(algorithm: str) -> frozenset[str]:
    return frozenset((algorithm,))


def _settled(connector: Connector, wanted: Wanted, answer: Digests | ConnectorError) -> tuple[Entry, Digests | None]:
    """As `_settle`. What the place itself found to be wrong is read before it is called so: the object may have changed since it was listed."""
    entry, digests = _settle(connector, wanted.entry, _algorithms(wanted), answer)
    if digests is None or not digests.there or compare(wanted, digests).result is ObjectResult.MATCH:
        return entry, digests
    try:
        read: Digests | ConnectorError = digest(connector.read(wanted.entry.key), _algorithms(wanted))
    except ConnectorError as error:
        read = error
    return _settle(connector, entry, _algorithms(wanted), read)


def settle(connector: Connector, entry: Entry, algorithms: Collection[str], answer: Digests | ConnectorError) -> Digests | None:
    """
    The digests of one object, None where it is gone. What changed while it was read is read once more.

    Raises the connector's error where it stands.
    """
    return _settle(connector, entry, algorithms, answer)[1]


def _settle(connector: Connector, entry: Entry, algorithms: Collection[str], answer: Digests | ConnectorError) -> tuple[Entry, Digests | None]:
    """As `settle`, with the object as it was when it was read: what was read of one state says nothing of another, though that came back."""
    if isinstance(answer, InProgress) or (isinstance(answer, NotThere) and _listed(connector, entry.key)):
        # As it is now: a store that is asked for the version that was listed would refuse it again.
        found = guarded(partial(connector.stat, entry.key))
        if isinstance(found, ConnectorError):
            answer = found
        else:
            entry = found
            (_, answer), *_ = connector.digests([(entry, algorithms)])
        if isinstance(answer, InProgress):
            raise InProgress(f"kept changing while it was read: {answer}")
    if isinstance(answer, NotThere):
        if _listed(connector, entry.key):
            raise InProgress(f"{printable(entry.key)}: is listed and was not there to be read")
        return entry, None
    if isinstance(answer, ConnectorError):
        raise answer
    return entry, answer


def _listed(connector: Connector, key: str) -> bool:
    return any(entry.key == key for entry in connector.list(key))
