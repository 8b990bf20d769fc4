"""
Chains of nights held against each other: what is missing, doubled or rewritten. Pure.

A chain shows by itself that nothing in it was changed since its last link was made, and nothing more: whoever holds the store can make all of it
anew. That shows where two chains of one organisation are held against each other, such as the store's and those in packs that were handed out before,
or where somebody wrote down the last link's digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from drcheck.chain import Link, link_from, unlinked
from drcheck.clock import format_duration, format_moment
from drcheck.model import printable

LONGEST_LINK = 1 << 20
"""Bytes of the longest link of a stranger's that is read; one of 25 packs has 6 thousand."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FaultKind(StrEnum):
    """What is wrong with a chain."""

    BROKEN = "broken"
    """It does not hang together: a number is missing, or a link names another one than that before it."""
    FORK = "fork"
    """Two nights have one number."""
    REWRITTEN = "rewritten"
    """One night has two links."""
    HEAD = "head"
    """A link that was known is in no chain any more."""
    LATE = "late"
    """Longer went by between two nights than was asked for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a chain."""

    kind: FaultKind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class Chain:
    """The links of one organisation as one place has them, the oldest first."""

    place: str
    links: tuple[Link, ...]


def read_chain(content: bytes, place: str) -> Chain:
    """
    The chain in a file with a link a line.

    Raises:
        ValueError: a line is no link; the message says which and why.
    """
    if not content.endswith(b"\n"):
        raise ValueError("does not end with a line end")
    links: list[Link] = []
    start = 0
    while start < len(content):  # line by line, up to the first that is wrong: a few letters of JSON can be many bytes of memory
        end = content.index(b"\n", start)
        try:
            links.append(_link(content, start, end))
        except ValueError as error:
            raise ValueError(f"line {len(links) + 1}: {error}") from None
        start = end + 1
    return Chain(place, tuple(links))


def _link(content: bytes, start: int, end: int) -> Link:
    if end - start > LONGEST_LINK:
        raise ValueError(f"has more than {LONGEST_LINK:,} bytes")
    link = link_from(content[start:end])
    if not all(_DIGEST.fullmatch(digest) for _, digest in (*link.papers, *link.hashed)):
        raise ValueError("names a paper without its SHA-256")
    return link


def chain_faults(chain: Chain) -> Iterator[Fault]:
    """What is wrong with one chain by itself: it is to begin with number 1 and to be without a gap."""
    before: Link | None = None
    for link in chain.links:
        if why := unlinked(link, before):
            yield Fault(FaultKind.BROKEN, f"{chain.place}: the night {printable(link.run)} {why}")
        before = link


def faults(chains: Sequence[Chain], heads: Iterable[str] = (), every: timedelta | None = None) -> list[Fault]:
    """
    What is wrong with these chains, each by itself and beside each other.

    Args:
        heads: digests of links that somebody knows to have been in the chain.
        every: how often there is to be a night of its own moment; a quarter more is allowed. None where nobody said.
    """
    found = [fault for chain in chains for fault in chain_faults(chain)]
    organisations = dict.fromkeys(link.organisation for chain in chains for link in chain.links)
    for organisation in organisations:
        found += _beside([Chain(chain.place, tuple(link for link in chain.links if link.organisation == organisation)) for chain in chains], every)
    known = {link.digest for chain in chains for link in chain.links}
    found += [Fault(FaultKind.HEAD, f"no chain has the link {head} any more") for head in heads if head not in known]
    return list(dict.fromkeys(found))


def _beside(chains: Sequence[Chain], every: timedelta | None) -> Iterator[Fault]:
    by_number: dict[int, dict[str, tuple[Link, str]]] = {}
    by_run: dict[str, dict[str, tuple[Link, str]]] = {}
    for chain in chains:
        for link in chain.links:
            by_number.setdefault(link.number, {}).setdefault(link.digest, (link, chain.place))
            by_run.setdefault(link.run, {}).setdefault(link.digest, (link, chain.place))
    for run, versions in by_run.items():
        if len(versions) > 1:
            yield Fault(FaultKind.REWRITTEN, f"the night {printable(run)} has {_versions(versions)}")
    forked = sorted(number for number, versions in by_number.items() if len({link.run for link, _ in versions.values()}) > 1)
    for number in forked[:1]:  # after the first all are, since each link holds the digest of the one before
        yield Fault(FaultKind.FORK, f"number {number} is {_versions(by_number[number])}{', and so on' if len(forked) > 1 else ''}")
    if every is not None:
        yield from _late([link for number in sorted(by_number) for link, _ in by_number[number].values()], every)


def _late(links: Iterable[Link], every: timedelta) -> Iterator[Fault]:
    before: Link | None = None
    for link in links:
        if link.as_of:
            continue
        if before is not None and link.started - before.started > every + every / 4:
            between = format_duration(link.started - before.started)
            yield Fault(
                FaultKind.LATE, f"{between} went by between {_named(before)} and {_named(link)}; asked for was every {format_duration(every)}"
            )
        before = link


def _named(link: Link) -> str:
    return f"number {link.number} ({printable(link.run)} of {format_moment(link.started)})"


def _versions(versions: dict[str, tuple[Link, str]]) -> str:
    return " and ".join(f"{printable(link.run)} with {digest[:19]}… in {place}" for digest, (link, place) in versions.items())
