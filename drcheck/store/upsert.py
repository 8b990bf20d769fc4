"""Inserting rows that may be there already."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table


def insert_once(connection: Connection, table: Table, rows: list[dict[str, Any]], once: tuple[str, ...], renew: tuple[str, ...] = ()) -> None:
    """Insert rows, or where one is there already renew some of its columns. Both databases can, each in its own dialect of SQLAlchemy."""
    if not rows:
        return
    # Imported here: both dialects together take a tenth of the time that a store takes to import.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    statement = dialect.insert(table)
    if renew:
        connection.execute(statement.on_conflict_do_update(index_elements=once, set_={name: statement.excluded[name] for name in renew}), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=once), rows)
