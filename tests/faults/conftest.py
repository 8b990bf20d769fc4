"""Folders and healthy findings for the zoo."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.moto_server import moto_endpoint
from tests.connectors.seaweed import seaweed
from tests.connectors.sshd import SshServer
from tests.faults.healthy import local_place
from tests.faults.served import BucketPlace
from tests.faults.zoo import Findings, findings_of

__all__ = ["moto_endpoint", "seaweed"]


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A running sshd, for as long as the session lasts."""
    with SshServer(tmp_path_factory.mktemp("zoo-sshd")) as running:
        yield running


@pytest.fixture(scope="session")
def healthy_bucket(moto_endpoint: str) -> Iterator[Findings]:
    """What drcheck finds in the estate with a bucket where nothing is wrong."""
    for each in _folder():
        yield findings_of(BucketPlace(each, moto_endpoint).look())


@pytest.fixture(scope="session")
def healthy_seen(server: SshServer, moto_endpoint: str) -> Iterator[Findings]:
    """What drcheck finds in the estate with a bucket and a server, where devices are those that are seen."""
    for each in _folder():
        yield findings_of(BucketPlace(each, moto_endpoint, server).look())
