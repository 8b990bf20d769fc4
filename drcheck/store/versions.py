"""The version of a store's tables: made, brought up to date, or refused."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from drcheck.errors import StoreError
from drcheck.store.database import Database
from drcheck.store.schema import metadata

NEWEST = "0007"
"""The version that this drcheck reads and writes: the last file in `migrations/versions`."""
VERSION_TABLE = "drcheck_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 4_021_973
"""A number for PostgreSQL's advisory lock, which keeps two new processes from migrating at once."""


def bring_up_to_date(database: Database, version: str = NEWEST) -> None:
    """
    Make the tables of a new store, or bring an older one to `version`, in one transaction.

    Raises:
        StoreError: it is newer than this drcheck, belongs to something else, or could not be read or written.
    """
    with database.reading() as connection:
        if _is_at(connection, database, version):
            return
    with database.writing() as connection:
        if not database.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
        if not _is_at(connection, database, version):
            _migrate(connection, version)


def _is_at(connection: Connection, database: Database, version: str) -> bool:
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        foreign = tables if database.sqlite else tables & set(metadata.tables)
        if foreign:
            raise StoreError(f"the store {database.place} holds tables that are not drcheck's (such as {min(foreign)}); name another with --store")
        return False
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()  # noqa: S608 - a constant
    if found > NEWEST:
        raise StoreError(
            f"the store {database.place} was written by a newer drcheck (its version is {found}, this one knows up to {NEWEST}); "
            "use the newer drcheck, or name another store with --store"
        )
    return bool(found >= version)


def _migrate(connection: Connection, version: str) -> None:
    # Imported here: it takes longer than everything else that a store needs, and is needed once.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, version)
