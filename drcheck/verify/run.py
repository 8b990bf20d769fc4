"""Verifying every copy: one daemon thread a target, each copy's results kept as they are made."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from drcheck.clock import Deadline, monotonic, wait
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, CallSink, Connector, attempt
from drcheck.errors import StoreError
from drcheck.estate.schema import Estate, Manifest
from drcheck.formats import format_for
from drcheck.model import CopyFacts, Reason, Unobserved
from drcheck.pace import Pace
from drcheck.verify.asking import Asking
from drcheck.verify.budget import Cost
from drcheck.verify.copy import Verifying
from drcheck.verify.engines.base import Engine
from drcheck.verify.hours import Hours
from drcheck.verify.plan import Forecast
from drcheck.verify.progress import Counts, Progress
from drcheck.verify.rolling import Rolling
from drcheck.verify.selection import Selection
from drcheck.verify.spool import Spool
from drcheck.verify.standing import Standing
from drcheck.verify.tally import ResultSink
from drcheck.verify.tonight import Tonight
from drcheck.verify.work import Work
from drcheck.workers import Done, Failed, Late, Stalled, run_all

PATIENCE = 10.0
"""Seconds for which the objects in flight are waited for when a run is interrupted, and ..."""
SILENCE = 3.0
"""... without a sign of life from a place after which they are no longer waited for there."""
_GIVING_UP = 1.0
"""Seconds in which whoever lists ends by itself, so that nothing is removed under its hands."""
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Manner:
    """How copies are read."""

    engine: Engine | None = None
    """What reads in place of each target's connector; None for that connector."""
    pace: Pace = field(default_factory=Pace)
    """What counts and holds back the whole run."""
    progress: Progress = field(default_factory=Counts)
    """Told how far the run has got."""
    stall: float | None = None
    """Seconds without any sign of life after which a target is given up; None for as long as the run may take."""
    interrupted: Callable[[float], None] = lambda _: None
    """Called when the run is interrupted while objects are being read, with the seconds for which they are waited for at most."""


def verify(
    estate: Estate,
    copies: tuple[CopyFacts, ...],
    *,
    now: datetime,
    workers: int,
    run: Deadline,
    sink: CallSink | None = None,
    results: ResultSink | None = None,
    rolling: Rolling | None = None,
    manner: Manner | None = None,
) -> tuple[CopyFacts, ...]:
    """
    The copies with what reading their bytes showed, in their order.

    Every object that something is promised for is read once and compared; with `rolling` only those whose turn it is, and what earlier nights read
    stands. A copy whose place hangs or is lost, or whose time is over, keeps the results it has; the rest is not-read, and `stopped` says why. One
    about which nothing could be compared is Unobserved. An interrupt passes through, once the objects in flight have their results: `results`, or
    the store, has then been told what was done.

    Args:
        copies: what inspection saw of them.
        now: the run's reference time, UTC; recovery points from after it are not looked at.
        workers: how many targets are read at a time.
        run: when everything must have ended.
        sink: told every call to every target.
        results: told every object's result as it is made; with `rolling` the store is, and `rolling.failures` has what went wrong with it.
    """
    manner = manner or Manner()
    declared = {copy.id: copy for copy in estate.copies}
    work = [Work(estate, declared[facts.id], facts, now, results, rolling, manner.progress) for facts in copies]
    targets: dict[str, list[Work]] = {}
    for each in work:
        if each.worth_a_look:
            manner.progress.expected(each.copy.id, each.copy.target)
            targets.setdefault(each.copy.target, []).append(each)
    # The folder is removed here and not by the threads: one that hangs never gets to it.
    with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder:
        places = {target: _Place(estate, target, each, Path(folder), sink, manner) for target, each in targets.items()}
        _run({target: place.first_look for target, place in places.items()}, places, workers, run, manner)
        _run({target: place.second_look for target, place in places.items() if place.asked(work)}, places, workers, run, manner)
    return tuple(each.facts_now() for each in work)


def plan(
    estate: Estate,
    copies: tuple[CopyFacts, ...],
    *,
    now: datetime,
    workers: int,
    run: Deadline,
    rolling: Rolling,
    manner: Manner | None = None,
) -> tuple[Forecast, ...]:
    """What `verify` would read of each copy that something is promised for. Lists, and reads manifests, and nothing else; keeps nothing."""
    manner = manner or Manner()
    declared = {copy.id: copy for copy in estate.copies}
    work = [Work(estate, declared[facts.id], facts, now, None, rolling, manner.progress) for facts in copies]
    targets: dict[str, list[Work]] = {}
    for each in work:
        if each.refused is None:
            manner.progress.expected(each.copy.id, each.copy.target)
            targets.setdefault(each.copy.target, []).append(each)
    with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder:
        places = {target: _Place(estate, target, each, Path(folder), None, manner) for target, each in targets.items()}
        _run({target: place.first_look for target, place in places.items()}, places, workers, run, manner)
    return tuple(each.forecast or Forecast(each.copy.id, None, Cost(), why=each.refused or each.stopped) for each in work)


