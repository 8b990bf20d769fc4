"""
Promising one copy: a manifest made of what is there now, for organisations that have none.

It proves changes from now on and nothing about before, so it is never silent: what could not be read is named, and what is promised already is
never promised anew unless somebody says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from drcheck.clock import Deadline
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, Connector, Entry, attempt
from drcheck.errors import ConfigError, ManifestError
from drcheck.estate.schema import Copy, Estate
from drcheck.files import write_streamed
from drcheck.formats import format_for
from drcheck.manifests import Promise, is_weak
from drcheck.manifests.writing import KINDS, insist_on_algorithms, insist_on_file_name, written, written_name
from drcheck.model import PointState, Unobserved
from drcheck.verify.compare import wrong_size
from drcheck.verify.ledger import Ledger, below_path
from drcheck.verify.reading import settle
from drcheck.verify.sources import CONNECTION
from drcheck.verify.spool import below
from drcheck.verify.standing import Role, Standing
from drcheck.verify.stored_manifest import StoredManifest

DEFAULT_ALGORITHM, DEFAULT_KIND = "sha256", "gnu"
NAMED = 1_000
"""How many names of one list are kept; its count stays exact."""


@dataclass(frozen=True, slots=True)
class Request:
    """The manifest that is asked for."""

    file: Path
    kind: str = ""
    """`gnu`, `bsd` or `hashdeep`; empty for that of the file that is updated, or `gnu`."""
    algorithm: str = ""
    """One that is not weak; empty for that of the file that is updated, or SHA-256."""
    zero: bool = False
    partial: bool = False
    """Whether it is written even if something could not be read."""
    update: bool = False
    force: bool = False
    accept: tuple[str, ...] = ()
    """Patterns of names (with `*`, which also stands for `/`) whose lines may be dropped or promised anew."""


@dataclass(slots=True)
class Names:
    """Some names, each with what is to be said of it: the first thousand, and how many there are."""

    count: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, detail: str) -> None:
        """Note one more."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append((name, detail))


@dataclass(slots=True)
class Promised:
    """What became of one manifest."""

    request: Request
    kind: str = DEFAULT_KIND
    algorithms: tuple[str, ...] = (DEFAULT_ALGORITHM,)
    aside: Names = field(default_factory=Names)
    """Recovery points that are not finished, and why."""
    kept: int = 0
    """Names whose lines stay as they were."""
    added: int = 0
    bytes_read: int = 0
    hashed_there: int = 0
    """Objects whose digests the place computed itself, and not a byte of which was read here."""
    unreadable: Names = field(default_factory=Names)
    changed: Names = field(default_factory=Names)
    vanished: Names = field(default_factory=Names)
    accepted: Names = field(default_factory=Names)
    unread: int = 0
    """Objects that were not tried, because the place was lost or the time over."""
    stopped: Unobserved | None = None
    written: bool = False
    lines: int = 0
    """Names in the manifest as it is now."""

    @property
    def whole(self) -> bool:
        """Whether everything that should be promised was read."""
        return not self.unreadable.count and self.stopped is None and not self.unread

    @property
    def exit_code(self) -> int:
        """10 where something promised changed or vanished, 11 where something was not read or there is nothing to promise, else 0."""
        if self.changed.count or self.vanished.count:
            return 10
        return 0 if self.whole and self.lines else 11


def promise(estate: Estate, copy: Copy, request: Request, *, now: datetime, run: Deadline) -> Promised:
    """
    Read what the copy's finished recovery points hold, and write the manifest that is asked for.

    Args:
        now: the reference time, UTC.
        run: when reading must have ended.

    Raises:
        ConfigError: the file may not be written there, or cannot be updated as asked.
        OutputError: the file could not be written.
    """
    try:
        existing = _existing(request, copy)
        work = _Work(estate, copy, request, existing, now)
        with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
            with closing(connector_for(estate.target(copy.target), estate, deadline=run, calls=CallLog(copy.target))) as connector:
                work.collect(connector, ledger)
            work.write(ledger)
    except ManifestError as error:
        raise ConfigError(str(error)) from error
    return work.done


