"""
What is listed and what is promised, side by side on disk.

A million objects and their promises lie in a temporary SQLite database, so memory stays flat; both tables are kept in key order, and reading them
together is one merge. Keys are bytes there: a name need not be UTF-8.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from drcheck.connectors.base import Entry
from drcheck.manifests import Promise
from drcheck.manifests.base import error
from drcheck.model import printable
from drcheck.verify.earlier import Earlier
from drcheck.verify.standing import Role
from drcheck.verify.wanted import Promised, Unpromised, Wanted

_SETTINGS = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -2048;
    BEGIN;
"""
_TABLES = """
    CREATE TABLE objects (
        key BLOB PRIMARY KEY, nfc BLOB, size INTEGER, version TEXT, archived INTEGER, point BLOB, role INTEGER,
        queue INTEGER, read INTEGER, result TEXT, found TEXT
    ) WITHOUT ROWID;
    CREATE TABLE promises (
        key BLOB, algorithm TEXT, manifest INTEGER, digest TEXT, size INTEGER, line INTEGER, nfc BLOB, spelt BLOB, promised_as BLOB,
        PRIMARY KEY (key, algorithm, manifest)
    ) WITHOUT ROWID;
    CREATE TABLE manifests (id INTEGER PRIMARY KEY, name BLOB, payload_of BLOB);
    CREATE TABLE found (root BLOB, key BLOB, size INTEGER, point BLOB, archived INTEGER, PRIMARY KEY (root, key)) WITHOUT ROWID;
    CREATE TABLE fetches (key BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE links (promised BLOB PRIMARY KEY, object BLOB UNIQUE) WITHOUT ROWID;
"""
_BATCH = 1_000
"""Rows that are written at once."""
_NOTHING = (None, None, None, None)
_ABSENT = "NOT EXISTS (SELECT 1 FROM objects o WHERE o.key = p.key)"
_UNPROMISED = "NOT EXISTS (SELECT 1 FROM promises q WHERE q.key = o.key)"
_BY_OTHER_FORM = f"""
    INSERT OR IGNORE INTO links SELECT p.key, min(o.key) FROM promises p JOIN objects o ON o.nfc = p.nfc
    WHERE p.nfc IS NOT NULL AND o.role <> {Role.ASIDE:d} AND {_ABSENT} AND {_UNPROMISED} GROUP BY p.key HAVING count(DISTINCT o.key) = 1
"""  # noqa: S608 - constants
_BY_SPELLING = f"""
    INSERT OR IGNORE INTO links SELECT p.key, min(o.key) FROM promises p JOIN objects o ON o.key = p.spelt
    WHERE p.spelt IS NOT NULL AND o.role <> {Role.ASIDE:d} AND {_ABSENT} AND {_UNPROMISED} GROUP BY p.key
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest, or a file of a bag, that was listed beside the data."""

    root: str
    """The key prefix that its names are relative to."""
    key: str
    size: int
    point: str
    archived: bool


@dataclass(slots=True)
class Taken:
    """What was noted of one manifest."""

    promises: int = 0
    algorithms: set[str] = field(default_factory=set)
    repeated: str = ""
    """A name that it promises the same for twice; empty where it does not."""


