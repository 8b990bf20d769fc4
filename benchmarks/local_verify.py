"""
drcheck's own way of verifying one folder against one manifest, in a process of its own: `python -m benchmarks.local_verify ESTATE`.

All of it but the inspection before: the listing, the manifest, reading, comparing. Prints how many objects had each result, and the seconds that
verifying took, without the start of the process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from drcheck.clock import Deadline, monotonic, now
from drcheck.model import CopyFacts, Observed, Points, PointState, Reason, RecoveryPoint, Source, Unobserved
from drcheck.open_estate import open_estate
from drcheck.verify import verify


def main() -> None:
    """Verify the estate's only copy, a mirror."""
    estate = open_estate(Path(sys.argv[1]))
    (copy,) = estate.copies
    moment = now()
    point = RecoveryPoint(".", moment, "modified", 1, 1, PointState.FINISHED)
    points = Points(1, ((PointState.FINISHED, 1),), (point,), point, (), 1, 1)
    nothing = Unobserved(Reason.NOT_ATTEMPTED, "")
    seen = CopyFacts(copy.system, copy.target, Observed(points, moment, Source.OBSERVED), nothing, nothing)
    begun = monotonic()
    (found,) = verify(estate, (seen,), now=moment, workers=1, run=Deadline(None))
    seconds = monotonic() - begun
    if not isinstance(found.verification, Observed):
        raise SystemExit(str(found.verification))
    print(json.dumps({**{str(result): count for result, count in found.verification.value.counts}, "seconds": seconds}))


if __name__ == "__main__":
    main()
