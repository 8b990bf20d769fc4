"""Names that others chose, as they are shown."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.model import printable

MARKS = "\u0300\u0336\u0489\u05b0\u0e49\u20dd"


@given(st.text() | st.text(alphabet="aא" + MARKS + "\u200d\u202e\x1b\n\udc80"))
def test_nothing_that_acts_is_shown_and_no_pile_of_marks(text: str) -> None:
    shown = printable(text)
    categories = "".join(unicodedata.category(character) for character in shown)
    assert not re.search("C[cfsno]|Z[lp]|(?:M[ne]){5}", categories)
    assert printable(shown) == shown
    shown.encode()


LIVING = ("Zoë", "Zoe\u0308", "Việt Nam", unicodedata.normalize("NFD", "Việt"), "בְּרֵאשִׁ֖ית", "น้ำใจที่นี่", "किताब", "بِسْمِ ٱللَّهِ", "日本語")


@pytest.mark.parametrize("text", LIVING)
def test_living_scripts_are_shown_as_they_are(text: str) -> None:
    assert printable(text) == text


def test_of_a_pile_the_lowest_marks_are_shown_and_the_others_named() -> None:
    assert printable("a" + "\u0301" * 6 + "b") == "a" + "\u0301" * 4 + r"\u0301\u0301b"
