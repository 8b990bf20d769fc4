"""The estate file to start from is right whatever the answers are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.estate.starter import Answers, identifiers, starter
from drcheck.open_estate import checked_estate

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80).filter(lambda name: name.strip() != "")


def test_the_examples() -> None:
    estate = checked_estate(Path("estate.toml"), starter(Answers()).encode())
    assert [system.id for system in estate.systems] == ["patient-record", "imaging", "pathology"]
    assert {copy.id for copy in estate.copies_of("imaging")} == {"imaging@onsite", "imaging@offsite"}


@given(NAMES, st.lists(NAMES, min_size=1, max_size=5), NAMES)
def test_any_names(organisation: str, systems: list[str], folder: str) -> None:
    answers = Answers(organisation, "DE", tuple(systems), folder if not folder.startswith("~") else "x", "backup.example.org")
    estate = checked_estate(Path("estate.toml"), starter(answers).encode())
    assert estate.organisation.name == organisation.strip()
    assert [system.name for system in estate.systems] == [name.strip() for name in systems]
    assert len({system.id for system in estate.systems}) == len(systems)


def test_every_commented_example_is_right_too() -> None:
    lines = starter(Answers()).splitlines()
    keys = (
        "drills =",
        "waivers =",
        "code =",
        "[[targets]]",
        "id =",
        "connector =",
        "site =",
        "medium =",
        "immutable =",
        "options =",
        "[verify]",
        "cycle =",
        "budget =",
    )
    text = "\n".join(line[2:] if line.startswith("# ") and line[2:].startswith(keys) else line for line in lines)
    estate = checked_estate(Path("estate.toml"), text.encode())
    assert [target.id for target in estate.targets] == ["onsite", "offsite", "cloud"]
    assert estate.target("cloud").immutable
    assert estate.drills
    assert estate.organisation.code
    assert estate.verify.cycle
    assert estate.verify.budget.bytes


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["Patient record"], ["patient-record"]),
        (["Röntgen", "Rontgen"], ["rontgen", "rontgen-2"]),
        (["放射線", "検査"], ["unnamed", "unnamed-2"]),
        (["x" * 200], ["x" * 55]),
        (["--PACS (new)--"], ["pacs-new"]),
    ],
)
def test_ids_are_made_from_names_and_are_all_different(names: list[str], ids: list[str]) -> None:
    assert identifiers(names) == ids
