"""A manifest in a file on this machine that can be read more than once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drcheck.errors import ConfigError, ManifestError
from drcheck.manifests import Promise, read_manifest

_CHUNK = 1 << 20


class StoredManifest:
    """
    A manifest that was read through once, so that what it is and holds is known.

    Attributes:
        kind: `gnu`, `bsd`, `sfv`, `hashdeep` or `bagit`.
        algorithms: those of its digests, sorted.
        zero: whether its lines end in NUL.
        sizes: whether it says how large each object is.
        decoded: how many names were percent-decoded, which some writers do not mean.
    """

    def __init__(self, file: Path, *, kind: str = "auto", algorithm: str = "") -> None:
        """Raises ConfigError where the file cannot be read or understood."""
        self.file = file
        self._kind = kind
        self._algorithm = algorithm
        self.zero = self.sizes = False
        self.decoded = 0
        algorithms = set()
        try:
            self.kind = read_manifest(self._chunks(), file=str(file), kind=kind, algorithm=algorithm).kind
            for promise in self.promises():
                algorithms.add(promise.algorithm)
                self.sizes = promise.size is not None
                self.decoded += bool(promise.spelt)
        except ManifestError as error:
            raise ConfigError(str(error)) from error
        self.algorithms = tuple(sorted(algorithms))
        if self.kind in ("gnu", "bsd"):
            self.zero = b"\0" in next(self._chunks(), b"")

    def promises(self) -> Iterator[Promise]:
        """What it promises, read anew. Raises ManifestError where it is not understood."""
        return read_manifest(self._chunks(), file=str(self.file), kind=self._kind, algorithm=self._algorithm).promises

    def _chunks(self) -> Iterator[bytes]:
        try:
            if not self.file.is_file():
                raise ManifestError(f"{self.file}: is not there, or is no file; correct its name")
            with self.file.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise ManifestError(f"{self.file}: could not be read: {error.strerror or error}; correct its permissions") from error
