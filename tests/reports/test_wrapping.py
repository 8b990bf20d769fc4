"""Columns of a terminal: wide and combining characters, words longer than a line, names shortened in the middle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drcheck.reports.wrapping import columns, shorten, shorten_words, wrap

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"]) | st.sampled_from("ab 日\u0301"), max_size=60)


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert columns("abc") == 3
    assert columns("日本") == 4
    assert columns("e\u0301") == 1


@given(TEXT, st.integers(2, 40))
def test_no_line_is_wider_than_asked_and_no_character_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXT, st.integers(1, 40))
def test_a_shortened_text_fits_and_keeps_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert columns(short) <= limit
    if columns(text) <= limit:
        assert short == text
    else:
        head, _, tail = short.partition("…") if "…" not in text else ("", "", "")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_words_are_shortened_one_by_one() -> None:
    assert shorten_words("lost aaaaaaaaaaaaaaaaaaaa.dcm today", 9) == "lost aaaa….dcm today"


def test_a_character_wider_than_the_line_still_has_a_line() -> None:
    assert wrap("日本", 1) == ["日", "本"]
