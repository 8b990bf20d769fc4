"""Verifying one copy: everything that is promised for it held against what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache, partial

from drcheck.connectors.base import Connector, Entry, attempt, guarded
from drcheck.digests import Digests, digest
from drcheck.errors import ConnectorError, InProgress, NotThere
from drcheck.estate.schema import Copy, Manifest
from drcheck.formats.base import Format
from drcheck.model import Fact, ObjectResult, ObjectVerdict, Reason, Unobserved, printable
from drcheck.verify.compare import compare, verdict, weak_only, wrong_size
from drcheck.verify.gather import gather
from drcheck.verify.sources import CONNECTION, Sources
from drcheck.verify.spool import Spool, Wanted
from drcheck.verify.standing import Standing
from drcheck.verify.tally import Tally

_EXPLAINED = 5
"""How many missing objects of a copy are asked for by name: somebody may see there what no listing shows."""


def verify_copy(
    connector: Connector, layout: Format, copy: Copy, manifest: Manifest, standing: Standing, *, spool: Spool, tally: Tally
) -> Unobserved | None:
    """
    Tell `tally` the result of every object of the copy; why that could not be finished, None where it was.

    Only listed objects are ever read, so no name in a manifest leads out of the copy. Raises whatever listing raises.
    """
    sources = Sources(connector, spool, tally)
    gather(sources, layout, copy, manifest, standing)
    if sources.stopped is not None:
        return sources.stopped
    planned, total = spool.planned(), spool.objects_total()
    if not planned and not total and not tally.complaints:
        return Unobserved(Reason.NOT_ATTEMPTED, f"{copy.id} holds no finished recovery point and nothing is promised, so nothing could be compared")
    tally.plan(planned=planned, objects_total=total)
    for unpromised in _unpromised(sources, copy):
        connector.deadline.check()
        tally.result(unpromised)
    for missing in _missing(connector, spool):
        connector.deadline.check()
        tally.result(missing)
    return _read_all(connector, spool.wanted(), tally)


def _unpromised(sources: Sources, copy: Copy) -> Iterator[ObjectVerdict]:
    for key, size, point, others in sources.spool.unpromised():
        unknown = sources.unusable_above(key)
        if unknown:
            yield ObjectVerdict(key, ObjectResult.NOT_READ, size, detail=f"what is promised for it is unknown: {unknown}")
        elif others:
            yield ObjectVerdict(key, ObjectResult.EXTRA, size, detail="no manifest promises anything for it")
        else:
            where = f"recovery point {printable(point)}" if point != "." else f"the copy {copy.id}"
            yield ObjectVerdict(key, ObjectResult.EXTRA, size, detail=f"{where} has no manifest")


def _missing(connector: Connector, spool: Spool) -> Iterator[ObjectVerdict]:
    for number, (key, algorithm, promised, manifest, fetch) in enumerate(spool.missing()):
        detail = "its bag names it in fetch.txt, and it was never fetched" if fetch else _left_out(connector, key) if number < _EXPLAINED else ""
        yield ObjectVerdict(key, ObjectResult.MISSING, 0, algorithm, promised, manifest=manifest, detail=detail)


def _left_out(connector: Connector, key: str) -> str:
    """Why a listing has no such object although something of that name is there, such as a symbolic link; empty where nothing is."""
    asked = attempt(lambda: connector.stat(key))
    return asked.detail if isinstance(asked, Unobserved) and asked.reason is Reason.UNSUPPORTED else ""


def _read_all(connector: Connector, objects: Iterator[Wanted], tally: Tally) -> Unobserved | None:
    """Read and compare; why that ended early, None where it did not. What is left then has no result."""
    waiting: dict[str, Wanted] = {}
    doubtful: tuple[Wanted, Unobserved] | None = None
    for entry, answer in connector.digests(_to_read(connector, objects, tally, waiting)):
        wanted = waiting.pop(entry.key)
        if doubtful is None and isinstance(answer, Digests):  # the ordinary case, which there are millions of
            found = compare(wanted, answer)
            if not answer.there or found.result is ObjectResult.MATCH:
                tally.result(found, read=None if answer.there else answer.size, weak=weak_only(wanted))
                continue
        fact = attempt(partial(_settled, connector, wanted, answer))
        if isinstance(fact, Unobserved) and fact.reason in CONNECTION:
            if doubtful is not None or connector.deadline.passed():
                return fact
            doubtful = wanted, fact
            continue
        if doubtful is not None:
            # The place answers again: it was that object.
            tally.result(verdict(doubtful[0], ObjectResult.UNREADABLE, detail=str(doubtful[1])))
            doubtful = None
        _tell(tally, wanted, fact)
    if doubtful is not None:
        return doubtful[1]
    if waiting and connector.deadline.passed():
        return Unobserved(Reason.TIMED_OUT, "the time was over before everything was read")
    if waiting:  # the contract of a connector is one answer to each object
        return Unobserved(Reason.INTERNAL, f"{len(waiting)} objects were to be read and were never answered")
    return None


def _to_read(connector: Connector, objects: Iterator[Wanted], tally: Tally, waiting: dict[str, Wanted]) -> Iterator[tuple[Entry, frozenset[str]]]:
    """The objects whose bytes must be looked at, noted in `waiting`; what needs no reading gets its result here."""
    for wanted in objects:
        connector.deadline.check()
        mismatch = wrong_size(wanted)
        if wanted.entry.archived:
            tally.result(verdict(wanted, ObjectResult.NOT_READ, detail="in an archived storage class, which is never read"))
        elif mismatch is not None:
            tally.result(mismatch)
        else:
            waiting[wanted.entry.key] = wanted
            yield wanted.entry, _algorithms(wanted)


def _algorithms(wanted: Wanted) -> frozenset[str]:
    if len(wanted.promises) == 1:
        return _one(wanted.promises[0].algorithm)
    return frozenset(promise.algorithm for promise in wanted.promises)


@cache
def _one(algorithm: str) -> frozenset[str]:
    return frozenset((algorithm,))


def _settled(connector: Connector, wanted: Wanted, answer: Digests | ConnectorError) -> Digests | None:
    """As `settle`. What the place itself found to be wrong is read before it is called so: the object may have changed since it was listed."""
    digests = settle(connector, wanted.entry, _algorithms(wanted), answer)
    if digests is None or not digests.there or compare(wanted, digests).result is ObjectResult.MATCH:
        return digests
    try:
        read: Digests | ConnectorError = digest(connector.read(wanted.entry.key), _algorithms(wanted))
    except ConnectorError as error:
        read = error
    return settle(connector, wanted.entry, _algorithms(wanted), read)


def settle(connector: Connector, entry: Entry, algorithms: Collection[str], answer: Digests | ConnectorError) -> Digests | None:
    """
    The digests of one object, None where it is gone. What changed while it was read is read once more.

    Raises the connector's error where it stands.
    """
    if isinstance(answer, InProgress) or (isinstance(answer, NotThere) and _listed(connector, entry.key)):
        # As it is now: a store that is asked for the version that was listed would refuse it again.
        found = guarded(partial(connector.stat, entry.key))
        if isinstance(found, ConnectorError):
            answer = found
        else:
            (_, answer), *_ = connector.digests([(found, algorithms)])
        if isinstance(answer, InProgress):
            raise InProgress(f"kept changing while it was read: {answer}")
    if isinstance(answer, NotThere):
        if _listed(connector, entry.key):
            raise InProgress(f"{printable(entry.key)}: is listed and was not there to be read")
        return None
    if isinstance(answer, ConnectorError):
        raise answer
    return answer


def _listed(connector: Connector, key: str) -> bool:
    return any(entry.key == key for entry in connector.list(key))


def _tell(tally: Tally, wanted: Wanted, fact: Fact[Digests | None]) -> None:
    if isinstance(fact, Unobserved):
        result = ObjectResult.NOT_READ if fact.reason is Reason.UNSUPPORTED else ObjectResult.UNREADABLE
        tally.result(verdict(wanted, result, detail=str(fact)))
    elif fact.value is None:
        tally.result(verdict(wanted, ObjectResult.MISSING, detail="it was listed, and was gone when it was to be read", size=0))
    else:
        tally.result(compare(wanted, fact.value), read=None if fact.value.there else fact.value.size, weak=weak_only(wanted))
