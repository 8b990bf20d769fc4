"""Canonical JSON against RFC 8785."""

from __future__ import annotations

import hashlib
import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.canonical import canonical_json, digest, digest_bytes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
    max_leaves=20,
)


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    TWO = 2


def test_the_strings_of_the_rfc() -> None:
    # RFC 8785, 3.2.3: the value of "string" in the sample, and its output.
    value = {"string": '\u20ac$\u000f\u000aA\u0027\u0042\u0022\u005c\\"/', "literals": [None, True, False]}
    assert canonical_json(value) == '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()


def test_order_spaces_and_nesting() -> None:
    assert canonical_json({"b": [1, {"z": 1, "a": 2}], "a": (), "B": {}, "": 0}) == b'{"":0,"B":{},"a":[],"b":[1,{"a":2,"z":1}]}'


def test_enumerations_are_their_values() -> None:
    assert canonical_json([Colour.RED, Number.TWO]) == b'["red",2]'


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (1.0, r"\$: a float"),
        ({"a": [1, 2.5]}, r"\$\.a\[1\]: a float"),
        (float("nan"), r"\$: a float"),
        (2**53, r"\$: 9007199254740992 is beyond"),
        (-(2**53), "beyond"),
        ({"é": 1}, "not ASCII"),
        ({1: 1}, "not ASCII text"),
        ({"a": b"x"}, r"\$\.a: a bytes"),
        ({1, 2}, "a set"),
        (["\udcff"], r"\$\[0\]: the text '\\udcff' holds a lone surrogate"),
    ],
)
def test_what_has_no_one_form_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        canonical_json(value)


@given(VALUES)
def test_the_form_is_utf8_json_of_the_same_value_and_stays(value: Any) -> None:
    form = canonical_json(value)
    assert json.loads(form.decode("utf-8")) == value
    assert canonical_json(json.loads(form)) == form


@given(st.dictionaries(st.text(st.characters(max_codepoint=127)), st.integers(0, 9)))
def test_the_order_of_making_does_not_matter(value: dict[str, int]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_digests_are_named_sha256() -> None:
    assert digest_bytes(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest({"a": 1}) == "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()
    assert digest([True]) != digest([1])
