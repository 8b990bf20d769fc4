"""Verifying one copy: everything that is promised for it held against what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drcheck.clock import Deadline
from drcheck.connectors.base import Connector, Entry, attempt
from drcheck.estate.schema import Copy, Manifest
from drcheck.formats.base import Format
from drcheck.model import ObjectResult, ObjectVerdict, Reason, Unobserved, printable
from drcheck.verify.asking import Asking
from drcheck.verify.compare import wrong_size
from drcheck.verify.gather import gather
from drcheck.verify.reading import Read, Reading
from drcheck.verify.selection import Selection
from drcheck.verify.sightings import Sightings
from drcheck.verify.sources import Sources
from drcheck.verify.spool import Spool
from drcheck.verify.standing import Standing
from drcheck.verify.tally import Tally
from drcheck.verify.tonight import Tonight
from drcheck.verify.wanted import Unpromised, Wanted

_EXPLAINED = 5
"""How many missing objects of a copy are asked for by name: somebody may see there what no listing shows."""
_EACH_SIDE = 4
"""How many neighbours before and after an object that is not what was promised are read at once: what damages one often damages more."""


@dataclass(slots=True)
class Verifying:
    """
    One copy while it is verified. Used by one thread.

    Attributes:
        hits: the keys of objects that are not what was promised, or could not be read; the first of many.
        unfinished: whether its share of the time was too short for what was chosen: `compare_more` is to follow when all copies had their turn.
    """

    connector: Connector
    layout: Format
    copy: Copy
    manifest: Manifest
    standing: Standing
    spool: Spool
    tally: Tally
    read: Read | None = None
    """What reads in place of the connector."""
    sightings: Sightings | None = None
    """What goes through the listing, where a store is kept."""
    stop: Callable[[], bool] = lambda: False
    """Whether the run was interrupted, so that nothing more is begun."""
    told: Callable[[Wanted, ObjectVerdict], None] = lambda _wanted, _verdict: None
    """Told each result where everything is read."""
    hits: tuple[str, ...] = ()
    unfinished: bool = False

    def gather(self) -> Unobserved | None:
        """List the copy, read its manifests, and tell the tally what there is to compare; why that could not be done. Raises what listing raises."""
        sources = Sources(self.connector, self.spool, self.tally)
        gather(sources, self.layout, self.copy, self.manifest, self.standing, self.sightings)
        if sources.stopped is not None:
            return sources.stopped
        planned, total = self.spool.planned(), self.spool.objects_total()
        if not planned and not total and not self.tally.complaints:
            detail = f"{self.copy.id} holds no finished recovery point and nothing is promised, so nothing could be compared"
            return Unobserved(Reason.NOT_ATTEMPTED, detail)
        self.tally.plan(planned=planned, objects_total=total)
        for unpromised in self.spool.unpromised():
            self.connector.deadline.check()
            found = _extra(unpromised, self.copy, sources)
            self.tally.result(found, entry=unpromised.entry, told=unpromised.result != found.result)
        missing: list[str] = []
        for absent in _missing(self.connector, self.spool):
            self.connector.deadline.check()
            self.tally.result(absent)
            if len(missing) < _EXPLAINED:
                missing.append(absent.key)
        self.hits = tuple(missing)
        return None

    def compare(self, selection: Selection | None) -> Unobserved | None:
        """
        Read and compare what is selected, or everything; why that ended early, None where it did not.

        Only listed objects are ever read, so no name in a manifest leads out of the copy.
        """
        reading = Reading(self.connector, self.tally, self.read)
        if selection is None:
            asking = Asking(self.connector, Tonight(self.spool), self.tally)
            stopped = reading.all(self._everything(asking), stop=self.stop, told=self.told)
            return stopped or self._asked(lambda: asking.ask(iter(())))
        try:
            stopped = self._compare(reading, selection, selection.objects())
            self.unfinished = stopped is None and selection.short_of_time()
            return stopped if self.unfinished else stopped or self._asked(selection.ask)
        finally:
            selection.finish(done=not self.unfinished)

    def compare_more(self, selection: Selection, until: Deadline) -> Unobserved | None:
        """Read and compare what is `unfinished`, in the time that other copies left over; see `compare`."""
        selection.until = until
        try:
            stopped = None if until.passed() else self._compare(Reading(self.connector, self.tally, self.read), selection, selection.unreached())
            return stopped or self._asked(selection.ask)
        finally:
            selection.finish()

    def _compare(self, reading: Reading, selection: Selection, objects: Iterator[Wanted]) -> Unobserved | None:
        """Read objects, and then the neighbours of those that are not what was promised."""
        try:
            stopped = reading.all(objects, until=selection.until, stop=self.stop, told=selection.note)
        finally:
            self.hits = tuple(dict.fromkeys((*self.hits, *reading.hits)))
        if stopped is None and self.hits:
            near = sorted({key for hit in self.hits for key in self.spool.neighbours(hit, _EACH_SIDE)} - {*self.hits})
            stopped = reading.all(selection.again(near), stop=self.stop, told=selection.note)
        return stopped

    def compare_again(self, selection: Selection, keys: list[str]) -> Unobserved | None:
        """Read and compare objects that are bad in another copy; see `compare`."""
        reading = Reading(self.connector, self.tally, self.read)
        try:
            return reading.all(selection.again(keys), stop=self.stop, told=selection.note)
        finally:
            selection.finish()

    @staticmethod
    def _asked(ask: Callable[[], None]) -> Unobserved | None:
        fact = attempt(ask)
        return fact if isinstance(fact, Unobserved) else None

    def _everything(self, asking: Asking) -> Iterator[Wanted]:
        """Every object whose bytes must be looked at; what needs no reading gets its result here."""
        for wanted in self.spool.wanted():
            mismatch = wrong_size(wanted)
            if wanted.entry.archived:
                asking.leave(wanted)
            elif mismatch is not None:
                self.tally.result(mismatch, entry=wanted.entry)
            else:
                yield wanted


def _extra(unpromised: Unpromised, copy: Copy, sources: Sources) -> ObjectVerdict:
    entry: Entry = unpromised.entry
    unknown = sources.unusable_above(entry.key)
    if unknown:
        return ObjectVerdict(entry.key, ObjectResult.NOT_READ, entry.size, detail=f"what is promised for it is unknown: {unknown}")
    if unpromised.others:
        return ObjectVerdict(entry.key, ObjectResult.EXTRA, entry.size, detail="no manifest promises anything for it")
    where = f"recovery point {printable(unpromised.point)}" if unpromised.point != "." else f"the copy {copy.id}"
    return ObjectVerdict(entry.key, ObjectResult.EXTRA, entry.size, detail=f"{where} has no manifest")


def _missing(connector: Connector, spool: Spool) -> Iterator[ObjectVerdict]:
    for number, (key, algorithm, promised, manifest, fetch) in enumerate(spool.missing()):
        detail = "its bag names it in fetch.txt, and it was never fetched" if fetch else _left_out(connector, key) if number < _EXPLAINED else ""
        yield ObjectVerdict(key, ObjectResult.MISSING, 0, algorithm, promised, manifest=manifest, detail=detail)


def _left_out(connector: Connector, key: str) -> str:
    """Why a listing has no such object although something of that name is there, such as a symbolic link; empty where nothing is."""
    asked = attempt(lambda: connector.stat(key))
    return asked.detail if isinstance(asked, Unobserved) and asked.reason is Reason.UNSUPPORTED else ""
