"""
drcheck's connector alone, in a process of its own: `python -m benchmarks.digests ESTATE SUMS SIZE`.

From the connection to the last digest of every file that the manifest names, of SIZE bytes each, compared with it: no listing before, and no records
after. Prints how many match, and the seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from drcheck.clock import Deadline, monotonic
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, Entry
from drcheck.digests import Digests
from drcheck.open_estate import open_estate


def main() -> None:
    """Ask for all digests."""
    estate = open_estate(Path(sys.argv[1]))
    lines = (line.split("  ", 1) for line in Path(sys.argv[2]).read_text(encoding="ascii").splitlines())
    promised = {name: digest for digest, name in lines}
    (target,) = estate.targets
    wanted, size = frozenset(("sha256",)), int(sys.argv[3])
    begun = monotonic()
    with connector_for(target, estate, deadline=Deadline(None), calls=CallLog("bench")) as connector:
        match = 0
        for entry, answer in connector.digests((Entry(name, size, None), wanted) for name in promised):
            match += isinstance(answer, Digests) and answer.hex["sha256"] == promised[entry.key]
        seconds = monotonic() - begun
    print(json.dumps({"match": match, "seconds": seconds}))


if __name__ == "__main__":
    main()
