"""The papers of a night: what belongs to an assessment for good, so that it can be checked and judged again without us."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from drcheck.canonical import canonical_json
from drcheck.chain import RECORD, Paper, packed
from drcheck.estate.schema import Estate
from drcheck.evidence.names import Tokens, hash_names, written_by_people
from drcheck.model import Assessment
from drcheck.policy import Pack
from drcheck.record import record_parts
from drcheck.secrets import is_reference

ESTATE = "estate.json"
"""The paper that holds what was declared."""


def papers_of(assessment: Assessment, estate: Estate, packs: Sequence[Pack], names_key: bytes, *, waivers: bytes | None = None) -> tuple[Paper, ...]:
    """
    Every paper of one assessment: the assessment itself, the estate without its secrets' references, each pack and the waivers as they were read.

    Args:
        names_key: the secret by which names of objects are hashed.
        waivers: the file of waivers as it was when they were loaded; None where there is none.
    """
    declared = estate_paper(estate)
    accepted = "" if waivers is None else waivers.decode("utf-8", "surrogateescape")
    tokens = Tokens(names_key, declared_texts(declared), [*written_by_people(assessment), accepted])
    hashed = hash_names(assessment, estate, packs, tokens)
    papers = [Paper(RECORD, packed(record_parts(assessment)), None if hashed is assessment else packed(record_parts(hashed)))]
    papers.append(Paper(ESTATE, declared))
    papers += [Paper(f"policies/{pack.id}.toml", pack.content) for pack in packs]
    if waivers is not None:
        without = tokens.written(accepted).encode("utf-8", "surrogateescape")
        papers.append(Paper("waivers.toml", waivers, None if without == waivers else without))
    return tuple(papers)


def declared_texts(paper: bytes) -> set[str]:
    """Every text in the paper of an estate: what is declared, and may be told."""
    return set(_texts(json.loads(paper)["estate"]))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (text for item in value for text in _texts(item))
        case dict():
            yield from (text for item in value.values() for text in _texts(item))


def estate_paper(estate: Estate) -> bytes:
    """The estate in RFC 8785 form, each reference to a secret cut down to its kind: `env:…`."""
    declared = estate.model_dump(mode="json", by_alias=True, exclude_none=True)
    return canonical_json({"digest": estate.digest, "estate": _plain(declared)})


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key if key.isascii() else key.encode("unicode_escape").decode(): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case float():
            return repr(value)
        case str() if is_reference(value):
            return f"{value.partition(':')[0]}:…"
    return value
