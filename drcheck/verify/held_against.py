"""One manifest on this machine held against one place, without the rest of a run: a folder here, or a copy of the estate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from drcheck.clock import Deadline
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, Connector, attempt
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.estate.schema import Copy, Estate, Manifest
from drcheck.formats import format_for
from drcheck.formats.base import Format, FormatOptions, StoredObject
from drcheck.formats.pieces import is_checksum_file, listing
from drcheck.model import ObjectResult, Points, PointState, RecoveryPoint, Unobserved, Verification
from drcheck.secrets import resolve
from drcheck.verify.copy import Verifying
from drcheck.verify.spool import Spool
from drcheck.verify.standing import Standing
from drcheck.verify.tally import Tally

TREE = "."


class PlainFolder(Format):
    """A folder that is no backup of any layout: everything in it is expected to be promised, but files of checksums and `own`."""

    kind = "folder"

    def __init__(self, own: str) -> None:
        """`own` is the key of the manifest itself where it lies in the folder; else empty."""
        super().__init__(FormatOptions())
        self._own = own

    def points(self, connector: Connector, path: str, now: datetime) -> Points:  # noqa: ARG002 - the contract's; nothing is judged by time
        point = RecoveryPoint(TREE, now, "modified", 0, 0, PointState.FINISHED)
        return Points(1, ((PointState.FINISHED, 1),), (point,), point, (), 0, 0)

    def objects(self, connector: Connector, path: str) -> Iterator[StoredObject]:
        for entry in listing(connector, path):
            yield StoredObject(entry, TREE, entry.key == self._own or is_checksum_file(entry.key))

    def manifest_root(self, path: str, point: str) -> str:  # noqa: ARG002 - the contract's; there is one point, the folder
        return path


def manifest_at(file: Path, kind: str, algorithm: str) -> Manifest:
    """The declaration of a manifest in a file that is away from the data. Raises ValidationError for a kind or algorithm that cannot be declared."""
    return Manifest.model_validate({"path": str(file.absolute()), "kind": kind, "algorithm": algorithm}, context={"base": Path("/")})


def verify_folder(manifest: Manifest, root: Path, *, now: datetime, run: Deadline) -> Verification:
    """What holding the manifest against a folder of this machine showed; `stopped` says why where it could not be finished."""
    own = ""
    if manifest.path is not None and manifest.path.resolve().is_relative_to(root.resolve()):
        own = manifest.path.resolve().relative_to(root.resolve()).as_posix()
    copy = Copy.model_construct(system="folder", target=str(root), path="", format=PlainFolder.kind, manifest=manifest)
    options = LocalOptions.model_construct(root=root)
    return _verify(LocalConnector(options, secrets=resolve, deadline=run, calls=CallLog("folder")), PlainFolder(own), copy, manifest, now)


def verify_one(manifest: Manifest, estate: Estate, copy: Copy, *, now: datetime, run: Deadline) -> Verification:
    """What holding the manifest against the finished recovery points of one copy showed; `stopped` says why where it could not be finished."""
    connector = connector_for(estate.target(copy.target), estate, deadline=run, calls=CallLog(copy.target))
    return _verify(connector, format_for(copy, estate), copy, manifest, now)


def _verify(connector: Connector, layout: Format, copy: Copy, manifest: Manifest, now: datetime) -> Verification:
    tally = Tally(copy.id)

    def hold(folder: str) -> Unobserved | None:
        with Spool(Path(folder) / "spool.sqlite") as spool, connector:
            standing = Standing(layout.points(connector, copy.path, now), now)
            verifying = Verifying(connector, layout, copy, manifest, standing, spool, tally)
            return verifying.gather() or verifying.compare(None)

    with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder:
        fact = attempt(partial(hold, folder))
    return tally.freeze(fact if isinstance(fact, Unobserved) else fact.value)


def exit_code(seen: Verification, *, extra_allowed: bool = False, weak_allowed: bool = False, server_hash_counts: bool = False) -> int:
    """10 where something is known to be wrong, 11 where it is not known that everything is as promised, else 0."""
    if seen.bad or seen.faults:
        return 10
    unknown = [
        seen.count(ObjectResult.MATCH) == 0,
        seen.count(ObjectResult.UNREADABLE) > 0,
        seen.count(ObjectResult.NOT_READ) > 0,
        seen.count(ObjectResult.EXTRA) > 0 and not extra_allowed,
        seen.weak_only > 0 and not weak_allowed,
        seen.hashed_there > 0 and not server_hash_counts,
        bool(seen.unusable_manifests),
        seen.stopped is not None,
    ]
    return 11 if any(unknown) else 0
