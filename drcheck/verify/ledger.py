"""The spool of a manifest that is to be written: what is promised already, what is listed, and what was read to be promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from drcheck.connectors.base import Entry
from drcheck.manifests.base import text
from drcheck.manifests.writing import Line
from drcheck.verify.spool import Spool, as_bytes
from drcheck.verify.standing import Role


class Ledger(Spool):
    """A spool whose promises can be added to after it is settled, and read back as lines in key order."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._read = self._database.execute("INSERT INTO manifests (name) VALUES (x'')").lastrowid or 0

    def to_read(self) -> Iterator[Entry]:
        """Every object that should have a promise and has none, in key order; promises may be noted meanwhile for those that were given."""
        rows = self._database.execute(
            "SELECT key, size, version, archived FROM objects o"  # noqa: S608 - a number
            f" WHERE role = {Role.EXPECTED:d} AND NOT EXISTS (SELECT 1 FROM promises p WHERE p.key = o.key) ORDER BY key"
        )
        for key, size, version, archived in rows:
            yield Entry(text(key), size, None, version, bool(archived))

    def waiting(self) -> int:
        """How many objects should have a promise and have none."""
        return self._number(
            "SELECT count(*) FROM objects o"  # noqa: S608 - a number
            f" WHERE role = {Role.EXPECTED:d} AND NOT EXISTS (SELECT 1 FROM promises p WHERE p.key = o.key)"
        )

    def note(self, key: str, digests: Mapping[str, str], size: int | None) -> None:
        """Note what is to be promised for one object that nothing is promised for."""
        blob = as_bytes(key)
        rows = [(blob, algorithm, self._read, digest, size) for algorithm, digest in digests.items()]
        self._database.executemany("INSERT INTO promises (key, algorithm, manifest, digest, size) VALUES (?, ?, ?, ?, ?)", rows)

    def line(self, key: str) -> Line | None:
        """What is promised for one object; None where nothing is."""
        rows = self._database.execute("SELECT algorithm, digest, size FROM promises WHERE key = ? ORDER BY algorithm", (as_bytes(key),)).fetchall()
        return Line(key, {algorithm: digest for algorithm, digest, _ in rows}, rows[0][2]) if rows else None

    def listed(self, key: str) -> bool:
        """Whether an object is there."""
        return self._database.execute("SELECT 1 FROM objects WHERE key = ?", (as_bytes(key),)).fetchone() is not None

    def lines(self) -> Iterator[Line]:
        """Everything that is promised, by key."""
        rows = self._database.execute("SELECT key, algorithm, digest, size FROM promises ORDER BY key, algorithm")
        for key, group in groupby(rows, itemgetter(0)):
            digests, size = {}, None
            for _, algorithm, digest, said in group:
                digests[algorithm], size = digest, said if size is None else size
            yield Line(text(key), digests, size)


def below_path(line: Line, path: str) -> Line:
    """The line with its name relative to a key prefix, which may be empty, in place of the key."""
    return replace(line, name=line.name.removeprefix(f"{path}/")) if path else line
