"""Failure domains: where production and each copy stand, and which of them no single failure takes together."""

from drcheck.independence.separation import EXACT, Found, Grouped, Pair, Standings, compare
from drcheck.independence.standing import DEVICE, Domain, Standing, production_in, standing_of_production, standing_of_target, target_in

__all__ = [
    "DEVICE",
    "EXACT",
    "Domain",
    "Found",
    "Grouped",
    "Pair",
    "Standing",
    "Standings",
    "compare",
    "production_in",
    "standing_of_production",
    "standing_of_target",
    "target_in",
]
