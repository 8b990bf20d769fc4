"""Sampling: what makes tonight's choice unpredictable before, and recomputable after."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """
    The seeds of one run. The order in which objects are drawn is that of BLAKE2b (RFC 7693) of their keys, keyed with the run's seed.

    The seed of each run is made during the run before, which publishes its digest; whoever holds both assessments sees that it was not chosen
    afterwards.
    """

    seed: str
    """What this run used, 32 bytes as hex."""
    committed: str
    """The SHA-256 of the next run's seed, hex."""
