"""What of one copy is read tonight, and what of it stands from earlier nights."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import chain

from drcheck.clock import Deadline
from drcheck.connectors.base import Connector
from drcheck.estate.schema import Copy
from drcheck.model import ObjectResult, ObjectVerdict
from drcheck.verify.asking import Asking
from drcheck.verify.compare import verdict, weak_only, wrong_size
from drcheck.verify.earlier import Worth, worth
from drcheck.verify.gather import SIGN_OF_LIFE
from drcheck.verify.plan import INTERVAL, Forecast, Night, choose, ends, turns
from drcheck.verify.progress import Progress
from drcheck.verify.rolling import Rolling
from drcheck.verify.spool import Spool, as_bytes
from drcheck.verify.tally import Tally
from drcheck.verify.tonight import Tonight
from drcheck.verify.waiting import Waiting
from drcheck.verify.wanted import Wanted


class Selection:
    """
    What of one copy is read tonight. Used by one thread: `objects`, while results are told to `note`, then `finish`.

    Nothing that stands is lost by reading it again: it is told to the tally as standing first, and replaced when it was read.
    """

    def __init__(
        self,
        rolling: Rolling,
        copy: Copy,
        spool: Spool,
        tally: Tally,
        progress: Progress,
        tonight: Tonight,
        asking: Asking,
        until: Deadline,
        connector: Connector,
    ) -> None:
        """`until` is when no further object is begun."""
        self.until = until
        self._copy = copy.id
        self._spool = spool
        self._tally = tally
        self._progress = progress
        self._allowance = rolling.allowances[copy.id]
        self._cycle = rolling.cycles[copy.id]
        self._at = rolling.at
        self._full = rolling.full
        self._requests = connector.requests_for
        self._pace = connector.pace
        self._asking = asking
        self._tonight = tonight
        now = int(rolling.at.timestamp())
        self._since = now - int(self._cycle.total_seconds())
        self._soon = self._since + int(INTERVAL.total_seconds())
        self._lately = now - int(INTERVAL.total_seconds()) // 2
        self._rest: Iterator[Wanted] = iter(())
        self._begun: dict[str, Wanted] = {}
        self._left = 0
        self._hash = hashlib.blake2b(copy.id.encode(), key=rolling.seed, digest_size=8)
        self._turns = tonight.turns(turns(spool.planned(), self._cycle))
        self._waiting = Waiting(spool, copy.id, rolling.seed) if self._limited else None
        self._counts = dict.fromkeys(("objects", "standing", "due", "suspect", "fresh", "chosen", "bytes"), 0)

    def open(self, spool: Spool, connector: Connector) -> None:
        """Go on in the spool that was closed meanwhile, over another connection."""
        self._spool = spool
        self._tonight.open(spool)
        self._asking.open(connector)
        if self._waiting is not None:
            self._waiting.open(spool)

    @property
    def _limited(self) -> bool:
        return not self._allowance.unlimited or self._allowance.seconds is not None

    def objects(self) -> Iterator[Wanted]:
        """The objects to read, in the order in which they should be. Those that need no reading have their result told here."""
        if self._waiting is None:
            # Whatever ends the night, what stands is told as standing, what is due as left, and what is known to be bad as bad.
            self._tally.rotate(self._night(left=self._tonight.due(min(self._soon, self._lately))))
            self._tally.before(self._known_bad())
            about = self._tonight.expected(min(self._soon, self._lately), self._lately, self._turns)
            self._progress.planned(self._copy, *(self._spool.expected() if self._full else about))
            self._rest = self._sorted_out(None)
            for wanted in self._rest:
                self._count(wanted)
                self._begun[wanted.entry.key] = wanted
                yield wanted
            self._progress.planned(self._copy, self._counts["chosen"], self._counts["bytes"])
            return
        for _ in self._sorted_out(self._waiting):
            pass
        self._waiting.settle()
        self._counts["chosen"], self._counts["bytes"] = choose(self._waiting, self._allowance, in_waves=self._allowance.seconds is not None)
        for wanted in self._waiting.passed_over():
            self._tally.still_bad(_as_before(wanted))
        # Until it was read, nothing of it counts as read.
        self._tally.rotate(self._night(left=self._counts["due"]))
        self._tally.before(map(_as_before, self._waiting.unreached()))
        self._progress.planned(self._copy, self._counts["chosen"], self._counts["bytes"])
        for wanted in self._waiting.tonight():
            yield wanted._replace(stood=worth(wanted.earlier, _promised(wanted), self._since) is Worth.STANDS)

    def short_of_time(self) -> bool:
        """Whether something was chosen that the time was too short for."""
        self._tonight.settle()
        return self._allowance.seconds is not None and next(self.unreached(), None) is not None

    def unreached(self) -> Iterator[Wanted]:
        """The objects that were chosen and have no result of tonight, in the order in which they should be read."""
        for wanted in self._waiting.rest() if self._waiting is not None else ():
            yield wanted._replace(stood=worth(wanted.earlier, _promised(wanted), self._since) is Worth.STANDS)

    def forecast(self) -> Forecast:
        """What would be read, and its cost, without reading it."""
        # What was listed without a version is asked about before it is read.
        bare = sum(not wanted.entry.version for wanted in self.objects())
        if self._requests(0):
            self._allowance.prepared({"head": bare})
        if self._waiting is None:
            self._asking.plan(iter(()))
        else:
            # Where time is the limit nobody knows which of the chosen will be asked about instead of being read.
            self._asking.plan(self._waiting.unchosen() if self._allowance.seconds is None else self._waiting.unread())
        night, spent = self._night(left=0), self._allowance.spent
        if self._waiting is not None:
            left, size = self._waiting.passed()
            night = replace(night, left=left, ends=ends(self._at, size, night.bytes))
        self._allowance.finish()
        return Forecast(self._copy, night, spent, self._allowance.overdrawn)

    def note(self, wanted: Wanted, found: ObjectVerdict) -> None:
        """Take the result of one object that was read."""
        self._progress.done(self._copy, wanted.entry.size)
        self._begun.pop(wanted.entry.key, None)
        if self._waiting is not None or wanted.stood:
            self._tonight.note_done(wanted.entry.key, bad=found.result is not ObjectResult.MATCH)

    def ask(self) -> None:
        """Ask the place about what was not read. Raises the connector's error where the place is lost."""
        self._tonight.settle()
        self._asking.ask(self._waiting.unread() if self._waiting is not None else iter(()))

    def finish(self, *, done: bool = True) -> None:
        """Tell the tally what became of the plan so far; where it is done with, leave what was not spent to others."""
        if done:
            self._allowance.finish()
        self._tonight.settle()
        if self._waiting is None:
            # Where the night ended early, what was begun without a result and the rest are sorted out all the same: what stands is told, what is
            # due counted, what is bad kept.
            begun, self._begun = self._begun, {}
            for wanted in chain(begun.values(), self._rest):
                value, queue = worth(wanted.earlier, _promised(wanted), self._since), wanted.earlier.queue if wanted.earlier else 0
                self._left += self._is_due(value, queue)
                if value is Worth.SUSPECT:
                    self._tonight.note_told(wanted.entry.key)
                    self._tally.still_bad(_as_before(wanted))
            night = self._night(left=self._left)
        else:
            for wanted in self._waiting.unreached():
                if not self._tonight.told(wanted.entry.key):
                    self._tonight.note_told(wanted.entry.key)
                    self._tally.still_bad(_as_before(wanted))
            left, size = self._waiting.left()
            pool, drawn, bad, unread = self._waiting.drawn()
            end = ends(self._at, size, self._waiting.reached())
            night = replace(self._night(left=left), pool=pool, drawn=drawn, drawn_bad=bad, unread=unread, ends=end)
        self._tally.rotate(night)

    def again(self, keys: Collection[str]) -> Iterator[Wanted]:
        """
        Of these objects those that stand or did, and have no result of tonight: neighbours of one that is not what was promised, or its likes in
        another copy. They are few, and read whatever the budget is.
        """
        # Without a budget all that expired was read.
        worth_it = (Worth.STANDS,) if self._waiting is None else (Worth.STANDS, Worth.EXPIRED)
        for wanted in self._spool.wanted_of(keys):
            value = worth(wanted.earlier, _promised(wanted), self._since)
            if wanted.entry.archived or self._tonight.told(wanted.entry.key):
                continue
            if value in worth_it and wrong_size(wanted) is None:
                self._allowance.charge(self._requests(wanted.entry.size), wanted.entry.size)
                if value is Worth.STANDS and wanted.earlier is not None:
                    self._tally.expect(wanted.earlier.read)
                yield wanted._replace(stood=value is Worth.STANDS)

    def _known_bad(self) -> Iterator[ObjectVerdict]:
        """What earlier nights made of objects that are not what was promised, or could not be read."""
        for wanted in self._tonight.found_bad():
            if worth(wanted.earlier, _promised(wanted), self._since) is Worth.SUSPECT and not wanted.entry.archived and wrong_size(wanted) is None:
                yield _as_before(wanted)

    def _sorted_out(self, waiting: Waiting | None) -> Iterator[Wanted]:
        """Every object that should be read; noted as waiting where the night may be too short for all."""
        count = self._counts
        for wanted in self._spool.wanted():
            count["objects"] += 1
            if not count["objects"] % SIGN_OF_LIFE:
                self._pace.add(0)
            mismatch = wrong_size(wanted)
            if mismatch is not None:
                self._tally.result(mismatch, entry=wanted.entry)
                continue
            if wanted.entry.archived:
                self._asking.leave(wanted)
                continue
            earlier = wanted.earlier
            value, queue = (Worth.NOTHING, 0) if earlier is None else (worth(earlier, _promised(wanted), self._since), earlier.queue)
            stands = value is Worth.STANDS
            if stands or value is Worth.STANDS_THERE:
                count["standing"] += 1
            if due := self._is_due(value, queue):
                count["due"] += 1
            suspect, fresh = value is Worth.SUSPECT, value is Worth.NOTHING
            if suspect or fresh:
                count["suspect" if suspect else "fresh"] += 1
            if stands and earlier is not None:
                # What was read a short while ago is not read in turn: a run that was cut short goes on, and does not begin anew.
                again = due or self._full or (queue <= self._lately and self._has_its_turn(wanted.entry.key, queue))
                self._tally.still_matches(wanted.entry.key, read=earlier.read, weak=weak_only(wanted), again=again)
                if not again:
                    continue
            elif value is Worth.STANDS_THERE and not self._full:
                self._tally.still_matches(wanted.entry.key, read=0, weak=weak_only(wanted), there=True)
                continue
            chosen = wanted._replace(stood=True) if stands else wanted
            if waiting is not None:
                waiting.add(chosen, suspect=suspect, fresh=fresh, due=due)
            yield chosen

    def _is_due(self, value: Worth, queue: int) -> bool:
        """Whether the cycle of an object is over, or would be before the next night; not where it was read a short while ago."""
        return value is Worth.EXPIRED or (value is Worth.STANDS and queue <= min(self._soon, self._lately))

    def _has_its_turn(self, key: str, queue: int) -> bool:
        """Whether a standing object is among those that have waited longest; among equals the seed decides."""
        threshold, fraction = self._turns
        if queue != threshold:
            return queue < threshold
        rank = self._hash.copy()
        rank.update(b"\0" + as_bytes(key))
        return int.from_bytes(rank.digest(), "big") < fraction * 2**64

    def _count(self, wanted: Wanted) -> None:
        self._allowance.take(wanted.entry.size)
        self._counts["chosen"] += 1
        self._counts["bytes"] += wanted.entry.size

    def _night(self, *, left: int) -> Night:
        count = self._counts
        return Night(
            cycle=self._cycle,
            objects=count["objects"],
            standing=count["standing"],
            due=count["due"],
            suspect=count["suspect"],
            fresh=count["fresh"],
            chosen=count["chosen"],
            bytes=count["bytes"],
            left=left,
        )


def _promised(wanted: Wanted) -> list[tuple[str, str]]:
    return [(promise.algorithm, promise.digest) for promise in wanted.promises]


def _as_before(wanted: Wanted) -> ObjectVerdict:
    """What an earlier night made of an object that is not what was promised, or could not be read."""
    found = wanted.earlier.digests if wanted.earlier else {}
    for promise in wanted.promises:
        if found.get(promise.algorithm, promise.digest) != promise.digest:
            detail = "so it was when it was last read; it was not read again tonight"
            return verdict(wanted, ObjectResult.MISMATCH, promise, found=found[promise.algorithm], detail=detail)
    return verdict(wanted, ObjectResult.UNREADABLE, detail="it could not be read when it was last tried, and was not tried again tonight")
