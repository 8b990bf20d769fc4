"""What nights say beside each other: what is new, fixed or still so, since when, and which are missing. Pure; the store provides the nights."""

from drcheck.nights.diff import Diff, Side, WaiverTurn, diff
from drcheck.nights.gaps import Gap, Rhythm, gaps
from drcheck.nights.named import night_named
from drcheck.nights.past import past_of
from drcheck.nights.standing import Standing, own_moment, standings
from drcheck.nights.status import Problem, Status, exit_code, last_night, status
from drcheck.nights.trend import Repairs, Trend, Trouble, trend, troubles
from drcheck.nights.turn import Turn, no_longer_judged, turn_of
from drcheck.nights.unjudged import Gone, Lack

__all__ = [
    "Diff",
    "Gap",
    "Gone",
    "Lack",
    "Problem",
    "Repairs",
    "Rhythm",
    "Side",
    "Standing",
    "Status",
    "Trend",
    "Trouble",
    "Turn",
    "WaiverTurn",
    "diff",
    "exit_code",
    "gaps",
    "last_night",
    "night_named",
    "no_longer_judged",
    "own_moment",
    "past_of",
    "standings",
    "status",
    "trend",
    "troubles",
    "turn_of",
]