def _existing(request: Request, copy: Copy) -> StoredManifest | None:
    """The manifest to be updated. Raises ConfigError where a file is in the way, or is none that can be added to."""
    if not request.file.exists() and not request.file.is_symlink():
        return None
    if not request.update:
        if request.force:
            return None
        raise ConfigError(f"{request.file}: is there already, and was not touched; add to it with --update, or replace it with --force")
    declared = copy.manifest.algorithm if copy.manifest and copy.manifest.path and copy.manifest.path.absolute() == request.file.absolute() else ""
    existing = StoredManifest(request.file, algorithm=request.algorithm or declared)
    if existing.kind not in KINDS or existing.kind == "sfv":
        raise ConfigError(f"{request.file}: is of kind {existing.kind}, which is not added to; write a new manifest to another file")
    for option, asked, there in (("--kind", request.kind, existing.kind), ("--zero", request.zero or "", existing.zero)):
        if asked and asked != there:
            raise ConfigError(f"{request.file}: is not of that {option}; leave {option} out, or write a new manifest to another file")
    return existing


class _Work:
    """One manifest while it is made."""

    def __init__(self, estate: Estate, copy: Copy, request: Request, existing: StoredManifest | None, now: datetime) -> None:
        self._estate, self._copy, self._request, self._existing, self._now = estate, copy, request, existing, now
        self._zero = existing.zero if existing else request.zero
        self.done = Promised(request, kind=existing.kind if existing else request.kind or DEFAULT_KIND)
        algorithms: Sequence[str] = existing.algorithms if existing else (request.algorithm or DEFAULT_ALGORITHM,)
        if request.algorithm and request.algorithm not in algorithms:
            raise ConfigError(f"{request.file}: holds {' and '.join(algorithms)}; leave --algorithm out, or write a new manifest to another file")
        if all(map(is_weak, algorithms)):
            raise ConfigError(f"{request.file}: holds {' and '.join(algorithms)}, which shows no attack; write a new manifest to another file")
        insist_on_algorithms(self.done.kind, algorithms)
        if self._zero and self.done.kind == "hashdeep":
            raise ConfigError("lines of kind hashdeep cannot end in NUL; leave --zero out")
        self.done.algorithms = tuple(algorithms)
        insist_on_file_name(self.done.kind, algorithms[0], str(request.file))

    def collect(self, connector: Connector, ledger: Ledger) -> None:
        """Put everything that is to be promised into the ledger."""
        for step in (connector.open, partial(self._list, connector, ledger)):
            fact = attempt(step)
            if isinstance(fact, Unobserved):
                self.done.stopped = fact
                return
        self._keep(ledger)
        reading = attempt(partial(self._read, connector, ledger))
        self.done.stopped = reading if isinstance(reading, Unobserved) else reading.value
        self.done.unread = ledger.waiting() - self.done.unreadable.count
        self._settle_accepted(ledger)

    def write(self, ledger: Ledger) -> None:
        """Write what is in the ledger, where it may be."""
        done = self.done
        done.lines = ledger.planned()
        changes = done.added or done.accepted.count or self._existing is None
        if not done.lines or not changes or not (done.whole or self._request.partial):
            return
        if self._existing is None and not self._request.force and self._request.file.exists():
            raise ConfigError(f"{self._request.file}: has come meanwhile, and was not touched; choose another file")
        below_copy = (below_path(line, self._copy.path) for line in ledger.lines())
        write_streamed(self._request.file, written(below_copy, kind=done.kind, algorithms=done.algorithms, zero=self._zero))
        done.written = True

    def _list(self, connector: Connector, ledger: Ledger) -> None:
        layout, path = format_for(self._copy, self._estate), self._copy.path
        points = layout.points(connector, path, self._now)
        standing = Standing(points, self._now)
        for point in (*points.newest, *points.future):
            if point.state is not PointState.FINISHED:
                self.done.aside.add(point.id, f"{point.state}: {point.detail}" if point.detail else str(point.state))
        for stored in layout.objects(connector, path):
            connector.deadline.check()
            # Never ASIDE: what is promised already for an unfinished recovery point stays promised.
            expected = standing.of(stored.point) is Role.EXPECTED and not stored.auxiliary
            ledger.add_object(stored.entry, stored.point, Role.EXPECTED if expected else Role.ALLOWED)

    def _keep(self, ledger: Ledger) -> None:
        """Note what is promised already, without what is accepted to be otherwise, and what is no longer as it was promised."""
        if self._existing is not None:
            kept = (promise for promise in self._existing.promises() if not self._accepts(promise.name))
            ledger.add_manifest(str(self._request.file), kept, self._copy.path)
        ledger.settle(())
        self.done.kept = ledger.planned()
        for wanted in ledger.wanted():
            mismatch = wrong_size(wanted)
            if mismatch is not None:
                self.done.changed.add(self._name(mismatch.key), mismatch.detail)
        for key, *_ in ledger.missing():
            self.done.vanished.add(self._name(key), "promised, and no longer there")

    def _read(self, connector: Connector, ledger: Ledger) -> Unobserved | None:
        """Read everything that nothing is promised for; why that ended early, None where it did not."""
        doubtful: tuple[Entry, Unobserved] | None = None
        for entry, answer in connector.digests(self._entries(connector, ledger)):
            fact = attempt(partial(settle, connector, entry, self.done.algorithms, answer))
            if isinstance(fact, Unobserved) and fact.reason in CONNECTION:
                if doubtful is not None or connector.deadline.passed():
                    return fact
                doubtful = entry, fact
                continue
            if doubtful is not None:
                # The place answers again: it was that object.
                self.done.unreadable.add(self._name(doubtful[0].key), str(doubtful[1]))
                doubtful = None
            if isinstance(fact, Unobserved):
                self.done.unreadable.add(self._name(entry.key), str(fact))
            elif fact.value is None:
                self.done.unreadable.add(self._name(entry.key), "was listed, and was gone when it was to be read")
            elif fact.value.size != entry.size:
                detail = f"{entry.size} bytes when it was listed and {fact.value.size} when it was read: it is being written"
                self.done.unreadable.add(self._name(entry.key), detail)
            else:
                ledger.note(entry.key, fact.value.hex, fact.value.size)
                self.done.added += 1
                self.done.bytes_read += 0 if fact.value.there else fact.value.size
                self.done.hashed_there += fact.value.there
        return doubtful[1] if doubtful is not None else None

    def _entries(self, connector: Connector, ledger: Ledger) -> Iterator[tuple[Entry, tuple[str, ...]]]:
        for entry in ledger.to_read():
            connector.deadline.check()
            if self._can_be_promised(entry):
                yield entry, self.done.algorithms

    def _can_be_promised(self, entry: Entry) -> bool:
        name = self._name(entry.key)
        try:
            if entry.archived:
                raise ManifestError("in an archived storage class, which is never read")
            written_name(name, self.done.kind, zero=self._zero)
        except ManifestError as error:
            self.done.unreadable.add(name, str(error))
            return False
        return True

    def _settle_accepted(self, ledger: Ledger) -> None:
        """Say what became of the lines that were accepted to be otherwise; those whose objects could not be read stay."""
        if self._existing is None or not self._request.accept:
            return
        last = ""
        for old in self._existing.promises():
            if not self._accepts(old.name):
                continue
            key = below(self._copy.path, old.name)
            line = ledger.line(key)
            digest = line.digests.get(old.algorithm) if line else None
            first, last = old.name != last, old.name
            if not ledger.listed(key):
                if first:
                    self.done.accepted.add(old.name, "vanished; its line was dropped")
            elif digest is None:
                ledger.note(key, {old.algorithm: old.digest}, old.size)
                self.done.kept += first
            else:
                self._compare_accepted(old, digest, first)

    def _compare_accepted(self, old: Promise, digest: str, first: bool) -> None:
        if first:
            self.done.added -= 1
        if digest == old.digest:
            self.done.kept += first
        elif first:
            self.done.accepted.add(old.name, f"changed; promised anew as {digest}")

    def _accepts(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._request.accept)

    def _name(self, key: str) -> str:
        path = self._copy.path
        return key[len(path) + 1 :] if path and key.startswith(f"{path}/") else "" if key == path else key
