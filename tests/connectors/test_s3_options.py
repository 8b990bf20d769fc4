"""What an estate may say about a bucket, and the AWS policy that follows from it."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from drcheck.connectors import BUILTIN
from drcheck.connectors.s3 import S3Connector, S3Options, least_privilege_policy
from drcheck.connectors.s3_client import ALLOWED

KEYS = {"access_key": "env:ID", "secret_key": "env:KEY"}


def options(**given: Any) -> S3Options:
    return S3Options.model_validate({"bucket": "backups", **given})


def test_the_table_of_connectors_leads_here() -> None:
    assert BUILTIN["s3"] == "drcheck.connectors.s3:S3Connector"
    assert S3Connector.options_class is S3Options


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"profile": "audit", "region": "eu-west-2", "role": "arn:aws:iam::111122223333:role/audit", "external_id": "env:X", "owner": "111122223333"},
        {**KEYS, "session_token": "systemd:token", "endpoint": "https://s3.example.org:9000", "style": "path"},
        {**KEYS, "endpoint": "http://127.0.0.1:9000"},
        {**KEYS, "endpoint": "http://[::1]:9000"},
        {**KEYS, "endpoint": "http://localhost:9000"},
        {**KEYS, "endpoint": "http://nas.example.org", "insecure": True},
        {"anonymous": True, "endpoint": "https://s3.example.org/storage/v1/s3"},
    ],
)
def test_what_fits_together_is_accepted(given: dict[str, Any]) -> None:
    assert options(**given).bucket == "backups"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bukket": "x"}, "Extra inputs"),
        ({"bucket": "../x"}, "pattern"),
        ({"access_key": "env:ID"}, "access_key is given without secret_key"),
        ({"secret_key": "env:KEY"}, "secret_key is given without access_key"),
        ({"session_token": "env:T"}, "session_token belongs to"),
        ({**KEYS, "profile": "p"}, "two sources of credentials"),
        ({"external_id": "env:X"}, "give role as well"),
        ({**KEYS, "anonymous": True}, "anonymous sends no credentials"),
        ({"profile": "p", "anonymous": True}, "anonymous sends no credentials"),
        ({"role": "audit"}, "pattern"),
        ({"owner": "me"}, "pattern"),
        ({"style": "host"}, "'auto', 'path' or 'virtual'"),
        ({"anonymous": "yes"}, "boolean"),
        ({"insecure": True}, "insecure is for an http:// endpoint only"),
        ({"endpoint": "https://s3.example.org", "insecure": True}, "insecure is for an http:// endpoint only"),
        ({"endpoint": "http://s3.example.org"}, "clear text"),
        ({"endpoint": "http://10.0.0.1"}, "clear text"),
        ({"endpoint": "http://127.0.0.1.example.org"}, "clear text"),
        ({"endpoint": "http://127.0.0.1:9000", "ca_bundle": "ca.pem"}, "ca_bundle does nothing"),
        ({"inventory": "reports/daily"}, "s3://bucket/folder"),
        ({"inventory": "s3://reports"}, "s3://bucket/folder"),
        ({"checksum_reports": "s3:///folder"}, "s3://bucket/folder"),
        ({"inventory_max_age": "0s"}, "longer than nothing"),
        ({"reports_owner": "111122223333"}, "give one of them"),
        ({"endpoint": "s3.example.org"}, "not a URL"),
        ({"endpoint": "ftp://s3.example.org"}, "not a URL"),
        ({"endpoint": "https://s3.example.org:port"}, "not a URL"),
        ({"endpoint": "https://[::1"}, "not a URL"),
        ({"endpoint": "https://s3.example.org/?x=1"}, "only the server's address"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        options(**given)
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["access_key", "secret_key", "session_token", "external_id"])
def test_a_secret_written_inline_is_refused_and_not_our_words_repeat_it(name: str) -> None:
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
    with pytest.raises(ValidationError) as error:
        options(**{**KEYS, "session_token": "env:T", "role": "arn:aws:iam::111122223333:role/r", name: secret})
    assert [secret in found["msg"] for found in error.value.errors() if found["loc"] == (name,)] == [False]


def test_a_password_in_the_endpoint_is_refused() -> None:
    with pytest.raises(ValidationError) as error:
        options(endpoint="https://user:hunter2@s3.example.org")
    assert all("hunter2" not in found["msg"] for found in error.value.errors())


def test_a_relative_certificate_file_lies_beside_the_estate() -> None:
    parsed = S3Options.model_validate({"bucket": "backups", "ca_bundle": "ca.pem"}, context={"base": "/estate"})
    assert str(parsed.ca_bundle) == "/estate/ca.pem"


@pytest.mark.parametrize(("prefix", "root"), [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b", "a/b/"), ("/a", "/a/")])
def test_the_root_is_a_folder(prefix: str, root: str) -> None:
    assert options(prefix=prefix).root == root


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        (None, True),
        ("https://s3.eu-west-2.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
    ],
)
def test_amazon_is_known_by_its_name(endpoint: str | None, aws: bool) -> None:
    assert options(endpoint=endpoint).aws is aws


def test_the_address_shows_where_and_no_secret() -> None:
    assert S3Connector.address({"bucket": "b"}) == "s3://b at aws"
    assert S3Connector.address({"bucket": "b", "prefix": "n/", "endpoint": "https://s3.example.org:9000/"}) == "s3://b/n at s3.example.org:9000"
    assert "hunter2" not in S3Connector.address({"bucket": "b", "endpoint": "https://user:hunter2@s3.example.org"})


def test_the_policy_allows_reading_below_the_prefix_and_nothing_else() -> None:
    policy = least_privilege_policy(options(prefix="nightly", region="eu-west-2"))
    listing, reading, settings = policy["Statement"]
    assert listing["Resource"] == settings["Resource"] == "arn:aws:s3:::backups"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "nightly/*"}}
    assert reading["Resource"] == "arn:aws:s3:::backups/nightly/*"
    actions = [action for statement in policy["Statement"] for action in [statement["Action"]] if isinstance(action, str)]
    actions += [action for statement in policy["Statement"] if isinstance(statement["Action"], list) for action in statement["Action"]]
    assert all(re.fullmatch(r"s3:(Get|List)\w+", action) for action in actions)
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
    assert "/" not in json.dumps(settings["Action"])


def test_the_policy_without_a_prefix_covers_the_bucket() -> None:
    listing, reading, _ = least_privilege_policy(options())["Statement"]
    assert "Condition" not in listing
    assert reading["Resource"] == "arn:aws:s3:::backups/*"


def test_the_policy_takes_a_prefix_literally() -> None:
    reading = least_privilege_policy(options(prefix="a*b?c$d"))["Statement"][1]
    assert reading["Resource"] == "arn:aws:s3:::backups/a${*}b${?}c${$}d/*"
    assert not fnmatch.fnmatchcase("arn:aws:s3:::backups/aXbXcXd/x", reading["Resource"])


def test_the_policy_allows_reading_reports_and_nothing_beside_them() -> None:
    policy = least_privilege_policy(options(inventory="s3://reports/inventory/daily/", checksum_reports="s3://backups/jobs"))
    *_, listed, read, jobs_listed, jobs_read = policy["Statement"]
    assert (listed["Resource"], listed["Condition"]) == ("arn:aws:s3:::reports", {"StringLike": {"s3:prefix": "inventory/daily/*"}})
    assert (read["Action"], read["Resource"]) == ("s3:GetObject", "arn:aws:s3:::reports/inventory/daily/*")
    assert (jobs_listed["Resource"], jobs_read["Resource"]) == ("arn:aws:s3:::backups", "arn:aws:s3:::backups/jobs/*")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"owner": "111122223333"}, "111122223333"),
        ({"owner": "111122223333", "reports_owner": "444455556666"}, "444455556666"),
        ({"reports_owner": "444455556666"}, "444455556666"),
    ],
)
def test_the_bucket_of_reports_has_an_owner_too(given: dict[str, str], expected: str | None) -> None:
    parsed = options(inventory="s3://reports/daily", **given)
    folder = parsed.folder(parsed.inventory)
    assert folder is not None
    assert (folder.bucket, folder.prefix, folder.owner) == ("reports", "daily/", expected)


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-2", "aws")])
def test_the_policy_is_for_the_partition_of_the_region(region: str, partition: str) -> None:
    assert least_privilege_policy(options(region=region))["Statement"][0]["Resource"] == f"arn:{partition}:s3:::backups"


PAGE = Path(__file__).parents[2] / "docs" / "connectors" / "s3.md"


def test_the_page_has_every_option_and_every_call() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(S3Options.model_fields)
    assert [call for call in ALLOWED if call.startswith("s3:") and f"`{call[3:]}`" not in page] == []


def test_the_policy_on_the_page_is_the_one_that_is_made() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    assert json.loads(shown) == least_privilege_policy(options(bucket="north-hospital-backups", prefix="nightly"))
