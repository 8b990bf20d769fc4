"""The requests that reading is said to take are made, and never more."""

from __future__ import annotations

import pytest

from drcheck.connectors import BUILTIN, connector_class, s3_readers
from drcheck.connectors.s3 import S3Connector
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN


@pytest.mark.parametrize("size", [0, 1, 2**16, 2**17 - 1, 2**17, 2**17 + 1, 5 * 2**16 + 7])
def test_no_more_gets_are_made_than_are_reckoned_with(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(s3_readers, "PART", 2**16)
    monkeypatch.setattr(s3_readers, "LARGE", 2**17)
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="a", Body=b"x" * size)
    with s3_connector(moto_endpoint, name, ADMIN) as connector:
        entries = list(connector.list())
        before = dict(connector.calls.counts())
        assert len(list(connector.digests((entry, ["sha256"]) for entry in entries))) == 1
        made = {call: count - before.get(call, 0) for call, count in connector.calls.counts()}
    reckoned = S3Connector.requests_for(size)["get"]
    # Of a large object one request may ask for many parts.
    assert (2 if size >= 2**17 else 1) <= made["s3:GetObject"] <= reckoned
    assert not made.get("s3:HeadObject")


@pytest.mark.parametrize("kind", sorted(set(BUILTIN) - {"s3"}))
def test_elsewhere_requests_are_not_charged_for(kind: str) -> None:
    assert connector_class(kind).requests_for(10**12) == {}
