"""The contract of a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drcheck.errors import ConfigError
from drcheck.model import Assessment, Outcome, Past


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How to report. A format that has no use for an option ignores it."""

    wide: bool = False
    """Nothing is collapsed or shortened: passes in full, what is not applicable, the facts of each finding, every parameter."""
    only: frozenset[str] = frozenset()
    """Show only findings with these outcomes; empty means all. Counts are always of everything."""
    colour: bool = False
    """Whether ANSI colours may be used."""
    width: int = 100
    """Columns of the terminal."""
    past: Past | None = None
    """What earlier nights say beside it; None where no store was asked."""

    def __post_init__(self) -> None:
        wrong = sorted(self.only - set(Outcome))
        if wrong:
            raise ConfigError(f"{', '.join(wrong)}: not an outcome; known: {', '.join(Outcome)}")


Report = Callable[[Assessment, ReportOptions], str | bytes]
"""A pure function: equal input gives an equal report, on any machine at any time. A text ends with a line end; bytes are for what is no text."""
