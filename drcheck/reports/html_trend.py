"""The nights up to this one, for a page: how many findings were open on each day, as a chart and as a table, with the days without a night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from drcheck.clock import format_moment
from drcheck.model import Assessment, Outcome, Past, number_of
from drcheck.reports.html_chart import columns

MOST_DAYS = 60
"""So many days up to this night's are shown."""
_SHOWN = {Outcome.FAIL: "#b3261e", Outcome.ERROR: "#6a1b9a", Outcome.UNKNOWN: "#d9a400"}
"""Outcomes that have a chart, with the colour of its columns where the page's style does not give another."""


@dataclass(frozen=True, slots=True)
class NightLine:
    """One night in the table."""

    run: str
    moment: str
    exit_code: int
    counts: tuple[int, ...]
    """Of fail, error, unknown, pass, not-applicable."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The nights that a page shows."""

    nights: tuple[NightLine, ...]
    """The latest first, this one among them; empty where no earlier night is known."""
    charts: tuple[tuple[str, str], ...]
    """A chart for each outcome that is no pass and that any of these nights had: its name, and an SVG element."""
    missing: tuple[str, ...]
    """Stretches of days without a night, in words."""
    earlier: int
    """How many nights of before are not shown."""


def trend(assessment: Assessment, past: Past | None) -> Trend:
    """The last nights; nothing where no earlier one is known."""
    if past is None or not past.nights:
        return Trend((), (), (), 0)
    run = assessment.run
    counts = tuple(assessment.counts().items())
    all_ = [(night.run, night.reference, night.exit_code, night.counts) for night in past.nights]
    all_.append((run.id, run.reference, assessment.exit_code, counts))
    last = run.reference.date()
    first = max(last - timedelta(days=MOST_DAYS - 1), min(moment.date() for _, moment, _, _ in all_))
    shown = [night for night in all_ if first <= night[1].date() <= last]
    by_day = {moment.date(): dict(found) for _, moment, _, found in shown}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    labels = [day.isoformat() for day in days]
    bars = {str(outcome): [by_day[day].get(outcome, 0) if day in by_day else None for day in days] for outcome in _SHOWN}
    order = (*_SHOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)
    return Trend(
        nights=tuple(
            NightLine(name, format_moment(moment), code, tuple(dict(found).get(outcome, 0) for outcome in order))
            for name, moment, code, found in reversed(shown)
        ),
        charts=tuple((str(outcome), columns(outcome, labels, bars[outcome], fill)) for outcome, fill in _SHOWN.items() if any(bars[outcome])),
        missing=tuple(_stretches([day for day in days if day not in by_day])),
        earlier=len(all_) - len(shown),
    )


def _stretches(days: list[date]) -> list[str]:
    """Days in a row as one: `2026-02-10 to 2026-02-13 (4 days)`."""
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    return [
        f"{stretch[0].isoformat()} to {stretch[-1].isoformat()} ({number_of(len(stretch), 'day')})" if len(stretch) > 1 else stretch[0].isoformat()
        for stretch in found
    ]
