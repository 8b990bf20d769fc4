"""Moments and lengths of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def spoken_length(length: timedelta) -> str:
    """The length of time in its two largest units, rounded down: `9 days 4 hours`, `1 hour`, `less than a minute`."""
    seconds = int(length.total_seconds())
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(max(seconds, 0), size)
        if count or parts:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "less than a minute"


def spoken_day(moment: datetime) -> str:
    """The day in UTC: `1 March 2026`."""
    day = moment.astimezone(UTC)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def spoken_moment(moment: datetime) -> str:
    """The moment in UTC: `06:00 UTC on 1 March 2026`."""
    day = moment.astimezone(UTC)
    return f"{day.hour:02}:{day.minute:02} UTC on {spoken_day(day)}"
