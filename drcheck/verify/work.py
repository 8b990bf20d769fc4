"""One copy while it is verified: what is known of it, and what becomes of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from drcheck.clock import now as clock_now
from drcheck.estate.schema import Copy, Estate
from drcheck.model import NO_STORE, Changes, CopyFacts, Fact, Observed, Points, Reason, Source, Unobserved, Verification
from drcheck.verify.hours import Part
from drcheck.verify.plan import OVERHEAD, Forecast
from drcheck.verify.progress import Progress
from drcheck.verify.rolling import Rolling
from drcheck.verify.selection import Selection
from drcheck.verify.sightings import Sightings
from drcheck.verify.standing import Standing
from drcheck.verify.tally import ResultSink, Tally


class Work:
    """One copy to be verified."""

    def __init__(
        self, estate: Estate, copy: Copy, facts: CopyFacts, now: datetime, results: ResultSink | None, rolling: Rolling | None, progress: Progress
    ) -> None:
        self.estate = estate
        self.copy = copy
        self.facts = facts
        self.rolling = rolling
        self.progress = progress
        self.tally = Tally(copy.id, rolling.recorder if rolling is not None else results)
        self.standing = Standing(facts.points.value, now) if isinstance(facts.points, Observed) else None
        self.refused = _refused(copy, facts.points, self.standing)
        self.stopped: Unobserved | None = None
        """Why it ended before everything was looked at."""
        self.ended = False
        self.unfinished = False
        """Whether it goes on in the time that the target's other copies leave over."""
        self.sightings: Sightings | None = None
        self.selection: Selection | None = None
        self.forecast: Forecast | None = None
        self.hits: tuple[str, ...] = ()
        self.asked: list[str] = []
        """Objects to read that are bad in another copy of the system."""

    @property
    def worth_a_look(self) -> bool:
        """Whether its place is asked at all: there is something to compare, or a store to keep its listing in."""
        return self.standing is not None and (self.refused is None or self.rolling is not None)

    @property
    def part(self) -> Part:
        """What its share of its target's time is reckoned from."""
        objects = self.facts.points.value.objects if isinstance(self.facts.points, Observed) else 0
        if self.refused is not None or self.rolling is None:
            return Part(self.copy.id, 0, objects)
        need = self.rolling.allowances[self.copy.id].need
        return Part(self.copy.id, max(1, need.bytes + need.objects * OVERHEAD), objects)

    def end(self, stopped: Unobserved | None) -> None:
        """Note that nothing more is done with it, and why it ended early."""
        if not self.ended:
            self.ended, self.stopped = True, stopped
            self.progress.ended(self.copy.id, str(stopped) if stopped is not None else "")

    def facts_now(self) -> CopyFacts:
        """What is known of it, for good."""
        return replace(self.facts, verification=self._verification(), changes=self._changes())

    def _verification(self) -> Fact[Verification]:
        if self.refused is not None:
            return self.refused
        if self.stopped is not None and not self.tally.begun:
            self.tally.freeze(self.stopped)
            return self.stopped
        source = self.facts.points.source if isinstance(self.facts.points, Observed) else Source.OBSERVED
        return Observed(self.tally.freeze(self.stopped), clock_now(), source)

    def _changes(self) -> Fact[Changes]:
        if self.rolling is None:
            return NO_STORE
        if isinstance(self.facts.points, Unobserved):
            return self.facts.points
        if self.sightings is None or self.sightings.changes is None:
            return self.stopped or Unobserved(Reason.NOT_ATTEMPTED, "its listing did not come to its end")
        return Observed(self.sightings.changes, clock_now(), self.facts.points.source)


def _refused(copy: Copy, points: Fact[Points], standing: Standing | None) -> Unobserved | None:
    """Why nothing of a copy can be compared; None where something can."""
    manifest = copy.manifest
    if manifest is None or not (manifest.name or manifest.path or manifest.kind == "bagit"):
        return Unobserved(Reason.NOT_ATTEMPTED, "no manifest is declared for this copy; nothing was promised, so nothing could be compared")
    if isinstance(points, Unobserved):
        return points
    if points.value.total and standing is not None and not standing.anything:
        return Unobserved(Reason.NOT_ATTEMPTED, f"no recovery point of {copy.id} is finished, so there was nothing to compare; look again later")
    return None
