"""Folders and healthy findings for the zoo."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.healthy import local_place
from tests.faults.zoo import Findings, findings_of


def _folder() -> Iterator[Path]:
    # Not pytest's own: an unprivileged user must be able to reach it.
    umask = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="drcheck-zoo-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        os.umask(umask)
        shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may reach; removed at the end."""
    yield from _folder()


@pytest.fixture(scope="session")
def healthy() -> Iterator[Findings]:
    """What drcheck finds in the local estate where nothing is wrong."""
    for each in _folder():
        yield findings_of(local_place(each).look())
