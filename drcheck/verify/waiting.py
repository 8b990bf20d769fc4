"""Where the objects of one copy wait for tonight: on disk, beside what is listed and promised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from drcheck.verify.plan import Line
from drcheck.verify.spool import Spool, as_bytes, as_key
from drcheck.verify.wanted import Wanted

_TABLES = """
    CREATE TABLE waiting (
        key BLOB PRIMARY KEY, queue INTEGER, tie BLOB, size INTEGER, suspect INTEGER, fresh INTEGER, due INTEGER, stood INTEGER, wave INTEGER
    ) WITHOUT ROWID
"""
_BATCH = 1_000
_ORDER = {
    Line.ROTATION: "1 ORDER BY queue, stood, tie",
    Line.SUSPECT: "suspect ORDER BY queue, tie",
    Line.FRESH: "fresh ORDER BY queue DESC, tie",
}


class Waiting:
    """
    The lines of one copy. Used by one thread.

    Among those that have waited equally long the order is that of a keyed hash (BLAKE2b, RFC 7693): nobody who does not know the seed can tell
    beforehand what will be read, and whoever knows it afterwards can see that nobody chose.
    """

    def __init__(self, spool: Spool, copy: str, seed: bytes) -> None:
        self._spool = spool
        self._hash = hashlib.blake2b(copy.encode(), key=seed, digest_size=16)
        self._rows: list[tuple[object, ...]] = []
        spool.run(_TABLES)

    def open(self, spool: Spool) -> None:
        """Go on in the spool that was closed meanwhile."""
        self._spool = spool

    def add(self, wanted: Wanted, *, suspect: bool, fresh: bool, due: bool) -> None:
        """Put an object into its lines."""
        key = as_bytes(wanted.entry.key)
        tie = self._hash.copy()
        tie.update(b"\0" + key)
        queue = wanted.earlier.queue if wanted.earlier else 0
        self._rows.append((key, queue, tie.digest(), wanted.entry.size, suspect, fresh, due, wanted.stood))
        if len(self._rows) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Write what was added."""
        self._spool.run_many("INSERT INTO waiting (key, queue, tie, size, suspect, fresh, due, stood) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()

    def waiting(self, line: Line) -> Iterator[tuple[str, int]]:
        """See `drcheck.verify.plan.Lines`."""
        for key, size in self._spool.run(f"SELECT key, size FROM waiting WHERE {_ORDER[line]}"):  # noqa: S608 - constants
            yield as_key(key), size

    def chosen(self, key: str) -> bool:
        """See `drcheck.verify.plan.Lines`."""
        return self._spool.run("SELECT 1 FROM waiting WHERE key = ? AND wave IS NOT NULL", (as_bytes(key),)).fetchone() is not None

    def choose(self, key: str, wave: int) -> None:
        """See `drcheck.verify.plan.Lines`."""
        self._spool.run("UPDATE waiting SET wave = ? WHERE key = ?", (wave, as_bytes(key)))

    def tonight(self) -> Iterator[Wanted]:
        """Every object that is read tonight, wave after wave, each in key order."""
        return self._spool.wanted_in("(SELECT key, wave FROM waiting WHERE wave IS NOT NULL) a", "a.wave, a.key")

    def rest(self) -> Iterator[Wanted]:
        """As `tonight`, those that have no result yet."""
        without = "key NOT IN (SELECT key FROM done) AND key NOT IN (SELECT key FROM told)"
        return self._spool.wanted_in(f"(SELECT key, wave FROM waiting WHERE wave IS NOT NULL AND {without}) a", "a.wave, a.key")  # noqa: S608

    def passed_over(self) -> Iterator[Wanted]:
        """Every suspect that is not read tonight."""
        return self._spool.wanted_in("(SELECT key FROM waiting WHERE suspect AND wave IS NULL) a", "a.key")

    def unreached(self) -> Iterator[Wanted]:
        """Every suspect that was to be read tonight and was not."""
        return self._spool.wanted_in("(SELECT key FROM waiting WHERE suspect AND wave IS NOT NULL AND key NOT IN (SELECT key FROM done)) a", "a.key")

    def unread(self) -> Iterator[Wanted]:
        """Every object without a reading that stands which was not read tonight, nor told as bad already."""
        return self._spool.wanted_in("(SELECT key FROM waiting WHERE NOT stood AND NOT suspect AND key NOT IN (SELECT key FROM done)) a", "a.key")

    def unchosen(self) -> Iterator[Wanted]:
        """Every object without a reading that stands which is not chosen, nor told as bad already."""
        return self._spool.wanted_in("(SELECT key FROM waiting WHERE NOT stood AND NOT suspect AND wave IS NULL) a", "a.key")

    def left(self) -> tuple[int, int]:
        """How many due objects were not read, and the bytes of all that has no reading that stands and was not read."""
        due, size = self._spool.run(
            "SELECT count(*) FILTER (WHERE due), coalesce(sum(size) FILTER (WHERE NOT stood), 0) FROM waiting WHERE key NOT IN (SELECT key FROM done)"
        ).fetchone()
        return int(due), int(size)

    def reached(self) -> int:
        """The bytes of all that was chosen and read, or tried to be."""
        (size,) = self._spool.run("SELECT coalesce(sum(size), 0) FROM waiting WHERE wave IS NOT NULL AND key IN (SELECT key FROM done)").fetchone()
        return int(size)

    def passed(self) -> tuple[int, int]:
        """How many due objects are not chosen, and the bytes of all that has no reading that stands and is not chosen."""
        due, size = self._spool.run(
            "SELECT count(*) FILTER (WHERE due), coalesce(sum(size) FILTER (WHERE NOT stood), 0) FROM waiting WHERE wave IS NULL"
        ).fetchone()
        return int(due), int(size)

    def drawn(self) -> tuple[int, int, int, int]:
        """
        How many objects tonight drew from at random, how many it drew, how many of these are bad, and how many of all it drew from were not read.

        Drawn from are those without a reading that stands which have waited equally long: of all such groups the largest. The objects that were read
        first in the order of the hash, up to the first that was not, are a random sample of the group, for whatever reason they were read.
        """
        groups = "SELECT queue, count(*) FROM waiting WHERE NOT stood GROUP BY queue ORDER BY count(*) DESC, queue LIMIT 1"
        group = self._spool.run(groups).fetchone()
        if group is None:
            return 0, 0, 0, 0
        queue, count = group
        drawn = found = 0
        in_order = "SELECT d.bad FROM waiting w LEFT JOIN done d ON d.key = w.key WHERE NOT w.stood AND w.queue = ? ORDER BY w.tie"
        for (bad,) in self._spool.run(in_order, (queue,)):
            if bad is None:
                break
            drawn, found = drawn + 1, found + bad
        not_read = "SELECT count(*) FROM waiting WHERE NOT stood AND queue = ? AND key NOT IN (SELECT key FROM done)"
        (unread,) = self._spool.run(not_read, (queue,)).fetchone()
        return int(count), drawn, found, int(unread)
