"""A store and packs that every test of packs may read and copy, and none may change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from drcheck.evidence.keys import allowed_file, new_key
from drcheck.evidence.private_keys import load_signer
from drcheck.store import Store
from tests.evidence import packs
from tests.policy import rig

PRINCIPAL = "backups@hospital.example"


@dataclass(frozen=True)
class Made:
    """What the tests start from."""

    folder: Path
    store: Store
    key: Path
    allowed: Path
    pack: Path
    """Signed, in a folder."""
    programs: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A store with four nights, a key, and a signed pack of the last night."""
    folder = tmp_path_factory.mktemp("evidence")
    key = folder / "keys" / "drcheck"
    new_key(key, PRINCIPAL, rig.NOW - timedelta(days=100))
    with packs.store_at(folder) as store:
        packs.made(store, folder / "pack", signers=[load_signer(key)])
        yield Made(folder, store, key, allowed_file(key), folder / "pack", packs.few_programs(folder))


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of the pack to alter."""
    number = 0

    def copy() -> Path:
        nonlocal number
        number += 1
        return Path(shutil.copytree(made.pack, tmp_path / f"copy-{number}"))

    return copy
