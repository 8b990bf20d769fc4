"""How fast a bucket is read, where the contract's objects do not show it: parts of large objects, signs of life, reads that are cut off."""

from __future__ import annotations

import time

import pytest

from drcheck.connectors import s3_readers
from drcheck.connectors.base import Entry
from drcheck.connectors.s3 import S3Connector
from drcheck.digests import Digests
from drcheck.errors import ConnectorError
from tests.connectors.asking import Told, keys
from tests.connectors.rig import MIB
from tests.connectors.s3_faults import proxy
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN

SHA256 = frozenset({"sha256"})


def read(connector: S3Connector, entries: list[Entry]) -> list[Digests | ConnectorError]:
    """What every object came to."""
    return [answer for _, answer in connector.digests((entry, SHA256) for entry in entries)]


def test_parts_of_one_object_are_told_once_and_held_back_together(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_readers, "PART", 2**16)
    monkeypatch.setattr(s3_readers, "LARGE", 2**17)
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="large", Body=bytes(MIB + 1))
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        entries = list(connector.list())
        connector.pace = told = Told(2 * MIB)
        begun = time.monotonic()
        assert isinstance(read(connector, entries)[0], Digests)
        assert time.monotonic() - begun > 0.3
        assert told.bytes == MIB + 1


def test_answers_are_signs_of_life_though_nothing_is_read(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="empty", Body=b"")
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        entries = list(connector.list())
        for act in (lambda: keys(connector), lambda: connector.stat("empty"), lambda: read(connector, entries)):
            connector.pace = told = Told()
            act()
            assert told.amounts
            assert told.bytes == 0


def test_what_came_before_an_early_end_is_told(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=bytes(4 * MIB))
    with proxy(moto_endpoint, cut="object") as url, s3_connector(url, name, ADMIN) as connector:
        connector.pace = told = Told()
        ((_, answer),) = connector.digests((entry, SHA256) for entry in connector.list())
        assert isinstance(answer, ConnectorError)
        assert told.bytes > 0
