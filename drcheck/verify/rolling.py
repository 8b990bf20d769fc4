"""Rolling verification: what makes one night go on where the last one ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drcheck.clock import now
from drcheck.connectors import connector_class
from drcheck.errors import StoreError
from drcheck.estate.schema import Copy, Estate
from drcheck.model import CopyFacts, Observed, PointState, Protection, Sampling
from drcheck.verify.budget import Allowance
from drcheck.verify.plan import INTERVAL
from drcheck.verify.sightings import Declared, Sightings
from drcheck.verify.tally import ResultSink
from drcheck.verify.terms import Asked, terms

if TYPE_CHECKING:
    from drcheck.store import Store

LONGEST = timedelta(days=30)
"""The cycle where nothing asks for a shorter one."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """What verification of a whole estate needs to go on from night to night."""

    store: Store
    organisation: str
    recorder: ResultSink | None
    """Where results go as they are made; None where the night is only planned, and nothing of it is kept."""
    seed: bytes
    """What tonight's order among equals rests on."""
    sampling: Sampling
    """The same, as it is told."""
    at: datetime
    """The moment of this night by the clock, UTC: objects are read now, whatever moment is judged."""
    cycles: Mapping[str, timedelta]
    """The cycle of each copy (`system@target`)."""
    allowances: Mapping[str, Allowance]
    """What may be spent at each copy."""
    failures: list[StoreError]
    """What went wrong with the store, added to."""
    full: bool = False
    """Whether everything is read, though it stands."""

    def sightings(self, estate: Estate, copy: Copy, facts: CopyFacts) -> Sightings:
        """What goes through the listing of one copy. Raises StoreError."""
        before = {
            point.id: (point.state, point.time)
            for point in reversed(self.store.recovery_points(self.organisation, copy.id))
            if point.state is not PointState.FUTURE
        }
        there = frozenset(point.id for point in facts.points.value.newest) if isinstance(facts.points, Observed) else frozenset()
        declared = Declared(
            path=copy.path,
            immutable=estate.target(copy.target).immutable or _locked(facts),
            retention=estate.system(copy.system).retention,
            before=before,
            there=there,
        )
        objects = self.store.objects(self.organisation, copy.id, _place(estate, copy))
        return Sightings(objects, declared, self.at, keep=self.recorder is not None)


def _place(estate: Estate, copy: Copy) -> str:
    """Where a copy lies. What was read at one place says nothing of another that is listed alike, as after a move that kept sizes and times."""
    target = estate.target(copy.target)
    return f"{target.connector} {connector_class(target.connector, estate.plugins).address(target.options)} {copy.path}"


def _locked(facts: CopyFacts) -> bool:
    lock = facts.lock
    return isinstance(lock, Observed) and isinstance(lock.value, Protection) and lock.value.immutable


@dataclass(slots=True)
class Memory:
    """
    What a run has of the nights before it.

    Attributes:
        failures: what went wrong with the store. It costs no answer, and must be told at the end.
    """

    store: Store
    asked: Asked = field(default_factory=Asked)
    policy_cycles: Mapping[str, timedelta] = field(default_factory=dict)
    """Within what time a policy wants each copy read, by its id, where one says so."""
    clock: Callable[[], datetime] = now
    """What tells when an object is read."""
    failures: list[StoreError] = field(default_factory=list)

    @contextmanager
    def night(self, estate: Estate, copies: tuple[CopyFacts, ...], *, keep: bool = True) -> Iterator[Rolling]:
        """
        What the night that begins now needs, from what inspection saw of the copies; when it ends, every result is in the store.

        Args:
            keep: whether listings and results are kept.

        Raises:
            ConfigError: a tariff is missing or wrong.
            StoreError: the store cannot be read.
        """
        organisation, at = estate.organisation.id, self.clock()
        cycles = {
            facts.id: cycle_of(estate, copy, facts, self.asked.cycle, self.policy_cycles.get(copy.id))
            for copy, facts in zip(estate.copies, copies, strict=True)
        }
        allowances = terms(estate, copies, cycles, self.asked).allowances
        seeds = self.store.sampling(organisation)
        with ExitStack() as stack:
            recorder = stack.enter_context(self.store.recorder(organisation, clock=self.clock))
            try:
                yield Rolling(
                    store=self.store,
                    organisation=organisation,
                    recorder=recorder if keep else None,
                    seed=seeds.seed,
                    sampling=Sampling(seeds.seed.hex(), hashlib.sha256(seeds.next_seed).hexdigest()),
                    at=at,
                    cycles=cycles,
                    allowances=allowances,
                    failures=self.failures,
                    full=self.asked.full,
                )
            finally:
                try:
                    stack.close()
                except StoreError as failure:
                    self.failures.append(failure)


def cycle_of(estate: Estate, copy: Copy, facts: CopyFacts, asked: timedelta | None, policy: timedelta | None) -> timedelta:
    """
    Within what time every object of a copy is read once: what the command line asks for, else the estate (the copy's, then that of all), each not
    longer than a policy wants; else what that wants; else the smallest of 30 days, a third of the system's retention, and half of the time for which
    what lies there is immutable.

    A third and a half, so that what went bad is found while another copy of it or an older version is still kept.
    """
    wanted = asked or copy.cycle or estate.verify.cycle
    if wanted is None and policy is None:
        retention = estate.system(copy.system).retention
        lock = facts.lock.value if isinstance(facts.lock, Observed) else None
        lengths = [LONGEST, *([retention / 3] if retention else []), *([timedelta(days=lock.days) / 2] if lock is not None and lock.days else [])]
        return max(min(lengths), INTERVAL)
    return min(each for each in (wanted, policy) if each is not None)
