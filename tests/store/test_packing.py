"""Objects packed in runs come out as they went in, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.model import Depth, ObjectResult
from drcheck.store.digests import Digest, digests_of, length_of, shape_of
from drcheck.store.known import DEPTH_CODES, LATEST, RESULT_CODES, Row, key_of, text_of
from drcheck.store.packing import Damaged, pack, unpack

HEX = st.binary(max_size=64).map(bytes.hex)
TEXTS = st.one_of(HEX, st.text("0123456789abcdefABCDEF-é\udcff", max_size=20))
DIGESTS = st.lists(st.builds(Digest, st.sampled_from(["sha256", "md5", "etag", "blake2b-256"]), TEXTS, TEXTS), max_size=3).map(tuple)
SECONDS = st.integers(0, LATEST)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row with anything in it that a row can hold."""
    shape, raw = shape_of(draw(DIGESTS))
    times = [draw(SECONDS) for _ in range(7)]
    result, depth = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    return Row._make((draw(st.binary(max_size=30)), draw(st.integers(0, 2**64 - 1)), draw(st.binary(max_size=9)), *times, result, depth, shape, raw))


@given(st.lists(rows(), min_size=1, max_size=20))
def test_rows_come_out_as_they_went_in(given_rows: list[Row]) -> None:
    packed = pack(given_rows)
    assert unpack(packed.columns, packed.digests, packed.check) == given_rows
    assert (packed.first, packed.count) == (given_rows[0].key, len(given_rows))


@given(st.lists(rows(), min_size=1, max_size=3), st.data())
def test_a_flipped_bit_is_noticed(given_rows: list[Row], data: st.DataObject) -> None:
    packed = pack(given_rows)
    where = data.draw(st.integers(0, 8 * len(packed.columns + packed.digests) - 1))
    broken = bytearray(packed.columns + packed.digests)
    broken[where // 8] ^= 1 << where % 8
    cut = len(packed.columns)
    with pytest.raises(Damaged):
        unpack(bytes(broken[:cut]), bytes(broken[cut:]), packed.check)


@given(DIGESTS)
def test_digests_come_out_as_they_went_in(digests: tuple[Digest, ...]) -> None:
    shape, raw = shape_of(digests)
    assert digests_of(shape, raw) == digests
    assert length_of(shape) == len(raw)


def test_one_promise_that_holds_takes_its_own_bytes_once() -> None:
    assert shape_of([Digest("sha256", "ab" * 32, "ab" * 32)]) == ("sha256 32 =", b"\xab" * 32)


@pytest.mark.parametrize("name", ["", "sha 256", "a,b", "a\nb"])
def test_a_name_that_would_break_a_shape_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of an algorithm"):
        shape_of([Digest(name, "ab", "")])


def test_keys_sort_as_their_bytes_do() -> None:
    """The escapes for bytes that are no UTF-8 sort elsewhere as text."""
    names = ["a", "é", "\udc80", "\U0001f600", "\uffff"]
    assert sorted(names, key=key_of) != sorted(names)
    assert [text_of(key) for key in sorted(map(key_of, names))] == sorted(names, key=key_of)


def test_every_result_and_depth_has_a_number_of_its_own() -> None:
    assert set(RESULT_CODES) == set(ObjectResult)
    assert set(DEPTH_CODES) == set(Depth)
    assert 0 not in RESULT_CODES.values()
    assert len(set(RESULT_CODES.values())) == len(RESULT_CODES)
    assert [DEPTH_CODES[depth] for depth in Depth] == sorted(set(DEPTH_CODES.values()))
