"""What drcheck keeps itself: the store, which has to be backed up like anything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoreKept:
    """The store that a run uses, as the run found it."""

    kind: str
    """`sqlite` or `postgresql`."""
    place: str
    """A path, or a URL without its password; safe to print after `drcheck.model.printable`."""
    nights: int
    """How many assessments of this organisation it held before this run, those included whose papers were pruned."""
    first: datetime | None
    """When the first of them began, UTC; None where there is none."""
