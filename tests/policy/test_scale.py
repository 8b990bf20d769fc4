"""Large estates: judging grows as the findings do, and what many packs ask alike is answered once."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.region import NOW, SHIPPED, estate_text, facts_of, write_packs
from drcheck.checks.base import Case, Check, Verdict
from drcheck.estate.load import parse_estate
from drcheck.estate.schema import Estate
from drcheck.model import Outcome
from drcheck.policy import Pack, judge, load_pack
from tests.policy import rig

SYSTEMS = 5


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pack, ...]:
    """Each pack that ships, in two variants."""
    folder = tmp_path_factory.mktemp("packs")
    write_packs(folder, 2 * len(SHIPPED))
    return tuple(load_pack(str(file)) for file in sorted(folder.iterdir()))


def region(hospitals: int) -> Estate:
    return parse_estate(Path("estate.toml"), estate_text(hospitals, SYSTEMS).encode())


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of drcheck `work` runs; each turn of a loop or comprehension is one of its own."""
    count = 0

    def traced(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/drcheck/" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_four_times_the_estate_is_four_times_the_work(packs: tuple[Pack, ...]) -> None:
    small, large = region(2), region(8)
    of_small, of_large = facts_of(small), facts_of(large)
    few = lines_run(lambda: judge(small, packs, of_small, now=NOW))
    many = lines_run(lambda: judge(large, packs, of_large, now=NOW))
    assert 3.8 < many / few < 4.2, f"{few} lines for {len(small.copies)} copies, {many} for {len(large.copies)}"


def test_an_estate_is_loaded_in_as_many_steps_as_it_has_entries() -> None:
    texts = [estate_text(hospitals, SYSTEMS).encode() for hospitals in (2, 8)]
    few, many = (lines_run(lambda text=text: parse_estate(Path("estate.toml"), text)) for text in texts)  # type: ignore[misc]
    assert 3.8 < many / few < 4.2


def variants(number: int, check: Check, **parameters: Any) -> list[Pack]:
    """One pack under several names, all of whose controls of that check are bound to the same object."""
    pack = load_pack("uk-caf-b5")
    controls = tuple(replace(one, check=check) if one.check.id == check.id else one for one in pack.controls)
    found = []
    for turn in range(number):
        mine = tuple(replace(one, parameters={**one.parameters, **parameters}) if turn and one.check.id == check.id else one for one in controls)
        found.append(replace(pack, written=pack.written.model_copy(update={"id": f"pack-{turn}"}), controls=mine))
    return found


def check_that(judge_: Callable[[Case], Verdict]) -> Check:
    (check,) = {one.check.id: one.check for one in load_pack("uk-caf-b5").controls if one.check.id == "copies.offsite"}.values()
    return replace(check, judge=judge_)


def test_what_many_packs_ask_alike_is_answered_once_and_other_numbers_are_asked_for_themselves() -> None:
    asked: Counter[int] = Counter()

    def answer(case: Case) -> Verdict:
        asked[case.integer("minimum")] += 1
        return Verdict(Outcome.FAIL, f"at least {case.integer('minimum')} wanted")

    place = rig.estate()
    findings, _ = judge(place, variants(4, check_that(answer)), rig.facts(place), now=rig.NOW)
    assert asked == {1: 1}
    assert len([finding for finding in findings if finding.check == "copies.offsite"]) == 4
    asked.clear()
    findings, _ = judge(place, variants(4, check_that(answer), minimum=2), rig.facts(place), now=rig.NOW)
    assert asked == {1: 1, 2: 1}
    assert [finding.message[9:10] for finding in findings if finding.check == "copies.offsite"] == ["1", "2", "2", "2"]


def test_a_check_that_crashes_is_an_error_for_every_control_that_asked(caplog: pytest.LogCaptureFixture) -> None:
    def crash(_: Case) -> Verdict:
        raise KeyError("a bug")

    caplog.set_level(logging.CRITICAL, "drcheck.policy")
    place = rig.estate()
    findings, _ = judge(place, variants(3, check_that(crash)), rig.facts(place), now=rig.NOW)
    wrong = [finding for finding in findings if finding.outcome is Outcome.ERROR]
    assert [(finding.policy, finding.subject.id) for finding in wrong] == [(f"pack-{turn}", "pas") for turn in range(3)]
    assert len({(finding.policy, finding.control, finding.subject) for finding in findings}) == len(findings)
