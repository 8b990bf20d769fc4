"""Reading the manifests of one copy, wherever they lie, each failure noted and none silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from drcheck.connectors.base import Connector, attempt
from drcheck.errors import ManifestError, NotThere
from drcheck.manifests import read_manifest
from drcheck.model import ManifestRead, Reason, Unobserved, printable
from drcheck.verify.spool import Found, Spool, Taken
from drcheck.verify.tally import Tally

CONNECTION = frozenset({Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.UNTRUSTED, Reason.NO_CREDENTIALS})
"""Reasons that speak of the place and not of one object: the second running ends a copy's verification."""
_CHUNK = 1 << 20
T = TypeVar("T")


class Sources:
    """What the manifests of one copy are read into."""

    def __init__(self, connector: Connector, spool: Spool, tally: Tally) -> None:
        self.connector = connector
        self.spool = spool
        self.tally = tally
        self.stopped: Unobserved | None = None
        """Why no more can be read from the place; None while it can."""
        self._failures = 0
        self._unusable: dict[str, str] = {}

    def ask(self, found: Found, read: Callable[[Iterator[bytes]], T]) -> T | None:
        """What `read` makes of one manifest's bytes; None where they cannot be had or understood, which is then noted."""
        if found.archived:
            self.unusable(found.root, f"{printable(found.key)}: lies in an archived storage class, which is never read")
            return None
        if self.stopped is not None:
            return None

        def reading() -> T | ManifestError:
            try:
                return read(self.connector.read(found.key))
            except NotThere:
                return ManifestError(f"{printable(found.key)}: was listed and is gone; look again")
            except ManifestError as wrong:
                return wrong

        fact = attempt(reading)
        if isinstance(fact, Unobserved):
            self.unusable(found.root, f"{printable(found.key)}: could not be read: {fact}")
            self._failures += fact.reason in CONNECTION
            if fact.reason in CONNECTION and (self._failures > 1 or self.connector.deadline.passed()):
                self.stopped = fact
            return None
        self._failures = 0
        if isinstance(fact.value, ManifestError):
            self.unusable(found.root, str(fact.value))
            return None
        return fact.value

    def take(self, found: Found, kind: str, algorithm: str, about: str) -> None:
        """Note the promises of one manifest that lies beside the data."""
        taken = self.ask(found, lambda chunks: self._read(chunks, found.key, found.root, kind, algorithm, about))
        if taken is not None:
            self._understood(found.key, *taken, beside=True)

    def take_file(self, path: Path, root: str, kind: str, algorithm: str) -> None:
        """Note the promises of a manifest on this machine, whose names are relative to the key prefix `root`."""
        try:
            self._understood(str(path), *self._read(self._chunks(path), str(path), root, kind, algorithm, ""), beside=False)
        except ManifestError as wrong:
            self.unusable(root, str(wrong))

    def unusable(self, root: str, reason: str) -> None:
        """Note a manifest whose promises, about names below `root`, are unknown."""
        self._unusable.setdefault(root, reason)
        self.tally.unusable(reason)

    def unusable_above(self, key: str) -> str:
        """Why it is unknown whether something was promised for `key`; empty where no unusable manifest can speak of it."""
        if not self._unusable:
            return ""
        folder = key
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._unusable:
                return self._unusable[folder]
        return ""

    def _read(self, chunks: Iterator[bytes], name: str, root: str, kind: str, algorithm: str, about: str) -> tuple[str, Taken]:
        reading = read_manifest(chunks, file=name, kind=kind, algorithm=algorithm, about=about)
        return reading.kind, self.spool.add_manifest(name, reading.promises, root)

    def _understood(self, name: str, kind: str, taken: Taken, *, beside: bool) -> None:
        self.tally.manifest(ManifestRead(name, kind, beside, tuple(sorted(taken.algorithms)), taken.promises))

    def _chunks(self, path: Path) -> Iterator[bytes]:
        try:
            if not path.is_file():
                raise ManifestError(f"{path}: is not there, or is no file; put the manifest there, or correct `manifest.path`")
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    self.connector.deadline.check()
                    yield chunk
        except OSError as problem:
            raise ManifestError(f"{path}: could not be read: {problem.strerror or problem}; correct its permissions or `manifest.path`") from problem