def _run(jobs: Mapping[str, Callable[[Deadline], None]], places: Mapping[str, _Place], workers: int, run: Deadline, manner: Manner) -> None:
    """Run one job a target to its end, or until it is given up; an interrupt waits for what is in flight, and a second one does not."""
    idle = {target: places[target].pace.idle for target in jobs}
    try:
        for target, result in run_all(jobs, workers=workers, seconds=None, run=run, idle=idle, stall=manner.stall):
            places[target].end(result, run)
    except KeyboardInterrupt:
        for target in jobs:
            places[target].interrupt()
        if any(places[target].reading for target in jobs):
            manner.interrupted(PATIENCE)
        begun = monotonic()
        while (seconds := monotonic() - begun) < PATIENCE and any(places[target].worth_waiting(seconds) for target in jobs):
            wait(_LOOK)
        raise


class _Place:
    """One target with its copies to be verified, one after the other. Its jobs run on a thread of their own."""

    def __init__(self, estate: Estate, target: str, work: list[Work], folder: Path, sink: CallSink | None, manner: Manner) -> None:
        self.pace = Pace(whole=manner.pace)
        self.reading = False
        """Whether objects are being read: each is worth to be finished, unlike a listing, which is whole or nothing."""
        self._interrupted = threading.Event()
        self._idle = threading.Event()
        """Set while no job runs."""
        self._idle.set()
        self._deadline = Deadline(None)
        self._estate = estate
        self._target = estate.target(target)
        self._work = work
        self._folder = folder
        self._calls = CallLog(target, sink)
        self._manner = manner
        self._hours = Hours(None, ())
        self._before: Counter[str] = Counter()
        self._opened: Counter[str] = Counter()
        self._files = {each.copy.id: folder / f"{target}-{number}.sqlite" for number, each in enumerate(work)}

    def first_look(self, deadline: Deadline) -> None:
        """List and compare every copy."""
        rolling = self._work[0].rolling
        seconds = rolling.allowances[self._work[0].copy.id].seconds if rolling is not None else None
        self._hours = Hours(seconds, [each.part for each in self._work])
        self._each(self._work, self._look, deadline)
        if unfinished := [each for each in self._work if each.unfinished]:
            self._each(unfinished, self._look_on, deadline)  # what the last copies left over goes back to those before them

    def second_look(self, deadline: Deadline) -> None:
        """Read what is bad in other copies."""
        self._each([each for each in self._work if each.asked], self._look_again, deadline)

    def interrupt(self) -> None:
        """Let nothing more begin: what is being read comes to its end, and what is being listed is given up."""
        self._interrupted.set()
        if not self.reading:
            self._deadline.end()

    def worth_waiting(self, seconds: float) -> bool:
        """Whether to wait for it, so many seconds after it was interrupted."""
        if self._idle.is_set():
            return False
        return self.pace.idle() < SILENCE if self.reading else seconds < _GIVING_UP

    def end(self, result: Done[None] | Failed | Late | Stalled, run: Deadline) -> None:
        """Take the result of a job."""
        for each in self._work:
            each.end(_why(result, run))

    def asked(self, work: list[Work]) -> bool:
        """Whether objects are to be read here since they are bad in other copies of the same systems; noted with each copy."""
        for each in self._work:
            if each.selection is not None and each.stopped is None:
                likes = (other for other in work if other.copy.system == each.copy.system and other is not each)
                each.asked = sorted({_moved(hit, other.copy.path, each.copy.path) for other in likes for hit in other.hits})
        return any(each.asked for each in self._work)

    def _each(self, work: list[Work], look: Callable[[Work, Deadline], Unobserved | None], deadline: Deadline) -> None:
        self._idle.clear()
        self._deadline = deadline
        try:
            self._manner.progress.reading(self._target.id, self.pace)
            for each in work:
                if self._interrupted.is_set():
                    return
                fact = attempt(partial(_kept, each, partial(look, each, deadline)))
                self.reading = False
                if not self._interrupted.is_set() and not each.unfinished:
                    each.end(fact if isinstance(fact, Unobserved) else fact.value)
        finally:
            self._idle.set()

    def _look(self, work: Work, deadline: Deadline) -> Unobserved | None:
        self._hours.begin(work.copy.id)
        self._before = _requests(self._calls)
        deadline.check()
        rolling, manifest = work.rolling, work.copy.manifest
        layout = format_for(work.copy, self._estate)
        if rolling is not None:
            work.sightings = rolling.sightings(self._estate, work.copy, work.facts)
        self._manner.progress.begun(work.copy.id, self._target.id)
        # Opened anew for each copy: a connection that was lost under one does not cost the next.
        with Spool(self._files[work.copy.id]) as spool, self._connector(deadline) as connector:
            self._opened = _requests(self._calls) - self._before
            if work.refused is not None or work.standing is None or manifest is None:
                for _ in work.sightings.each(layout.objects(connector, work.copy.path)) if work.sightings is not None else ():
                    deadline.check()
                return None
            verifying = self._verifying(work, manifest, work.standing, connector, spool)
            stopped = verifying.gather()
            self._manner.progress.gathered(work.copy.id)
            if stopped is None:
                if rolling is not None:
                    work.selection = self._selection(rolling, work, spool, connector)
                if rolling is not None and work.selection is not None and rolling.recorder is None:
                    work.forecast = work.selection.forecast()
                    return None
                if rolling is None:
                    self._manner.progress.planned(work.copy.id, *spool.expected())
                self.reading = True
                stopped = verifying.compare(work.selection)
            work.hits, work.unfinished = verifying.hits, verifying.unfinished
            return stopped

    def _look_on(self, work: Work, deadline: Deadline) -> Unobserved | None:
        work.unfinished = False
        if work.selection is None or work.standing is None or work.copy.manifest is None:
            return None
        with Spool(self._files[work.copy.id]) as spool, self._connector(deadline) as connector:
            work.selection.open(spool, connector)
            verifying = self._verifying(work, work.copy.manifest, work.standing, connector, spool)
            self.reading = True
            stopped = verifying.compare_more(work.selection, self._hours.rest())
            work.hits += verifying.hits
            return stopped

    def _look_again(self, work: Work, deadline: Deadline) -> Unobserved | None:
        if work.selection is None or work.standing is None or work.copy.manifest is None:
            return None
        with Spool(self._files[work.copy.id]) as spool, self._connector(deadline) as connector:
            work.selection.open(spool, connector)
            verifying = self._verifying(work, work.copy.manifest, work.standing, connector, spool)
            self.reading = True
            return verifying.compare_again(work.selection, work.asked)

    def _selection(self, rolling: Rolling, work: Work, spool: Spool, connector: Connector) -> Selection:
        allowance = rolling.allowances[work.copy.id]
        allowance.prepared(_requests(self._calls) - self._before)
        if allowance.seconds is not None:
            allowance.prepared(self._opened)  # it may go on when all copies had their turn
        tonight = Tonight(spool)
        asking = Asking(connector, tonight, work.tally, allowance.may)
        return Selection(rolling, work.copy, spool, work.tally, self._manner.progress, tonight, asking, self._hours.until(), connector)

    def _verifying(self, work: Work, manifest: Manifest, standing: Standing, connector: Connector, spool: Spool) -> Verifying:
        engine = self._manner.engine
        read = None if engine is None else partial(engine.digests, self._estate, self._target, connector)
        layout = format_for(work.copy, self._estate)
        return Verifying(
            connector,
            layout,
            work.copy,
            manifest,
            standing,
            spool,
            work.tally,
            read,
            work.sightings,
            stop=self._interrupted.is_set,
            told=lambda wanted, _: self._manner.progress.done(work.copy.id, wanted.entry.size),
        )

    def _connector(self, deadline: Deadline) -> Connector:
        connector = connector_for(self._target, self._estate, deadline=deadline, calls=self._calls)
        connector.pace = self.pace
        return connector


