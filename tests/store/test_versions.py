"""The tables: made, brought up to date, or refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import drcheck.store
from drcheck.errors import StoreError
from drcheck.store import open_store
from drcheck.store.database import Database
from drcheck.store.schema import metadata
from drcheck.store.versions import NEWEST, VERSION_TABLE, bring_up_to_date
from tests.store.model import night
from tests.store.test_merge import LISTED


def version_of(database: Database) -> str:
    """The version that a store says it has."""
    with database.reading() as connection:
        return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one())


@pytest.mark.parametrize(
    "steps",
    [[NEWEST], *([f"000{version}", NEWEST] for version in (1, 2, 3, 4))],
    ids=["at once", *(f"from version {version}" for version in (1, 2, 3, 4))],
)
def test_the_migrations_make_the_tables_that_the_code_knows(where: str, steps: list[str]) -> None:
    database = Database(where, 5)
    for step in steps:
        bring_up_to_date(database, step)
        assert version_of(database) == step
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}), metadata) == []
    database.close()


def test_the_newest_version_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(Path(drcheck.store.__file__).parent / "migrations"))
    assert scripts.get_heads() == [NEWEST]


def test_a_store_of_version_1_keeps_its_history(where: str) -> None:
    database = Database(where, 5)
    bring_up_to_date(database, "0001")
    with database.writing() as connection:
        connection.execute(text("INSERT INTO organisations (id, name) VALUES (1, 'trust')"))
        connection.execute(text("INSERT INTO copies (id, organisation, name) VALUES (5, 1, 'ehr@vault')"))
    database.close()
    with open_store(where) as store:
        assert store.copies("trust") == ["ehr@vault"]
        objects = store.objects("trust", "ehr@vault")
        assert objects.listed is None
        assert len(list(objects.merge(iter(LISTED), night(0)))) == 3


def test_a_newer_store_is_refused_and_left_alone(where: str) -> None:
    open_store(where).close()
    database = Database(where, 5)
    with database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreError, match=rf"written by a newer drcheck \(its version is 9999, this one knows up to {NEWEST}\); use the newer"):
        open_store(where)
    assert version_of(database) == "9999"
    database.close()


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "photos.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE photos (id)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"holds tables that are not drcheck's \(such as photos\)"):
        open_store(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]
    connection.close()
    assert len(before) == file.stat().st_size


def test_a_migration_that_fails_leaves_nothing(where: str) -> None:
    database = Database(where, 5)
    bring_up_to_date(database, "0001")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE readings (id INTEGER)"))  # in the way of the second step
    with pytest.raises(StoreError, match="readings"):
        bring_up_to_date(database)
    assert version_of(database) == "0001"
    with database.reading() as connection:
        columns = connection.execute(text("SELECT * FROM copies")).keys()
    assert list(columns) == ["id", "organisation", "name"]
    database.close()


def test_opening_again_changes_nothing_and_needs_no_alembic(tmp_path: Path) -> None:
    """Alembic takes longer to import than the rest; a nightly run needs it once in a version."""
    file = tmp_path / "drcheck.db"
    open_store(file).close()
    code = f"import sys; from drcheck.store import open_store; open_store({str(file)!r}).close(); sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
