"""Requests that are sent without boto3 are those that boto3 would send, signed as its own signer signs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED, xform_name
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from drcheck.connectors.s3_signing import Pattern

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
KEY, SECRET = "AKIDEXAMPLE", "a/secret+key"


class Caught(Exception):
    """A request that boto3 was about to send."""

    def __init__(self, request: Any) -> None:
        self.request = request


def boto3s(operation: str, *, bucket: str, endpoint: str | None = None, style: str = "auto", token: str | None = None, **parameters: Any) -> Any:
    """The request that boto3 would send."""
    client = boto3.client(
        "s3",
        region_name="eu-west-2",
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        config=Config(**{"s3": {"addressing_style": style}, "response_checksum_validation": "when_required", **parameters.pop("config", {})}),
    )

    def catch(request: Any, **_: Any) -> None:
        raise Caught(request)

    client.meta.events.register(f"before-send.s3.{operation}", catch)
    with pytest.raises(Caught) as caught:
        getattr(client, xform_name(operation))(Bucket=bucket, **parameters)
    client.close()
    return caught.value.request


PLACES: list[dict[str, Any]] = [
    {"bucket": "north-hospital"},
    {"bucket": "north.hospital"},
    {"bucket": "north-hospital", "style": "path"},
    {"bucket": "north-hospital", "endpoint": "https://s3.example.org:9000"},
    {"bucket": "north-hospital", "endpoint": "https://s3.example.org:443", "style": "virtual"},
    {"bucket": "north-hospital", "endpoint": "http://127.0.0.1:8333"},
    {"bucket": "north-hospital", "endpoint": "https://gateway.example.org/s3/"},
    {"bucket": "north-hospital", "token": "a-session-token"},
]


def heads(request: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = request.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines)


def learnt(place: dict[str, Any], **parameters: Any) -> Pattern:
    sent = boto3s("ListObjectsV2", **place, Prefix="a b/", MaxKeys=1, EncodingType="url", **parameters)
    pattern = Pattern.learn(sent.url, dict(sent.headers.items()), Credentials(KEY, SECRET, place.get("token")))
    assert pattern is not None
    return pattern


@pytest.mark.parametrize("place", PLACES)
def test_the_request_is_boto3s(place: dict[str, Any]) -> None:
    key, owner = "folder/ü +%&=?#~'()*!$.dcm", "111122223333"
    theirs = boto3s("GetObject", **place, Key=key, IfMatch='"etag"', Range="bytes=5-9", ExpectedBucketOwner=owner)
    pattern = learnt(place, ExpectedBucketOwner=owner)
    path = pattern.path(key)
    first, ours = heads(pattern.request(path, '"etag"', "bytes=5-9"))
    assert first == f"GET {path} HTTP/1.1"
    assert pattern.url + path == theirs.url
    sent = {name.lower(): value if isinstance(value, str) else value.decode() for name, value in theirs.headers.items()}
    for name in ("if-match", "range", "x-amz-expected-bucket-owner", "x-amz-content-sha256", "x-amz-security-token", "user-agent"):
        assert ours.get(name) == sent.get(name), name
    scope = ours["authorization"].partition("Credential=")[2].partition(",")[0].split("/")[2:]
    assert scope == sent["authorization"].partition("Credential=")[2].partition(",")[0].split("/")[2:]


PATTERN = learnt(PLACES[3])


@given(KEYS, st.sampled_from(["", "bytes=0-0", "bytes=8388608-16777215"]))
def test_the_signature_is_what_botocores_signer_says(key: str, span: str) -> None:
    first, ours = heads(PATTERN.request(PATTERN.path(key), '"etag"', span))
    request = AWSRequest("GET", PATTERN.url + first.split(" ")[1])
    for name in ours["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";"):
        request.headers[name] = ours[name]
    request.context["timestamp"] = ours["x-amz-date"]
    signer = S3SigV4Auth(Credentials(KEY, SECRET), "s3", "eu-west-2")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={signer.signature(text, request)}")


@given(KEYS)
def test_the_path_is_one_line_and_stays_in_the_bucket(key: str) -> None:
    path = PATTERN.path(key)
    assert path.isascii()
    assert not set(path) & set(" \r\n?#")
    assert urlsplit(f"https://x{path}").path.startswith("/north-hospital/")


def test_what_is_signed_otherwise_is_not_imitated() -> None:
    sent = boto3s("ListObjectsV2", bucket="b-b-b")
    headers = dict(sent.headers.items())
    assert Pattern.learn(sent.url, headers, Credentials(KEY, "another")) is None
    assert Pattern.learn(sent.url, headers, None) is None
    assert Pattern.learn(f"{sent.url}&more=1", headers, Credentials(KEY, SECRET)) is None
    assert Pattern.learn(sent.url, {**headers, "Authorization": "AWS AKID:signature"}, Credentials(KEY, SECRET)) is None
    unsigned = boto3s("ListObjectsV2", bucket="b-b-b", config={"signature_version": UNSIGNED})
    assert Pattern.learn(unsigned.url, dict(unsigned.headers.items()), Credentials(KEY, SECRET)) is None
    anonymous = Pattern.learn(unsigned.url, dict(unsigned.headers.items()), None)
    assert anonymous is not None
    assert "authorization" not in heads(anonymous.request(anonymous.path("a"), '"e"'))[1]
