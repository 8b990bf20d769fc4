"""Listing a copy, and finding and reading the manifests that are declared for it."""

from __future__ import annotations

import re
from collections.abc import Callable

from drcheck.estate.schema import Copy, Manifest
from drcheck.formats.base import Format, StoredObject
from drcheck.manifests import bagit
from drcheck.model import printable
from drcheck.verify import bags
from drcheck.verify.sightings import Sightings
from drcheck.verify.sources import Sources
from drcheck.verify.spool import Found, below
from drcheck.verify.standing import Role, Standing

SIGN_OF_LIFE = 4_096
"""Objects that are listed or sorted between two signs of life."""
_SIDECAR = re.compile(r"\*(\.[^*/]+)")


def is_bag(manifest: Manifest) -> bool:
    """Whether the manifest declared beside the data is a whole bag."""
    return manifest.name == bagit.DECLARATION or (manifest.kind == "bagit" and (bool(manifest.name) or manifest.path is None))


def gather(sources: Sources, layout: Format, copy: Copy, manifest: Manifest, standing: Standing, sightings: Sightings | None = None) -> None:
    """
    List the copy and read its manifests into the spool, settled and ready to be compared; through `sightings` where a store is kept.

    Raises whatever listing raises. Where the place stops answering meanwhile, `sources.stopped` says so and nothing is settled.
    """
    place = _place_bag if is_bag(manifest) else _placer(manifest)
    listing = layout.objects(sources.connector, copy.path)
    pairs = sightings.each(listing) if sightings is not None else ((stored, None) for stored in listing)
    for number, (stored, earlier) in enumerate(pairs):
        sources.connector.deadline.check()
        if not number % SIGN_OF_LIFE:
            sources.connector.pace.add(0)
        role, found = place(stored, layout.manifest_root(copy.path, stored.point), standing.of(stored.point))
        sources.spool.add_object(stored.entry, stored.point, role, earlier)
        if found is not None:
            sources.spool.add_found(found)
    read_bags = []
    for root, files in sources.spool.found():
        if is_bag(manifest):
            read_bags.append(bags.take_bag(sources, root, files))
        else:
            for found in files:
                sources.take(found, manifest.kind, manifest.algorithm, _about(manifest, found.key))
        if sources.stopped is not None:
            return
    if is_bag(manifest):
        for point in sources.spool.points_without_found():
            if standing.of(point) is Role.EXPECTED:
                reason = f"recovery point {printable(point)}: is no bag: it has no {bagit.DECLARATION}; finish it, or set another `kind`"
                sources.unusable(layout.manifest_root(copy.path, point), reason)
    if manifest.path is not None:
        sources.take_file(manifest.path, copy.path, manifest.kind, manifest.algorithm)
    sources.spool.settle(below(copy.path, point) for point in standing.aside)
    for fault in bags.faults(sources.spool, [bag for bag in read_bags if bag is not None]):
        sources.tally.fault(fault)


def _placer(manifest: Manifest) -> Callable[[StoredObject, str, Role], tuple[Role, Found | None]]:
    """
    What tells the role of an object, and whether it is a manifest of the declared name.

    A name such as `*.sha256` is that of sidecars: they lie anywhere, each beside what it speaks of, and their names are relative to their own folder.
    Any other name is looked for at the root of the recovery point only: deeper down it is payload that happens to be called so.
    """
    named = re.compile("[^/]*".join(map(re.escape, manifest.name.split("*"))), re.DOTALL) if manifest.name else None
    sidecars = _SIDECAR.fullmatch(manifest.name) is not None

    def place(stored: StoredObject, root: str, role: Role) -> tuple[Role, Found | None]:
        entry = stored.entry
        folder, _, last = entry.key.rpartition("/")
        name = last if sidecars else _within(entry.key, root)
        if named is None or role is Role.ASIDE or not named.fullmatch(name):
            return (Role.ALLOWED if stored.auxiliary and role is Role.EXPECTED else role), None
        return Role.ALLOWED, Found(folder if sidecars else root, entry.key, entry.size, stored.point, entry.archived)

    return place


def _place_bag(stored: StoredObject, root: str, role: Role) -> tuple[Role, Found | None]:
    """In a bag everything below `data/` must be promised, and nothing else need be (RFC 8493, 2.2.4)."""
    entry, name = stored.entry, _within(stored.entry.key, root)
    if role is Role.EXPECTED and not name.startswith(bagit.PAYLOAD):
        role = Role.ALLOWED
    if role is Role.ASIDE or not bagit.is_bag_file(name):
        return role, None
    return role, Found(root, entry.key, entry.size, stored.point, entry.archived)


def _within(key: str, root: str) -> str:
    return key[len(root) + 1 :] if root and key.startswith(f"{root}/") else key


def _about(manifest: Manifest, key: str) -> str:
    """The name that a sidecar with nothing but a digest in it speaks of; empty for other manifests."""
    sidecar = _SIDECAR.fullmatch(manifest.name)
    return key.rpartition("/")[2].removesuffix(sidecar[1]) if sidecar else ""
