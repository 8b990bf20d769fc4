"""Promises held against checksums that a place keeps: agreement, disagreement, and what cannot be compared."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.digests import digest
from drcheck.manifests.stored import Agreement, compare_parts, compare_stored, composite
from drcheck.model.stored import Span, StoredChecksum, StoredPart

CONTENT = bytes(range(256)) * 40
PARTS = [CONTENT[:5000], CONTENT[5000:9000], CONTENT[9000:]]
ALGORITHMS = ("md5", "sha1", "sha256", "crc32", "crc32c", "crc64nvme")
CRCS = ("crc32", "crc32c", "crc64nvme")


def of(algorithm: str, content: bytes) -> str:
    return digest([content], [algorithm]).hex[algorithm]


def full(algorithm: str, content: bytes = CONTENT, **changes: object) -> StoredChecksum:
    return replace(StoredChecksum(algorithm, of(algorithm, content), Span.FULL), **changes)  # type: ignore[arg-type]


def in_parts(algorithm: str, parts: list[bytes]) -> StoredChecksum:
    told = tuple(StoredPart(len(part), of(algorithm, part)) for part in parts)
    return StoredChecksum(algorithm, composite(algorithm, [part.digest for part in told]), Span.COMPOSITE, told, len(told))


def against(algorithm: str, *stored: StoredChecksum, content: bytes = CONTENT) -> Agreement:
    return compare_stored(algorithm, of(algorithm, content), stored, size=len(content)).agreement


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_of_the_whole_agrees_or_not(algorithm: str) -> None:
    assert against(algorithm, full(algorithm)) is Agreement.AGREES
    assert against(algorithm, full(algorithm, b"other")) is Agreement.DISAGREES
    assert compare_stored(algorithm, of(algorithm, CONTENT).upper(), [full(algorithm)], size=len(CONTENT)).agreement is Agreement.AGREES


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_checksum_of_the_kind_is_unknown(algorithm: str) -> None:
    assert against(algorithm) is Agreement.UNKNOWN
    assert against(algorithm, *(full(other) for other in ALGORITHMS if other != algorithm)) is Agreement.UNKNOWN


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_part_is_the_whole(algorithm: str) -> None:
    told = in_parts(algorithm, [CONTENT])
    assert against(algorithm, told) is Agreement.AGREES
    assert against(algorithm, replace(told, parts=())) is Agreement.AGREES
    assert against(algorithm, in_parts(algorithm, [b"other"])) is Agreement.DISAGREES


@pytest.mark.parametrize("algorithm", CRCS)
def test_parts_of_a_crc_are_put_together(algorithm: str) -> None:
    assert against(algorithm, in_parts(algorithm, PARTS)) is Agreement.AGREES
    other = [PARTS[0], PARTS[1][:-1] + b"\0", PARTS[2]]
    assert against(algorithm, in_parts(algorithm, other)) is Agreement.DISAGREES


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_many_parts_of_a_hash_cannot_be_compared_with_the_whole(algorithm: str) -> None:
    assert against(algorithm, in_parts(algorithm, PARTS)) is Agreement.UNKNOWN
    compared = compare_parts([of(algorithm, part) for part in PARTS], in_parts(algorithm, PARTS))
    assert compared.agreement is Agreement.AGREES
    swapped = compare_parts([of(algorithm, part) for part in PARTS[::-1]], in_parts(algorithm, PARTS))
    assert swapped.agreement is Agreement.DISAGREES
    assert compare_parts([of(algorithm, CONTENT)], in_parts(algorithm, PARTS)).agreement is Agreement.UNKNOWN
    assert compare_parts([of(algorithm, CONTENT)], full(algorithm)).agreement is Agreement.UNKNOWN


def test_parts_that_contradict_the_object_prove_nothing() -> None:
    told = in_parts("crc32", PARTS)
    short = replace(told, parts=told.parts[:-1], count=2)
    other_size = replace(told, parts=(replace(told.parts[0], size=4999), *told.parts[1:]))
    silent = replace(told, parts=(replace(told.parts[0], digest=""), *told.parts[1:]))
    other = replace(told, digest="00000000")
    for broken in (short, other_size, silent, other, replace(told, count=4)):
        assert against("crc32", broken) is Agreement.UNKNOWN, broken


def test_what_need_not_be_a_checksum_can_only_agree() -> None:
    assert against("md5", full("md5", sure=False)) is Agreement.AGREES
    assert against("md5", full("md5", b"other", sure=False, origin="ETag")) is Agreement.UNKNOWN


def test_one_that_surely_differs_outweighs_those_that_agree() -> None:
    assert against("md5", full("md5"), full("md5", b"other")) is Agreement.DISAGREES
    assert against("md5", full("md5"), full("md5", b"other", sure=False)) is Agreement.AGREES


@given(
    st.sampled_from(ALGORITHMS),
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4),
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4),
)
def test_other_bytes_never_agree(algorithm: str, promised: list[bytes], there: list[bytes]) -> None:
    content, other = b"".join(promised), b"".join(there)
    agreement = compare_stored(algorithm, of(algorithm, content), [in_parts(algorithm, there)], size=len(other)).agreement
    # A CRC of 32 bits can be the same by chance, though not in these few bytes that Hypothesis tries.
    assert (agreement is Agreement.AGREES) <= (content == other)


def test_the_etag_of_an_upload_in_parts_is_made_so() -> None:
    # The rule of S3: MD5 over the binary MD5s of the parts.
    expected = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in PARTS)).hexdigest()
    assert composite("md5", [of("md5", part) for part in PARTS]) == expected