def _kept(work: Work, look: Callable[[], Unobserved | None]) -> Unobserved | None:
    """What `look` returns. A store that fails is no failure of the place: it ends the copy, and is told when everything else was done."""
    try:
        return look()
    except StoreError as failure:
        if work.rolling is not None:
            work.rolling.failures.append(failure)
        return Unobserved(Reason.INTERNAL, str(failure))


def _requests(calls: CallLog) -> Counter[str]:
    """The calls to a place that are charged for, by class."""
    found: Counter[str] = Counter()
    for call, count in calls.counts():
        name = call.partition(":")[2]
        if name.startswith("List"):
            found["list"] += count
        elif name == "GetObject":
            found["get"] += count
        elif name.startswith(("Head", "GetObjectAttributes")):
            found["head"] += count
    return found


def _moved(key: str, path: str, to: str) -> str:
    """The key, below `path` in one copy, as it would be in a copy that lies at `to`."""
    name = key[len(path) + 1 :] if path else key
    return f"{to}/{name}" if to else name


def _why(result: object, run: Deadline) -> Unobserved | None:
    if isinstance(result, Done):
        return None
    if isinstance(result, Failed):
        return Unobserved(Reason.INTERNAL, f"{type(result.error).__name__}: {result.error}")
    if isinstance(result, Stalled):
        return Unobserved(Reason.TIMED_OUT, f"the target gave no sign of life for {result.seconds:g} s; the rest was left")
    if isinstance(result, Late) and not result.seconds:
        return Unobserved(Reason.TIMED_OUT, "the run's time was over before it was this target's turn")
    return Unobserved(Reason.TIMED_OUT, f"the target did not answer within the run's {run.seconds:g} s; the rest was left")
