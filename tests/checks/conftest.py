"""Asking one check about one subject."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from drcheck.estate.schema import Estate
from drcheck.model import Facts, Finding
from tests.policy.rig import NOW, estate, facts, judged, pack_of


class Ask(Protocol):
    """Asks a check, whose parameters are given as TOML."""

    def __call__(
        self, check: str, parameters: str = "{}", *, place: Estate | None = None, some: Facts | None = None, subject: str = "pas"
    ) -> Finding: ...


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """The finding of one check on one subject, in the rig's estate unless another is given."""

    def asked(check: str, parameters: str = "{}", *, place: Estate | None = None, some: Facts | None = None, subject: str = "pas") -> Finding:
        where = place or estate()
        return judged(where, [pack_of(tmp_path, {check: parameters})], some or facts(where), NOW)["every-check", check, subject]

    return asked
