"""What changed since the night before is told on a page as `drcheck diff` tells it."""

from __future__ import annotations

from itertools import product

import pytest

from drcheck.nights import Side, Turn, diff, past_of, standings
from drcheck.reports.html_changes import changed
from drcheck.reports.html_controls import ControlLinks
from tests.nights.making import history

PAIRS = ["".join(pair) for pair in product("PFUEN ", repeat=2) if pair != (" ", " ")]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_page_tells_what_became_of_a_finding_as_the_comparison_does(pair: str) -> None:
    past = history(*({"other ehr": "P"} | ({} if text == " " else {"a lab": text}) for text in pair))
    nights, intervals = past.nights, past.intervals()
    before, after = (Side(night, standings(night, nights, intervals, None), None) for night in nights)
    found = diff(before, after, nights)
    one = past.assessment(1)
    page = changed(one, ControlLinks(one.policies), past_of(one, nights, intervals))
    turns = {each.turn for each in found.turned}
    gone = bool(found.unjudged)
    assert bool(page.gone) == gone
    assert bool(page.worse) == bool(turns & {Turn.BROKE, Turn.LOST})
    assert bool(page.mended) == (bool(turns & {Turn.FIXED, Turn.FOUND}) and not gone)
    assert bool(page.still) == bool(turns & {Turn.STILL, Turn.UNSURE})
    assert page.none == (turns <= {Turn.STILL, Turn.UNSURE, Turn.ADDED, Turn.REMOVED} and not gone)


@pytest.mark.parametrize("pair", ["F ", "U ", "E ", "P ", "FN", "UN", "EN", "PN"])
def test_what_is_not_judged_any_more_is_never_mended_and_never_nothing(pair: str) -> None:
    past = history(*({"other ehr": "P"} | ({} if text == " " else {"a lab": text}) for text in pair))
    one = past.assessment(1)
    page = changed(one, ControlLinks(one.policies), past_of(one, past.nights, past.intervals()))
    assert [change.subject for change in page.gone] == ["system lab"]
    assert (page.mended, page.worse, page.none) == ((), (), False)
