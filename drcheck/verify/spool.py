"""
What is listed and what is promised, side by side on disk.

A million objects and their promises lie in a temporary SQLite database, so memory stays flat; both tables are kept in key order, and reading them
together is one merge. Keys are bytes there: a name need not be UTF-8.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Self

from drcheck.connectors.base import Entry
from drcheck.manifests import Promise
from drcheck.manifests.base import error
from drcheck.model import printable


class Role(IntEnum):
    """What is expected of one listed object."""

    ASIDE = 0
    """It belongs to a recovery point that is not finished; it is not looked at."""
    EXPECTED = 1
    """Something should be promised for it."""
    ALLOWED = 2
    """It is verified where something is promised for it, and nothing need be: manifests, markers, what belongs to no recovery point."""


_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -8192;
    CREATE TABLE objects (key BLOB PRIMARY KEY, nfc BLOB, size INTEGER, version TEXT, archived INTEGER, point BLOB, role INTEGER) WITHOUT ROWID;
    CREATE TABLE promises (
        key BLOB, algorithm TEXT, manifest INTEGER, digest TEXT, size INTEGER, line INTEGER, nfc BLOB, spelt BLOB, promised_as BLOB,
        PRIMARY KEY (key, algorithm, manifest)
    ) WITHOUT ROWID;
    CREATE TABLE manifests (id INTEGER PRIMARY KEY, name BLOB, payload_of BLOB);
    CREATE TABLE found (root BLOB, key BLOB, size INTEGER, point BLOB, archived INTEGER, PRIMARY KEY (root, key)) WITHOUT ROWID;
    CREATE TABLE fetches (key BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE links (promised BLOB PRIMARY KEY, object BLOB UNIQUE) WITHOUT ROWID;
    BEGIN;
"""
_BATCH = 1_000
"""Rows that are written at once."""
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
class Promised:
    """One promise for one object."""

    algorithm: str
    digest: str
    size: int | None
    manifest: str
    promised_as: str
    """The key as it was promised, where the object's is the same in another form of Unicode or spelling; else empty."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object with everything that was promised for it."""

    entry: Entry
    promises: tuple[Promised, ...]


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
    """The database of one copy. Used as a context manager by one thread; its file lies in a folder that the caller removes."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.executescript(_TABLES)
        self._objects: list[tuple[bytes, bytes | None, int, str, bool, bytes, Role]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add_object(self, entry: Entry, point: str, role: Role) -> None:
        """Note one listed object."""
        key = entry.key
        self._objects.append((_blob(key), _nfc(key), entry.size, entry.version, entry.archived, _blob(point), role))
        if len(self._objects) >= _BATCH:
            self._flush()

    def add_found(self, found: Found) -> None:
        """Note one manifest, or file of a bag, among the listed objects."""
        row = (_blob(found.root), _blob(found.key), found.size, _blob(found.point), found.archived)
        self._database.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?)", row)

    def found(self) -> Iterator[tuple[str, Iterator[Found]]]:
        """The manifests beside the data, those of one root together, to be taken before the next root is asked for."""
        rows = self._database.execute("SELECT root, key, size, point, archived FROM found ORDER BY root, key")
        for root, group in groupby(rows, itemgetter(0)):
            yield _key(root), (Found(_key(root), _key(key), size, _key(point), bool(archived)) for _, key, size, point, archived in group)

    def add_manifest(self, name: str, promises: Iterable[Promise], root: str, *, payload_of: str | None = None) -> Taken:
        """
        Note every promise of one manifest, whose names are relative to `root`.

        Args:
            payload_of: the root of the bag whose payload manifest this is.

        Raises:
            ManifestError: it is not understood, or promises two things for one name; then nothing that was noted of it counts.
        """
        row = (_blob(name), None if payload_of is None else _blob(payload_of))
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
                    _blob(key := prefix + promise.name),
                    promise.algorithm,
                    number,
                    promise.digest,
                    promise.size,
                    promise.line,
                    _nfc(key),
                    _blob(prefix + promise.spelt) if promise.spelt else None,
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
            (_blob(prefix + promise.name), promise.algorithm, number),
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
        self._database.execute("INSERT OR IGNORE INTO fetches VALUES (?)", (_blob(key),))

    def settle(self, aside: Iterable[str]) -> None:
        """
        Drop the promises of unusable manifests, and those about unfinished recovery points: about objects that are aside, and names below the key
        prefixes `aside`. Then match what is promised and absent with what is there and unpromised, by the Unicode form and spelling of names.
        """
        run = self._run
        run("DELETE FROM promises WHERE manifest IN (SELECT id FROM manifests WHERE name IS NULL)")
        run(f"CREATE INDEX forms ON objects (nfc) WHERE nfc IS NOT NULL AND role <> {Role.ASIDE:d}")
        run(f"DELETE FROM promises WHERE key IN (SELECT key FROM objects WHERE role = {Role.ASIDE:d})")  # noqa: S608 - a number
        for prefix in aside:
            run("DELETE FROM promises WHERE key >= ? AND key < ?", (_blob(f"{prefix}/"), _blob(f"{prefix}0")))  # 0 follows / in ASCII
        for match in (_BY_SPELLING, _BY_OTHER_FORM):
            run(match)
            run(
                "UPDATE OR IGNORE promises SET promised_as = key, key = (SELECT object FROM links WHERE promised = key)"
                " WHERE key IN (SELECT promised FROM links)"
            )
            run("DELETE FROM links")
        run("COMMIT")

    def objects_total(self) -> int:
        """How many listed objects should be verified: those with a promise, and those that should have one."""
        return self._number(f"SELECT count(*) FROM objects o WHERE role = {Role.EXPECTED:d} OR NOT ({_UNPROMISED})")  # noqa: S608 - constants

    def planned(self) -> int:
        """How many objects something is promised for, listed or not."""
        return self._number("SELECT count(DISTINCT key) FROM promises")

    def wanted(self) -> Iterator[Wanted]:
        """Every listed object that something is promised for, in key order."""
        rows = self._run(
            "SELECT p.key, o.size, o.version, o.archived, p.algorithm, p.digest, p.size, m.name, p.promised_as"
            " FROM promises p CROSS JOIN objects o ON o.key = p.key JOIN manifests m ON m.id = p.manifest ORDER BY p.key, p.algorithm, p.manifest"
        )
        names: dict[bytes, str] = {}
        listed: tuple[bytes, int, str, int] | None = None
        promises: list[Promised] = []
        for key, size, version, archived, algorithm, digest, promised_size, name, promised_as in rows:
            if listed is None or key != listed[0]:
                if listed is not None:
                    yield _wanted(listed, promises)
                listed, promises = (key, size, version, archived), []
            manifest = names.get(name)
            if manifest is None:
                if len(names) >= _BATCH:
                    names.clear()  # sidecars: as many manifests as objects
                manifest = names[name] = _key(name)
            promises.append(Promised(algorithm, digest, promised_size, manifest, _key(promised_as) if promised_as else ""))
        if listed is not None:
            yield _wanted(listed, promises)

    def missing(self) -> Iterator[tuple[str, str, str, str, bool]]:
        """Key, algorithm, digest and manifest of what is promised and not listed, one a key, and whether a bag says that it is to be fetched."""
        rows = self._run(
            "SELECT p.key, p.algorithm, p.digest, m.name, EXISTS (SELECT 1 FROM fetches f WHERE f.key = p.key)"  # noqa: S608 - constants
            f" FROM promises p JOIN manifests m ON m.id = p.manifest WHERE {_ABSENT} ORDER BY p.key, p.algorithm"
        )
        for key, group in groupby(rows, itemgetter(0)):
            _, algorithm, digest, manifest, fetch = next(group)
            yield _key(key), algorithm, digest, _key(manifest), bool(fetch)

    def unpromised(self) -> Iterator[tuple[str, int, str, bool]]:
        """The key, size and recovery point of every object that should have a promise and has none, and whether others of its point have one."""
        self._run("CREATE TEMP TABLE IF NOT EXISTS promised_points (point BLOB PRIMARY KEY) WITHOUT ROWID")
        self._run(
            "INSERT OR IGNORE INTO promised_points SELECT o.point FROM promises p JOIN objects o ON o.key = p.key"  # every point that has one
        )
        rows = self._run(
            "SELECT o.key, o.size, o.point, EXISTS (SELECT 1 FROM promised_points s WHERE s.point = o.point) FROM objects o"  # noqa: S608
            f" WHERE o.role = {Role.EXPECTED:d} AND {_UNPROMISED} ORDER BY o.key"
        )
        for key, size, point, others in rows:
            yield _key(key), size, _key(point), bool(others)

    def points_without_found(self) -> Iterator[str]:
        """Every recovery point with an object to look at that has nothing among what was found."""
        rows = self._run(
            f"SELECT DISTINCT point FROM objects WHERE role <> {Role.ASIDE:d} AND point <> x''"  # noqa: S608 - a number
            " AND point NOT IN (SELECT point FROM found) ORDER BY point"
        )
        for (point,) in rows:
            yield _key(point)

    def listed_below(self, prefix: str) -> tuple[int, int]:
        """How many objects are listed below a folder, and their bytes."""
        low, high = _blob(f"{prefix}/"), _blob(f"{prefix}0")
        count, size = self._run("SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE key >= ? AND key < ?", (low, high)).fetchone()
        return int(count), int(size)

    def unevenly_promised(self, bag: str, manifests: int) -> str:
        """A key that some payload manifest of the bag promises and another does not; empty where all promise the same."""
        row = self._run(
            "SELECT p.key FROM promises p JOIN manifests m ON m.id = p.manifest WHERE m.payload_of = ?"
            " GROUP BY p.key HAVING count(DISTINCT p.manifest) < ? LIMIT 1",
            (_blob(bag), manifests),
        ).fetchone()
        return _key(row[0]) if row else ""

    def unfetched(self) -> Iterator[tuple[str, bool]]:
        """Every object that a bag says is to be fetched and that is not listed, and whether something is promised for it."""
        rows = self._run(
            "SELECT p.key, EXISTS (SELECT 1 FROM promises q WHERE q.key = p.key) FROM fetches p"  # noqa: S608 - constants
            f" WHERE {_ABSENT} ORDER BY p.key"
        )
        for key, promised in rows:
            yield _key(key), bool(promised)

    def _number(self, query: str) -> int:
        return int(self._run(query).fetchone()[0])

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run a statement about everything that was noted so far."""
        self._flush()
        return self._database.execute(statement, values)

    def _flush(self) -> None:
        if self._objects:
            self._database.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", self._objects)
            self._objects.clear()


def _wanted(listed: tuple[bytes, int, str, int], promises: list[Promised]) -> Wanted:
    key, size, version, archived = listed
    return Wanted(Entry(_key(key), size, None, version, bool(archived)), tuple(promises))


def below(root: str, name: str) -> str:
    """The key of `name` below a key prefix, which may be empty."""
    return f"{root}/{name}" if root else name


def _blob(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _key(blob: bytes) -> str:
    return blob.decode("utf-8", "surrogateescape")


def _nfc(key: str) -> bytes | None:
    """The key in normalisation form C; None for ASCII, which has one form."""
    return None if key.isascii() else _blob(unicodedata.normalize("NFC", key))