class Spool:
    """
    The database of one copy. Used as a context manager by one thread; its file lies in a folder that the caller removes. Opened again, it holds
    what it held.
    """

    def __init__(self, file: Path) -> None:
        known = file.exists()
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.executescript(_SETTINGS if known else _SETTINGS + _TABLES)
        self._objects: list[tuple[bytes, bytes | None, int, str, bool, bytes, Role, int | None, int | None, str | None, str | None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if self._database.in_transaction:
            self._database.execute("COMMIT")
        self._database.close()

    def add_object(self, entry: Entry, point: str, role: Role, earlier: Earlier | None = None) -> None:
        """Note one listed object, and what earlier nights know of it."""
        key = entry.key
        known = _NOTHING if earlier is None else earlier
        self._objects.append((as_bytes(key), _nfc(key), entry.size, entry.version, entry.archived, as_bytes(point), role, *known))
        if len(self._objects) >= _BATCH:
            self._flush()

    def add_found(self, found: Found) -> None:
        """Note one manifest, or file of a bag, among the listed objects."""
        row = (as_bytes(found.root), as_bytes(found.key), found.size, as_bytes(found.point), found.archived)
        self._database.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?)", row)

    def found(self) -> Iterator[tuple[str, Iterator[Found]]]:
        """The manifests beside the data, those of one root together, to be taken before the next root is asked for."""
        rows = self._database.execute("SELECT root, key, size, point, archived FROM found ORDER BY root, key")
        for root, group in groupby(rows, itemgetter(0)):
            yield as_key(root), (Found(as_key(root), as_key(key), size, as_key(point), bool(archived)) for _, key, size, point, archived in group)

    def add_manifest(self, name: str, promises: Iterable[Promise], root: str, *, payload_of: str | None = None) -> Taken:
        """
        Note every promise of one manifest, whose names are relative to `root`.

        Args:
            payload_of: the root of the bag whose payload manifest this is.

        Raises:
            ManifestError: it is not understood, or promises two things for one name; then nothing that was noted of it counts.
        """
        row = (as_bytes(name), None if payload_of is None else as_bytes(payload_of))
        number = self._database.execute("INSERT INTO manifests (name, payload_of) VALUES (?, ?)", row).lastrowid or 0
        taken = Taken()
        rest = iter(promises)
        try:
            while batch := list(islice(rest, _BATCH)):
                self._add_promises(name, number, batch, root, taken)
        except BaseException:
            self._database.execute("UPDATE manifests SET name = NULL WHERE id = ?", (number,))
            raise
        return taken

    def _add_promises(self, name: str, number: int, batch: list[Promise], root: str, taken: Taken) -> None:
        prefix = below(root, "")
        added = self._database.executemany(
            "INSERT OR IGNORE INTO promises VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                (
                    as_bytes(key := prefix + promise.name),
                    promise.algorithm,
                    number,
                    promise.digest,
                    promise.size,
                    promise.line,
                    _nfc(key),
                    as_bytes(prefix + promise.spelt) if promise.spelt else None,
                )
                for promise in batch
            ],
        ).rowcount
        taken.promises += added
        taken.algorithms.update({promise.algorithm for promise in batch})
        if added < len(batch):
            new: set[tuple[str, str]] = set()
            for promise in batch:
                self._insist_on_one(name, number, promise, prefix, taken, new)

    def _insist_on_one(self, name: str, number: int, promise: Promise, prefix: str, taken: Taken, new: set[tuple[str, str]]) -> None:
        """Raises ManifestError where the same manifest has promised something else for the name before; notes a promise that is only repeated."""
        earlier: tuple[str, int | None, int] = self._database.execute(
            "SELECT digest, size, line FROM promises WHERE key = ? AND algorithm = ? AND manifest = ?",
            (as_bytes(prefix + promise.name), promise.algorithm, number),
        ).fetchone()
        about = promise.name, promise.algorithm
        if earlier[2] == promise.line and about not in new:
            new.add(about)
            return
        if earlier[:2] != (promise.digest, promise.size):
            what = f'promises something else for "{printable(promise.name)}" than line {earlier[2]}'
            raise error(name, promise.line, what, "nobody can tell which is right; write the manifest again")
        taken.repeated = taken.repeated or promise.name

    def add_fetch(self, key: str) -> None:
        """Note one object that a bag says is yet to be fetched."""
        self._database.execute("INSERT OR IGNORE INTO fetches VALUES (?)", (as_bytes(key),))

    def settle(self, aside: Iterable[str]) -> None:
        """
        Drop the promises of unusable manifests, and those about unfinished recovery points: about objects that are aside, and names below the key
        prefixes `aside`. Then match what is promised and absent with what is there and unpromised, by the Unicode form and spelling of names.
        """
        run = self.run
        run("DELETE FROM promises WHERE manifest IN (SELECT id FROM manifests WHERE name IS NULL)")
        run(f"CREATE INDEX forms ON objects (nfc) WHERE nfc IS NOT NULL AND role <> {Role.ASIDE:d}")
        run(f"DELETE FROM promises WHERE key IN (SELECT key FROM objects WHERE role = {Role.ASIDE:d})")  # noqa: S608 - a number
        for prefix in aside:
            run("DELETE FROM promises WHERE key >= ? AND key < ?", (as_bytes(f"{prefix}/"), as_bytes(f"{prefix}0")))  # 0 follows / in ASCII
        for match in (_BY_SPELLING, _BY_OTHER_FORM):
            run(match)
            run(
                "UPDATE OR IGNORE promises SET promised_as = key, key = (SELECT object FROM links WHERE promised = key)"
                " WHERE key IN (SELECT promised FROM links)"
            )
            run("DELETE FROM links")

    def objects_total(self) -> int:
        """How many listed objects should be verified: those with a promise, and those that should have one."""
        return self._number(f"SELECT count(*) FROM objects o WHERE role = {Role.EXPECTED:d} OR NOT ({_UNPROMISED})")  # noqa: S608 - constants

    def planned(self) -> int:
        """How many objects something is promised for, listed or not."""
        return self._number("SELECT count(DISTINCT key) FROM promises")

    def expected(self) -> tuple[int, int]:
        """How many listed objects something is promised for, and their bytes."""
        count, size = self.run(
            "SELECT count(*), coalesce(sum(size), 0) FROM objects o WHERE EXISTS (SELECT 1 FROM promises q WHERE q.key = o.key)"
        ).fetchone()
        return int(count), int(size)

    def wanted(self) -> Iterator[Wanted]:
        """Every listed object that something is promised for, in key order."""
        return self.wanted_in("", "p.key")

    def wanted_of(self, keys: Iterable[str]) -> Iterator[Wanted]:
        """Those of these objects that are listed and that something is promised for, in key order."""
        self.run("CREATE TEMP TABLE IF NOT EXISTS asked (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self.run("DELETE FROM asked")
        self.run_many("INSERT OR IGNORE INTO asked VALUES (?)", [(as_bytes(key),) for key in keys])
        return self.wanted_in("asked a", "a.key")

    def neighbours(self, key: str, each_side: int) -> list[str]:
        """The keys of the listed objects with a promise that come next before and after one, in key order."""
        found: list[str] = []
        for sign, order in (("<", "DESC"), (">", "ASC")):
            rows = self.run(
                f"SELECT DISTINCT p.key FROM promises p JOIN objects o ON o.key = p.key WHERE p.key {sign} ? ORDER BY p.key {order} LIMIT ?",  # noqa: S608
                (as_bytes(key), each_side),
            )
            found += [as_key(row[0]) for row in rows]
        return sorted(found, key=as_bytes)

    def wanted_in(self, keys: str, order: str) -> Iterator[Wanted]:
        """The listed objects with a promise of a table or query that is named `a` and has a `key`, or all, in the order of `order`."""
        tables = f"{keys} CROSS JOIN promises p ON p.key = a.key" if keys else "promises p"
        rows = self.run(
            "SELECT p.key, o.size, o.version, o.archived, o.queue, o.read, o.result, o.found, p.algorithm, p.digest, p.size, m.name, p.promised_as"  # noqa: S608
            f" FROM {tables} CROSS JOIN objects o ON o.key = p.key JOIN manifests m ON m.id = p.manifest ORDER BY {order}, p.algorithm, p.manifest"
        )
        names: dict[bytes, str] = {}
        listed: tuple[Any, ...] = ()
        promises: list[Promised] = []
        for row in rows:
            if not promises or row[0] != listed[0]:
                if promises:
                    yield _wanted(listed, promises)
                listed, promises = row, []
            algorithm, digest, promised_size, name, promised_as = row[8:]
            manifest = names.get(name)
            if manifest is None:
                if len(names) >= _BATCH:
                    names.clear()  # sidecars: as many manifests as objects
                manifest = names[name] = as_key(name)
            promises.append(Promised(algorithm, digest, promised_size, manifest, as_key(promised_as) if promised_as else ""))
        if promises:
            yield _wanted(listed, promises)

    def missing(self) -> Iterator[tuple[str, str, str, str, bool]]:
        """Key, algorithm, digest and manifest of what is promised and not listed, one a key, and whether a bag says that it is to be fetched."""
        rows = self.run(
            "SELECT p.key, p.algorithm, p.digest, m.name, EXISTS (SELECT 1 FROM fetches f WHERE f.key = p.key)"  # noqa: S608 - constants
            f" FROM promises p JOIN manifests m ON m.id = p.manifest WHERE {_ABSENT} ORDER BY p.key, p.algorithm"
        )
        for key, group in groupby(rows, itemgetter(0)):
            _, algorithm, digest, manifest, fetch = next(group)
            yield as_key(key), algorithm, digest, as_key(manifest), bool(fetch)

    def unpromised(self) -> Iterator[Unpromised]:
        """Every object that should have a promise and has none, in key order."""
        self.run("CREATE TEMP TABLE IF NOT EXISTS promised_points (point BLOB PRIMARY KEY) WITHOUT ROWID")
        self.run(
            "INSERT OR IGNORE INTO promised_points SELECT o.point FROM promises p JOIN objects o ON o.key = p.key"  # every point that has one
        )
        rows = self.run(
            "SELECT o.key, o.size, o.version, o.archived, o.point, EXISTS (SELECT 1 FROM promised_points s WHERE s.point = o.point), o.result"  # noqa: S608
            f" FROM objects o WHERE o.role = {Role.EXPECTED:d} AND {_UNPROMISED} ORDER BY o.key"
        )
        for key, size, version, archived, point, others, result in rows:
            yield Unpromised(Entry(as_key(key), size, None, version, bool(archived)), as_key(point), bool(others), result or "")

    def points_without_found(self) -> Iterator[str]:
        """Every recovery point with an object to look at that has nothing among what was found."""
        rows = self.run(
            f"SELECT DISTINCT point FROM objects WHERE role <> {Role.ASIDE:d} AND point <> x''"  # noqa: S608 - a number
            " AND point NOT IN (SELECT point FROM found) ORDER BY point"
        )
        for (point,) in rows:
            yield as_key(point)

    def listed_below(self, prefix: str) -> tuple[int, int]:
        """How many objects are listed below a folder, and their bytes."""
        low, high = as_bytes(f"{prefix}/"), as_bytes(f"{prefix}0")
        count, size = self.run("SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE key >= ? AND key < ?", (low, high)).fetchone()
        return int(count), int(size)

    def unevenly_promised(self, bag: str, manifests: int) -> str:
        """A key that some payload manifest of the bag promises and another does not; empty where all promise the same."""
        row = self.run(
            "SELECT p.key FROM promises p JOIN manifests m ON m.id = p.manifest WHERE m.payload_of = ?"
            " GROUP BY p.key HAVING count(DISTINCT p.manifest) < ? LIMIT 1",
            (as_bytes(bag), manifests),
        ).fetchone()
        return as_key(row[0]) if row else ""

    def unfetched(self) -> Iterator[tuple[str, bool]]:
        """Every object that a bag says is to be fetched and that is not listed, and whether something is promised for it."""
        rows = self.run(
            "SELECT p.key, EXISTS (SELECT 1 FROM promises q WHERE q.key = p.key) FROM fetches p"  # noqa: S608 - constants
            f" WHERE {_ABSENT} ORDER BY p.key"
        )
        for key, promised in rows:
            yield as_key(key), bool(promised)

    def _number(self, query: str) -> int:
        return int(self.run(query).fetchone()[0])

    def run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run a statement about everything that was noted so far."""
        self._flush()
        return self._database.execute(statement, values)

    def run_many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run a statement for each of many rows."""
        self._flush()
        self._database.executemany(statement, rows)

    def _flush(self) -> None:
        if self._objects:
            self._database.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._objects)
            self._objects.clear()


def _wanted(listed: tuple[Any, ...], promises: list[Promised]) -> Wanted:
    key, size, version, archived, queue, read, result, found = listed[:8]
    entry = Entry(as_key(key), size, None, version, bool(archived))
    return Wanted(entry, tuple(promises), None if queue is None else Earlier(queue, read, result, found))


def below(root: str, name: str) -> str:
    """The key of `name` below a key prefix, which may be empty."""
    return f"{root}/{name}" if root else name


def as_bytes(key: str) -> bytes:
    """A key as it is kept here."""
    return key.encode("utf-8", "surrogateescape")


def as_key(blob: bytes) -> str:
    """The key that is kept as these bytes."""
    return blob.decode("utf-8", "surrogateescape")


def _nfc(key: str) -> bytes | None:
    """The key in normalisation form C; None for ASCII, which has one form."""
    return None if key.isascii() else as_bytes(unicodedata.normalize("NFC", key))
