"""What the recorded drills of an estate are worth as a fact."""

from __future__ import annotations

from drcheck.clock import now
from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate
from drcheck.model import Drill, Fact, Observed, Reason, Source, Unobserved
from drcheck.restore.records import load_drills


def recorded_drills(estate: Estate) -> Fact[tuple[Drill, ...]]:
    """The recorded drills. A record that cannot be read is a missing fact: what needs it is unknown, and the rest of the night stands."""
    if estate.drills is None:
        return Unobserved(Reason.NOT_ATTEMPTED, 'the estate names no file of recorded drills; add drills = "drills.toml"')
    if not estate.drills.exists():
        return Unobserved(Reason.UNREACHABLE, f"{estate.drills}: no such file")
    try:
        return Observed(load_drills(estate.drills), now(), Source.DECLARED)
    except ConfigError as error:
        return Unobserved(Reason.MALFORMED, str(error).replace("\n", "; "))
