"""How fast a place is read: counted, so that a place that has stopped is seen, and held back where a rate is set."""

from __future__ import annotations

import threading

from drcheck.clock import Deadline, monotonic, wait

_LATE = 0.1  # seconds; more may be read at once only by what the rate allows in these
_LEAST = 4096  # a request for less costs more than what it brings


class Pace:
    """
    The bytes that are read at one place, or in a whole run. Any thread may use it.

    With a rate each amount is given the moment at which it may be read, one after the other, so the mean stays below the rate however many read at a
    time. Whoever comes a little late for its moment does not lose it: waits always take longer than asked, and the rate would never be reached.
    """

    def __init__(self, rate: float | None = None, *, whole: Pace | None = None) -> None:
        """
        Args:
            rate: bytes a second; None for as fast as it goes.
            whole: what counts and holds back this place together with others, such as the run's.
        """
        if rate is not None and rate <= 0:
            raise ValueError(f"a rate of {rate} bytes a second reads nothing")
        self.rate = rate
        self._whole = whole
        self._lock = threading.Lock()
        self._next = monotonic()
        self._last = self._next
        self._bytes = 0

    @property
    def limit(self) -> float | None:
        """The rate that holds here: the smaller of its own and that of the whole; None where there is none."""
        rates = [rate for rate in (self.rate, None if self._whole is None else self._whole.limit) if rate is not None]
        return min(rates, default=None)

    @property
    def bytes(self) -> int:
        """The bytes that were read so far."""
        return self._bytes

    def portion(self, most: int, seconds: float = 0.125) -> int:
        """
        The bytes that one step should take: those of so many seconds where a rate is set, and `most` at most.

        A place is then read evenly instead of in bursts, and nobody waits long for leave.
        """
        limit = self.limit
        return most if limit is None else min(most, max(_LEAST, int(limit * seconds)))

    def idle(self) -> float:
        """Seconds since anything was last read, and not held back."""
        return max(0.0, monotonic() - self._last)

    def add(self, amount: int = 0) -> None:
        """Note that so many bytes were read just now; 0 is a sign of life."""
        with self._lock:
            self._bytes += amount
            self._last = max(self._last, monotonic())
        if self._whole is not None:
            self._whole.add(amount)

    def delay(self, amount: int) -> float:
        """Take leave to read so many bytes; seconds from now until they may be read."""
        mine = 0.0
        if self.rate is not None:
            with self._lock:
                start = max(self._next, monotonic() - _LATE)
                self._next = start + amount / self.rate
                mine = start - monotonic()
        seconds = max(mine, 0.0, 0.0 if self._whole is None else self._whole.delay(amount))
        with self._lock:
            self._last = max(self._last, monotonic() + seconds)
        return seconds

    def hold(self, amount: int, deadline: Deadline) -> None:
        """Wait until so many bytes may be read. Raises TimedOut where the deadline passes meanwhile."""
        seconds = self.delay(amount)
        if seconds > 0:
            left = deadline.remaining()
            wait(seconds if left is None else min(seconds, left))
            deadline.check()


class Leave:
    """What whoever reads many things on one thread asks before each request, since it must not wait there: may it be sent now?"""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._held = pace.limit is not None
        self._moment: float | None = None

    def given(self, amount: int) -> bool:
        """Whether so many bytes may be read now. Where not, it is asked again for what is then the next request, which need not be the same."""
        if not self._held:
            return True
        if self._moment is None:
            self._moment = monotonic() + self._pace.delay(amount)
        if monotonic() < self._moment:
            return False
        self._moment = None
        return True

    def seconds(self) -> float | None:
        """How long the leave that was asked for is still to come; None where none is asked for."""
        return None if self._moment is None else max(0.0, self._moment - monotonic())
