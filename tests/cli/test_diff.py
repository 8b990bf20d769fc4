"""Two nights beside each other on the command line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cli.nights import HOUR, Kept, kept, tonight
from tests.nights.making import letter, number
from tests.reports.sample import hospital

__all__ = ["kept"]
NIGHTS = (
    {"a ehr": "P", "b ehr": "F", "c ehr": "F!"},
    {"a ehr": "P", "b ehr": "P", "c ehr": "F!"},
    {"a ehr": "F", "b ehr": "P", "c ehr": "F!"},
)


def test_without_names_it_is_the_last_night_against_the_one_before(kept: Kept) -> None:
    kept.nights(*NIGHTS)
    done = kept.say("diff")
    assert done.returncode == 10
    assert done.stdout.splitlines() == [
        "WORSE by 1 finding; 1 new failure, 1 still failing",
        "north: from 2026-03-02T02:00:00Z (run-2) to 2026-03-03T02:00:00Z (run-3)",
        "",
        "New failures (1)",
        "- high, system ehr: ehr is fail; was pass (pack a)",
        "",
        "Still failing (1)",
        "- high, waived, system ehr: ehr is fail; since 2026-03-01T02:00:00Z (pack c)",
    ]


@pytest.mark.parametrize("names", [("run-1", "run-2"), ("latest~2", "latest~1"), ("2026-03-01", "2026-03-02"), ("latest~2", "2026-03-02")])
def test_nights_are_named_in_every_way(kept: Kept, names: tuple[str, str]) -> None:
    kept.nights(*NIGHTS)
    done = kept.say("diff", *names)
    assert done.returncode == 0
    assert "nothing got worse; 1 fixed, 1 still failing" in done.stdout
    assert "ehr is pass; was fail since 2026-03-01T02:00:00Z (pack b)" in done.stdout


@pytest.mark.parametrize("letters", ["U", "E"])
def test_a_failure_that_is_unknown_now_is_no_good_news_but_where_it_is_waived(kept: Kept, letters: str) -> None:
    kept.nights({"a ehr": "P", "b ehr": "F"}, {"a ehr": "P", "b ehr": letters}, {"a ehr": "P", "b ehr": "F"}, {"a ehr": "P", "b ehr": letters + "!"})
    done = kept.say("diff", "run-1", "run-2")
    assert done.returncode == 11
    assert done.stdout.startswith("NOT ALL KNOWN: nothing is known to be worse, and 1 finding became unknown\n")
    document = json.loads(kept.say("diff", "run-1", "run-2", "--format", "json").stdout)
    assert (document["worse"], document["unjudged"], document["lost"]) == (False, 0, 1)
    accepted = kept.say("diff", "run-3", "run-4")
    assert (accepted.returncode, "nothing got worse; 1 became unknown" in accepted.stdout) == (0, True)


@pytest.mark.parametrize("letters", ["P", "F", "F!", "U", "E"])
@pytest.mark.parametrize("pruned", [False, True])
def test_what_is_not_judged_any_more_is_no_good_news(kept: Kept, letters: str, pruned: bool) -> None:
    kept.nights({"a ehr": "P", "b ehr": letters, "c lab": "F!"}, {"a ehr": "P", "c lab": "N"}, {"a ehr": "P", "c lab": "N"})
    if pruned:
        kept.prune(3)
    done = kept.say("diff", "run-1", "run-2")
    assert done.returncode == 11
    assert done.stdout.startswith("NOT ALL KNOWN: nothing is known to be worse, and 2 findings are no longer judged")
    why = "it is not known why" if pruned else "the pack has no control pack b any more"
    assert f"- {why}: 1 finding, before 1 {letter(letters).outcome} (pack b; system ehr)" in done.stdout.splitlines()
    assert "- by what is declared it is not asked any more: 1 finding, before 1 fail (pack c; system lab)" in done.stdout.splitlines()
    document = json.loads(kept.say("diff", "run-1", "run-2", "--format", "json").stdout)
    assert (document["worse"], document["unjudged"]) == (False, 2)
    assert {each["gone"]["why"] for each in document["findings"]} == {"untold" if pruned else "control", "not-asked"}
    assert f"- {why}" in kept.say("diff", "run-1", "run-2", "--format", "markdown").stdout
    assert kept.say("diff", "run-2", "run-3").returncode == 0


def test_something_worse_goes_before_what_is_not_judged_any_more(kept: Kept) -> None:
    kept.nights({"a ehr": "P", "b ehr": "F"}, {"a ehr": "F"})
    done = kept.say("diff")
    assert done.returncode == 10
    assert done.stdout.startswith("WORSE by 1 finding; 1 finding is no longer judged; 1 new failure")


def test_pruned_nights_are_compared_by_outcome(kept: Kept) -> None:
    kept.nights(*NIGHTS)
    kept.prune(3)
    done = kept.say("diff", "run-1", "run-3", "--format", "json")
    assert done.returncode == 10
    document = json.loads(done.stdout)
    assert document["schema"] == "drcheck.diff/1"
    assert (document["before"]["pruned"], document["after"]["pruned"], document["between"], document["worse"]) == (True, False, 1, True)
    assert [(each["control"], each["change"], each["worse"]) for each in document["findings"]] == [
        ("a", "new-failure", True),
        ("c", "still-failing", False),
        ("b", "fixed", False),
    ]
    assert document["findings"][0]["before"]["message"] is None
    assert document["findings"][0]["after"]["message"] == "ehr is fail"
    assert sum("known by outcome only" in note for note in document["notes"]) == 1


def test_the_first_night_has_nothing_to_be_compared_with(kept: Kept) -> None:
    kept.nights(NIGHTS[0])
    done = kept.say("diff")
    assert (done.returncode, done.stdout) == (11, "")
    assert "no two nights yet" in done.stderr


def test_what_is_not_there_is_said(kept: Kept) -> None:
    kept.nights(*NIGHTS)
    kept.nights(NIGHTS[0], organisation="south", first=4)
    for names, says in (
        (("run-9", "run-1"), "no run has this id"),
        (("run-1", "run-4"), "nights of north, south"),
        ((), "name one with --organisation"),
    ):
        done = kept.say("diff", *names)
        assert done.returncode == 2
        assert says in done.stderr
    assert kept.say("diff", "--organisation", "north").returncode == 10


def test_hostile_names_are_harmless_in_every_form(kept: Kept) -> None:
    worse = tonight(hospital(), number(9))
    better = tonight(hospital(), number(8), "run-8")
    better = replace(better, findings=tuple(each for each in better.findings if each.outcome != "fail"))
    kept.record(better, 8)
    kept.record(worse, 9)
    kept.at(number(9) + HOUR)
    for format_ in ("table", "markdown"):
        done = kept.say("diff", "--format", format_, "--wide") if format_ == "table" else kept.say("diff", "--format", format_)
        assert done.returncode == 10
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
        if format_ == "markdown":
            assert "<script>" not in done.stdout.replace("`<script>alert(1)</script>`", "")
            assert "\n@everyone" not in done.stdout
    assert json.loads(kept.say("diff", "--format", "json").stdout)["counts"]["new-failure"] == 4


def test_it_is_written_to_a_file(kept: Kept) -> None:
    kept.nights(*NIGHTS)
    done = kept.say("diff", "--format", "markdown", "-o", "diff.md")
    assert (done.returncode, done.stdout) == (10, "")
    assert (kept.folder / "diff.md").read_text().startswith("# north: from 2026-03-02T02:00:00Z")
