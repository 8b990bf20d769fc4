"""A record is written piece by piece, and its bytes are those of the canonical form of the whole."""

from __future__ import annotations

from hypothesis import given, settings
from pydantic import TypeAdapter

from drcheck.canonical import canonical_json, digest_bytes
from drcheck.chain import Paper, packed
from drcheck.model import Assessment
from drcheck.record import RECORD, _in_integers_and_texts, assessment_to_record, record_parts
from tests.strategies import assessments

WHOLE = TypeAdapter(Assessment)


@settings(max_examples=100, deadline=None)
@given(assessment=assessments())
def test_the_pieces_of_a_record_are_its_canonical_form(assessment: Assessment) -> None:
    document = {"schema": RECORD, **_in_integers_and_texts(WHOLE.dump_python(assessment, mode="json"))}
    for place in (*document["sites"], *document["systems"], *document["targets"]):
        if place["domains"] is None:
            del place["domains"]
    assert b"".join(record_parts(assessment)) == assessment_to_record(assessment) == canonical_json(document)


def test_a_paper_in_parts_is_the_paper() -> None:
    whole, parted = Paper("a", b"one two"), Paper("a", packed(iter((b"one", b"", b" two"))), packed((b"no name",)))
    assert whole.plain == parted.plain
    assert (parted.content, parted.hashed, whole.hashed) == (b"one two", b"no name", None)
    assert parted.plain.digest == digest_bytes(b"one two")
