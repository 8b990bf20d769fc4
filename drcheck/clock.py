"""
Time: the only module that asks what time it is.

Every moment inside drcheck is an aware `datetime` in UTC. A run takes one reference time at its start and judges everything against it;
monotonic time serves deadlines only.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

from drcheck.errors import TimedOut

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# ASCII digits only: `\d` would also take the digits of other scripts.
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
_DURATION = re.compile(rf"{_PART.pattern}(?: ?{_PART.pattern})*")


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def wait(seconds: float) -> None:
    """Do nothing for so long."""
    time.sleep(seconds)


def parse_duration(text: str) -> timedelta:
    """
    The length of time that `text` names: `90s`, `15m`, `24h`, `35d`, `2w`, or a sum such as `1d12h` or `1d 12h`.

    Raises:
        ValueError: the text is not such a duration; the message says what is.
    """
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, such as 90s, 15m, 24h, 35d or 2w")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than drcheck can count") from None


def format_duration(length: timedelta) -> str:
    """The length of time in the two largest units that it has, such as `2d 3h`, `15m` or `0s`; negative ones with a minus sign."""
    seconds = int(length.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts[:2]) if parts else "0s"


def parse_moment(text: str) -> datetime:
    """
    The moment that an ISO 8601 text names, in UTC. A text without a zone is refused: a guessed zone is a wrong age.

    Raises:
        ValueError: the text is no ISO 8601 moment with a zone.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter where only the move to UTC leaves the calendar
        raise ValueError(f"{text!r} is not a moment; write it as 2026-03-01T02:10:00Z") from None
    raise ValueError(f"{text!r} has no time zone; write it as 2026-03-01T02:10:00Z or with +01:00")


def format_moment(moment: datetime) -> str:
    """The moment as ISO 8601 in UTC to the second, with its zone: `2026-03-01T02:10:00Z`."""
    # Not strftime: its %Y has fewer than four digits before the year 1000 on some systems.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


class Deadline:
    """The moment by which a piece of work must have ended, on the monotonic clock. `seconds=None` never passes."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, never below zero; None where there is no end."""
        return None if self._end is None else max(0.0, self._end - monotonic())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self._end is not None and monotonic() >= self._end

    def end(self) -> None:
        """Let it pass now."""
        self.seconds, self._end = self.seconds or 0.0, monotonic()

    def check(self) -> None:
        """
        Return while there is time; loops call it per page and per chunk.

        Raises:
            TimedOut: the deadline has passed.
        """
        if self._end is not None and time.monotonic() >= self._end:  # asked for every object: as short as it can be
            raise TimedOut(f"not finished within its deadline of {self.seconds:g} s")
