"""A manifest written anew in another kind; whatever the other kind cannot hold is refused or named."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from drcheck.errors import ConfigError, ManifestError
from drcheck.files import write_streamed
from drcheck.manifests.writing import insist_on_algorithms, insist_on_file_name, written
from drcheck.verify.ledger import Ledger
from drcheck.verify.stored_manifest import StoredManifest


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written, and what was lost."""

    kind: str
    """Of the manifest that was read."""
    algorithms: tuple[str, ...]
    """Of the manifest that was written."""
    names: int
    losses: tuple[str, ...]
    """What the other kind cannot hold or was told to leave out, each in words."""


def convert(source: StoredManifest, output: Path, *, kind: str, algorithm: str = "", zero: bool = False) -> Converted:
    """
    Write what `source` promises to `output`, sorted by name.

    Args:
        kind: `gnu`, `bsd`, `hashdeep` or `sfv`.
        algorithm: the only one to keep; empty for all.
        zero: whether lines end in NUL.

    Raises:
        ConfigError: the kind cannot hold an algorithm, a size or a name that is promised; nothing is written.
        OutputError: the file could not be written.
    """
    if algorithm and algorithm not in source.algorithms:
        raise ConfigError(f"{source.file}: promises {' and '.join(source.algorithms)}, and nothing of {algorithm}")
    chosen = (algorithm,) if algorithm else source.algorithms
    try:
        insist_on_algorithms(kind, chosen)
        for each in chosen:
            insist_on_file_name(kind, each, str(output))
        with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
            ledger.add_manifest(str(source.file), source.promises(), "")
            names = ledger.planned()
            write_streamed(output, written(ledger.lines(), kind=kind, algorithms=chosen, zero=zero))
    except ManifestError as error:
        hint = f"; keep one of {', '.join(source.algorithms)} with --algorithm" if not algorithm and len(source.algorithms) > 1 else ""
        raise ConfigError(f"{error}{hint}") from error
    return Converted(source.kind, chosen, names, tuple(_losses(source, kind, chosen)))


def _losses(source: StoredManifest, kind: str, chosen: tuple[str, ...]) -> list[str]:
    losses = []
    left_out = [each for each in source.algorithms if each not in chosen]
    if left_out:
        losses.append(f"the digests of {' and '.join(left_out)} were left out, as asked")
    if source.sizes and kind != "hashdeep":
        losses.append(f"the sizes: a manifest of kind {kind} does not hold them, so an object of another size shows only when it is read")
    if source.decoded:
        losses.append(f"{source.decoded} names were percent-encoded and are written as they decode (RFC 8493, 2.1.3)")
    return losses
