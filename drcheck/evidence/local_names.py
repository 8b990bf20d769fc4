"""The names behind tokens, for those who hold the store."""

from __future__ import annotations

from collections.abc import Iterator

from drcheck.chain import RECORD
from drcheck.evidence.names import Tokens, hash_facts, token
from drcheck.evidence.papers import ESTATE, declared_texts
from drcheck.record import assessment_from_record
from drcheck.store import Store


def names_of(store: Store, run: str, *, objects: bool = False) -> Iterator[tuple[str, str]]:
    """
    Every token of a night with the name behind it, sorted by the name.

    Args:
        objects: whether every object that the store knows of is told besides, copy by copy.

    Raises:
        StoreError: the store has no such night, or no longer its papers.
    """
    record = store.paper(run, RECORD)
    assessment = assessment_from_record(record, f"run {run}")
    organisation = assessment.estate.organisation
    key = store.names_key(organisation)
    tokens = Tokens(key, declared_texts(store.paper(run, ESTATE)), keep=True)
    hash_facts(assessment.facts, tokens)
    yield from sorted(tokens.names.items(), key=lambda found: found[1])
    if objects:
        known = set(store.copies(organisation))
        for copy in (f"{copy.system}@{copy.target}" for copy in assessment.copies):
            if copy in known:
                there = store.objects(organisation, copy)
                yield from ((token(key, each.key), each.key) for found in (there.known(), there.absent()) for each in found)
