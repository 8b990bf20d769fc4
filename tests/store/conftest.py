"""Stores of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drcheck.store import Store, open_store
from tests.store.postgres import Postgres, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the tests of this process."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.program("initdb"))])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store, where there is none yet."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "drcheck.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    """An open store."""
    with open_store(where, wait=5) as opened:
        yield opened
