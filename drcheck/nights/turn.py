"""What becomes of a finding from one night to another: the one rule, for whatever holds two nights against each other. Pure."""

from __future__ import annotations

from enum import StrEnum

from drcheck.model import Outcome
from drcheck.nights.standing import UNSURE


class Turn(StrEnum):
    """What became of one finding from one night to another, in the order in which they are told."""

    BROKE = "new-failure"
    """It fails, and did not: it passed, was not known, was not asked, or was not judged at all."""
    LOST = "became-unknown"
    """It is unknown or in error, and was not."""
    STILL = "still-failing"
    UNSURE = "still-unknown"
    REMOVED = "no-longer-judged"
    """It was judged, and is not any more: its control or its subject is gone. A failure that is gone in this way was not repaired."""
    FIXED = "fixed"
    """It failed, and passes."""
    FOUND = "became-known"
    """It was unknown or in error, and is not."""
    EXEMPT = "no-longer-applicable"
    """It failed or passed, and is not asked any more."""
    ADDED = "newly-judged"
    """It was not judged, and passes or is not applicable."""


def turn_of(was: Outcome | None, now: Outcome | None) -> Turn | None:
    """
    What became of a finding; None where it is as it was, and well.

    Args:
        was: its outcome on the earlier night; None where it was not judged then.
        now: the same on the later one. At least one of the two is known.
    """
    if now is None:
        return Turn.REMOVED
    if now is Outcome.FAIL:
        return Turn.STILL if was is Outcome.FAIL else Turn.BROKE
    if now in UNSURE:
        return Turn.UNSURE if was in UNSURE else Turn.LOST
    if was is None:
        return Turn.ADDED
    if was in UNSURE:
        return Turn.FOUND
    if now is Outcome.PASS:
        return Turn.FIXED if was is Outcome.FAIL else None
    return Turn.EXEMPT if was is not Outcome.NOT_APPLICABLE else None


def no_longer_judged(was: Outcome | None, now: Outcome | None) -> bool:
    """Whether it was judged and is not any more: it is absent, or not applicable. Nobody mended what failed, and a failure would not be seen."""
    unjudged = (None, Outcome.NOT_APPLICABLE)
    return was not in unjudged and now in unjudged
