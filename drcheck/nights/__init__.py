"""What nights say beside each other: what is new, fixed or still so, and since when. Pure; the store provides the nights."""

from drcheck.nights.past import past_of

__all__ = ["past_of"]
