"""A pack as it was read: the digest of every file, and the content of the few that are looked into."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drcheck.errors import BadPack, EvidenceError
from drcheck.evidence import bag
from drcheck.evidence.archive import LIMITS, Limits, entries
from drcheck.evidence.outcomes import LARGEST

_LOOKED_INTO = {"data/pack.json": 1 << 24, "data/chain.jsonl": 1 << 27, "data/record.json": LARGEST, "data/assessment.json": LARGEST}
"""Files below `data/` whose content is kept, with the most bytes of each."""
_MAY_BE_LARGER = frozenset({"data/record.json", "data/assessment.json"})
"""Those of them that a very large estate makes larger: their digests hold all the same, and what they say is left uncounted."""
_LIST = 1 << 26
_LISTS = frozenset({bag.SUMS, bag.MANIFEST, bag.TAG_MANIFEST, bag.INFO, bag.DECLARATION})
_OUTSIDE = 1 << 20
_MOST_OUTSIDE = 1_000
_ALL_OUTSIDE = 1 << 26
"""Bytes of all signatures and time stamps."""
_ADDED = re.compile(r"signatures/[^/]+\.(?:sig|dsse\.json)|timestamps/[^/]+\.tsr")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a pack."""

    digests: Mapping[str, str]
    """SHA-256 in hex, by path."""
    octets: int
    """Bytes below `data/`."""
    kept: Mapping[str, bytes]
    """The content of the lists, of what is known of the bag, of signatures and time stamps, and of a few files below `data/`."""
    too_large: frozenset[str] = frozenset()
    """Files below `data/` that would have been kept, and are larger than what is looked into."""

    def file(self, name: str) -> bytes:
        """The content of one file. Raises BadPack where it is not there, or was too large to be kept."""
        if name in self.too_large:
            raise BadPack(f"{name}: has more than {_LOOKED_INTO[name]:,} bytes, and is not looked into")
        if name not in self.kept:
            raise BadPack(f"{name}: is not there")
        return self.kept[name]

    def info(self) -> dict[str, str]:
        """What bag-info.txt says. Raises BadPack where it is not there, or cannot be understood."""
        return bag.read_info(self.file(bag.INFO))

    def below(self, *folders: str) -> list[str]:
        """The paths in these folders, sorted."""
        return sorted(name for name in self.digests if name.startswith(folders))


@contextmanager
def within_memory(path: Path) -> Iterator[None]:
    """Raises EvidenceError where a pack is larger than what this machine has memory for."""
    try:
        yield
    except MemoryError:
        raise EvidenceError(f"{path}: is larger than what this machine has memory for, so nothing is known of it") from None


def read_contents(path: Path, limits: Limits = LIMITS) -> Contents:
    """
    Read a pack once, whole.

    Raises:
        BadPack: something in it is refused.
        EvidenceError: it cannot be read at all.
    """
    digests: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    too_large: set[str] = set()
    octets = outside = added = 0
    for entry in entries(path, limits):
        outside += entry.name.startswith((bag.SIGNATURES, bag.TIMESTAMPS))
        if outside > _MOST_OUTSIDE:
            raise BadPack(f"{path}: has more than {_MOST_OUTSIDE:,} signatures and time stamps")
        digest = hashlib.sha256()
        most, parts, size = _most(entry.name), list[bytes](), 0
        for chunk in entry.chunks:
            digest.update(chunk)
            size += len(chunk)
            if most:
                parts.append(chunk)
                if size > most and entry.name not in _MAY_BE_LARGER:
                    raise BadPack(f"{path}: {entry.name}: has more than {most:,} bytes")
                if size > most:
                    too_large.add(entry.name)
                    most, parts = 0, []
        digests[entry.name] = digest.hexdigest()
        octets += size if entry.name.startswith(bag.PAYLOAD) else 0
        added += size if entry.name.startswith((bag.SIGNATURES, bag.TIMESTAMPS)) else 0
        if added > _ALL_OUTSIDE:
            raise BadPack(f"{path}: has more than {_ALL_OUTSIDE:,} bytes of signatures and time stamps")
        if most:
            kept[entry.name] = b"".join(parts)
    return Contents(digests, octets, kept, frozenset(too_large))


def _most(name: str) -> int:
    """The most bytes of a file that is kept; 0 for one that is not."""
    if name.startswith(bag.PAYLOAD):
        return _LOOKED_INTO.get(name, 0)
    if name.startswith((bag.SIGNATURES, bag.TIMESTAMPS)):
        return _OUTSIDE
    return _LIST if name in _LISTS else 0


def list_problems(contents: Contents) -> Iterator[str]:
    """Where the pack's lists and its files do not agree: what verify.sh finds."""
    groups = {
        bag.SUMS: [bag.TAG_MANIFEST, *contents.below(bag.SIGNATURES, bag.TIMESTAMPS)],
        bag.TAG_MANIFEST: [name for name in contents.digests if _is_tag_file(name)],
        bag.MANIFEST: contents.below(bag.PAYLOAD),
    }
    # Nobody signs what was added later; so nothing but signatures may be, for a page there would look as if it were signed too.
    yield from (f"{name}: is neither a signature nor a time stamp" for name in groups[bag.SUMS][1:] if not _ADDED.fullmatch(name))
    for name, there in groups.items():
        try:
            listed = bag.read_sums(contents.file(name), name)
        except BadPack as error:
            yield str(error)
            continue
        yield from (f"{each}: is there, and {name} does not list it" for each in sorted(set(there) - set(listed)))
        for each, digest in listed.items():
            if each not in there:
                yield f"{each}: is listed in {name}, and is not there"
            elif contents.digests[each] != digest:
                yield f"{each}: was changed: {name} says another digest"


def _is_tag_file(name: str) -> bool:
    return name not in (bag.SUMS, bag.TAG_MANIFEST) and not name.startswith((bag.PAYLOAD, bag.SIGNATURES, bag.TIMESTAMPS))
