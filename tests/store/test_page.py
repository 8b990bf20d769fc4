"""The page about the store says what the code does."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from drcheck.model import Outcome
from drcheck.store import open_store
from drcheck.store.known import REMEMBER
from drcheck.store.schema import metadata
from drcheck.store.versions import VERSION_TABLE
from tests.store.test_history import assessment, finding

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text()


def test_the_page_names_every_table() -> None:
    section = PAGE.split("## Tables")[1].split("##")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {*metadata.tables, VERSION_TABLE}


def test_the_page_s_query_answers_its_question(tmp_path: Path) -> None:
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "drcheck.db"
    with open_store(file) as store:
        for number, outcome in enumerate([Outcome.PASS, Outcome.FAIL, Outcome.FAIL], 1):
            store.record(assessment(number, finding("a", outcome), finding("b", Outcome.PASS)), ())
    connection = sqlite3.connect(file)
    assert connection.execute(query).fetchall() == [("pack", "a", "ehr@vault", "2026-03-03 00:00:00")]
    connection.close()


def test_the_page_says_for_how_long_what_is_gone_stays_known() -> None:
    assert f"stays known for {REMEMBER.days} days" in " ".join(PAGE.split())
