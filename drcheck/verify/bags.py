"""Bags: their files noted as promises, and the bag as a whole held against what is listed (RFC 8493, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drcheck.errors import ManifestError
from drcheck.manifests import bagit
from drcheck.model import ManifestRead, printable
from drcheck.verify.sources import Sources
from drcheck.verify.spool import Found, Spool, below


@dataclass(frozen=True, slots=True)
class Bag:
    """A bag whose files were read."""

    root: str
    """Its key prefix."""
    version: tuple[int, int]
    payload_manifests: int
    """How many were understood."""
    oxum: bagit.Oxum | None


def take_bag(sources: Sources, root: str, files: Iterable[Found]) -> Bag | None:
    """Note what the bag at `root` promises; None where it cannot be understood, which is then noted as well."""
    names = {found.key.rpartition("/")[2]: found for found in files}
    if bagit.DECLARATION not in names:
        sources.unusable(root, f"{_place(root)}: has no {bagit.DECLARATION}, so it is no bag; finish it, or set another `kind`")
        return None
    first = names[bagit.DECLARATION]
    declaration = sources.ask(first, lambda chunks: bagit.read_declaration(chunks, first.key))
    if declaration is None:
        return None
    oxum = None
    if declaration.info in names:
        info = names[declaration.info]
        oxum = sources.ask(info, lambda chunks: bagit.read_oxum(chunks, info.key, declaration))
    if bagit.FETCH in names:
        fetch = names[bagit.FETCH]
        sources.ask(fetch, lambda chunks: _note_fetches(sources.spool, root, bagit.read_fetch(chunks, fetch.key, declaration)))
    understood = [tag for name, found in names.items() if (tag := _take_manifest(sources, root, name, found, declaration)) is not None]
    if False not in understood:
        sources.unusable(root, f"{_place(root)}: has no payload manifest that can be used; make the bag again")
    return Bag(root, declaration.version, understood.count(False), oxum)


def faults(spool: Spool, bags: list[Bag]) -> Iterator[str]:
    """What the bags' own figures say against them; each in words."""
    for bag in bags:
        count, size = spool.listed_below(below(bag.root, bagit.PAYLOAD.rstrip("/")))
        if not count:
            yield f"{_place(bag.root)}: has no payload below {bagit.PAYLOAD}"
        if bag.oxum is not None and (bag.oxum.octets, bag.oxum.files) != (size, count):
            said = f"{bag.oxum.octets} bytes in {bag.oxum.files} files"
            yield f"{_place(bag.root)}: its Payload-Oxum says {said}, and {size} bytes in {count} files are there: it is not complete"
        # Before 1.0 it was enough that one manifest lists a file.
        if bag.version >= (1, 0) and (uneven := spool.unevenly_promised(bag.root, bag.payload_manifests)):
            yield f"{_place(bag.root)}: {printable(uneven)} is in one payload manifest and not in another (RFC 8493, 2.1.3)"
    absent, example, unpromised = 0, "", ""
    for key, promised in spool.unfetched():
        absent, example, unpromised = absent + 1, example or key, unpromised or ("" if promised else key)
    if absent:
        yield f"{absent} files that a {bagit.FETCH} names were never fetched, such as {printable(example)}: the bag is not complete"
    if unpromised:
        yield f"{printable(unpromised)} is named in {bagit.FETCH} and in no payload manifest (RFC 8493, 2.2.3)"


def _take_manifest(sources: Sources, root: str, name: str, found: Found, declaration: bagit.Declaration) -> bool | None:
    """Note one manifest; whether it is a tag manifest, None where it is none or cannot be used."""
    try:
        known = bagit.manifest_of(name)
    except ManifestError as unknown:
        sources.unusable(root, f"{_place(root)}: {unknown}")
        return None
    if known is None:
        return None
    tag, algorithm = known
    taken = sources.ask(
        found,
        lambda chunks: sources.spool.add_manifest(
            found.key,
            bagit.read_manifest(chunks, found.key, algorithm, tag=tag, declaration=declaration),
            root,
            payload_of=None if tag else root,
        ),
    )
    if taken is None:
        return None
    if not taken.promises:
        sources.unusable(root, f"{printable(found.key)}: promises nothing; make the bag again")
        return None
    if taken.repeated and declaration.version >= (1, 0):
        sources.tally.fault(f"{printable(found.key)}: lists {printable(taken.repeated)} twice")
    sources.tally.manifest(ManifestRead(found.key, "bagit", True, (algorithm,), taken.promises))
    return tag


def _note_fetches(spool: Spool, root: str, names: Iterator[str]) -> bool:
    for name in names:
        spool.add_fetch(below(root, name))
    return True


def _place(root: str) -> str:
    return f"the bag {printable(root)}" if root else "the bag at the target's root"
