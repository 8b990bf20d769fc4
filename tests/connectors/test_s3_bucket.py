"""What a bucket says about itself, on SeaweedFS and on moto: locks, versions, encryption, permissions, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drcheck.connectors.base import attempt
from drcheck.errors import AccessDenied, NotThere, Unreachable, Unsupported, Untrusted
from drcheck.model import Encryption, Identity, Permissions, Protection, Reason, Unobserved, Versions
from tests.connectors.s3_faults import Answer, Asked, certificate, denied, proxy
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import ADMIN, ONLY_LIST, ONLY_READ, READER

KMS_KEY = "arn:aws:kms:eu-west-2:111122223333:key/1234"


@pytest.fixture(params=["seaweed", "moto_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """Each of the two servers in turn."""
    found: str = request.getfixturevalue(request.param)
    return found


def ask(endpoint: str, name: str, aspect: str, *arguments: str, **options: Any) -> Any:
    with s3_connector(endpoint, name, ADMIN, **options) as connector:
        return getattr(connector, aspect)(*arguments)


# Locks


def test_a_bucket_without_object_lock_has_none(endpoint: str) -> None:
    _, name = new_bucket(endpoint)
    assert ask(endpoint, name, "protection") == Protection("none", detail="object lock is off")


def test_a_lock_without_a_default_protects_nothing_by_itself(endpoint: str) -> None:
    _, name = new_bucket(endpoint, ObjectLockEnabledForBucket=True)
    found = ask(endpoint, name, "protection")
    assert (found.mode, found.days, found.immutable) == ("none", 0, False)
    assert "without a default" in found.detail


@pytest.mark.parametrize(
    ("retention", "mode", "days"),
    [
        ({"Mode": "COMPLIANCE", "Days": 35}, "compliance", 35),
        ({"Mode": "GOVERNANCE", "Days": 7}, "governance", 7),
        ({"Mode": "COMPLIANCE", "Years": 2}, "compliance", 730),
    ],
)
def test_a_default_lock_is_told_with_its_days(endpoint: str, retention: dict[str, Any], mode: str, days: int) -> None:
    client, name = new_bucket(endpoint, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    )
    assert ask(endpoint, name, "protection") == Protection(mode, days=days, detail="the default of new objects")


def test_the_lock_in_effect_on_an_object_is_told(endpoint: str) -> None:
    client, name = new_bucket(endpoint, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    client.put_object(Bucket=name, Key="locked", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    client.put_object(Bucket=name, Key="liftable", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    client.put_object(Bucket=name, Key="held", Body=b"x", ObjectLockLegalHoldStatus="ON")
    client.put_object(Bucket=name, Key="free", Body=b"x")
    locked = ask(endpoint, name, "protection", "locked")
    assert (locked.mode, locked.until, locked.immutable) == ("compliance", until, True)
    assert ask(endpoint, name, "protection", "liftable").mode == "governance"
    assert ask(endpoint, name, "protection", "held").mode == "legal-hold"
    assert ask(endpoint, name, "protection", "free").mode == "none"


def test_a_lock_that_has_ended_protects_nothing(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint, ObjectLockEnabledForBucket=True)
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    client.put_object(Bucket=name, Key="ended", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=past)
    assert ask(moto_endpoint, name, "protection", "ended") == Protection("none", until=past, detail="its lock has ended")


def test_an_object_older_than_the_default_is_not_called_locked(seaweed: str) -> None:
    client, name = new_bucket(seaweed, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=name, Key="older", Body=b"x")
    client.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    )
    found = ask(seaweed, name, "protection", "older")
    assert found.mode == "none"
    assert "older than the default, or we may not see locks" in found.detail
    client.put_object(Bucket=name, Key="newer", Body=b"x")
    assert ask(seaweed, name, "protection", "newer").mode == "compliance"


def test_a_refused_lock_question_is_not_none(seaweed: str) -> None:
    _, name = new_bucket(seaweed, ObjectLockEnabledForBucket=True)
    with s3_connector(seaweed, name, ONLY_LIST) as connector:
        fact = attempt(connector.protection)
    assert isinstance(fact, Unobserved)
    assert fact.reason is Reason.ACCESS_DENIED


# Versions


def test_versioning_is_off_on_or_suspended(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    assert ask(endpoint, name, "versions") == Versions(False, detail="versioning is off")
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert ask(endpoint, name, "versions") == Versions(True)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert ask(endpoint, name, "versions").enabled is False


def test_the_shortest_rule_that_reaches_the_root_counts(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def rule(number: int, status: str, prefix: str, days: int) -> dict[str, Any]:
        return {"ID": str(number), "Status": status, "Filter": {"Prefix": prefix}, "NoncurrentVersionExpiration": {"NoncurrentDays": days}}

    rules = [rule(1, "Enabled", "", 90), rule(2, "Enabled", "nightly/db/", 30), rule(3, "Disabled", "", 1), rule(4, "Enabled", "other/", 2)]
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    assert ask(moto_endpoint, name, "versions", prefix="nightly").noncurrent_days == 30
    assert ask(moto_endpoint, name, "versions", prefix="other").noncurrent_days == 2
    assert ask(moto_endpoint, name, "versions", prefix="weekly").noncurrent_days == 90


def test_versions_kept_for_how_long_is_unknown_where_the_rules_are_refused(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with proxy(moto_endpoint, denied(lambda asked: "lifecycle" in asked.query)) as url, pytest.raises(AccessDenied):
        ask(url, name, "versions")


# Encryption


def test_encryption_is_told_with_its_key(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    assert ask(endpoint, name, "encryption") == Encryption("none", "none")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS_KEY}}
    client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert ask(endpoint, name, "encryption") == Encryption("aws:kms", "none", KMS_KEY)


def test_the_protocol_of_the_connection_is_told(seaweed: str, tmp_path: Path) -> None:
    _, name = new_bucket(seaweed)
    trust, context = certificate(tmp_path, "server")
    with proxy(seaweed, tls=context) as url, s3_connector(url, name, ADMIN, ca_bundle=str(trust)) as connector:
        assert connector.encryption().in_transit == "TLSv1.3"
        assert dict(connector.calls.counts())["tls:handshake"] == 1


def test_a_certificate_file_that_is_not_there_is_untrusted(tmp_path: Path) -> None:
    connector = s3_connector("https://127.0.0.1:9", "bucket", ca_bundle=str(tmp_path / "absent.pem"))
    with pytest.raises(Untrusted, match=r"absent\.pem"):
        connector.open()


# Permissions


def test_permissions_are_learnt_without_writing(seaweed: str) -> None:
    client, name = new_bucket(seaweed)
    client.put_object(Bucket=name, Key="object", Body=b"content")

    def found(account: Any) -> tuple[bool | None, ...]:
        with s3_connector(seaweed, name, account) as connector:
            what: Permissions = connector.permissions()
            assert what.how
            return what.can_list, what.can_read, what.can_write, what.can_delete

    assert found(ADMIN) == (True, True, None, None)
    assert found(READER) == (True, True, None, None)
    assert found(ONLY_LIST) == (True, False, None, None)
    assert found(ONLY_READ) == (False, None, None, None)


def test_an_empty_bucket_does_not_tell_whether_we_may_read(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    assert ask(moto_endpoint, name, "permissions").can_read is None


def test_a_bucket_that_everybody_may_write_to_is_told(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_bucket_acl(Bucket=name, GrantWrite="uri=http://acs.amazonaws.com/groups/global/AllUsers")
    found = ask(moto_endpoint, name, "permissions")
    assert (found.can_write, found.can_delete) == (True, True)
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    assert ask(moto_endpoint, name, "permissions").can_write is None


def test_access_lists_that_cannot_be_seen_leave_writing_unknown(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    with proxy(moto_endpoint, denied(lambda asked: "acl" in asked.query)) as url:
        found = ask(url, name, "permissions")
    assert found.can_write is None
    assert "cannot be seen" in found.how


# Identity


def test_identity_on_a_server_without_sts(seaweed: str) -> None:
    _, name = new_bucket(seaweed)
    found: Identity = ask(seaweed, name, "identity", prefix="nightly")
    assert found.principal == f"access key ending in {ADMIN.access_key[-4:]}"
    assert found.device == f"s3:{seaweed.removeprefix('http://')}"
    assert found.trait("bucket") == name
    assert found.trait("prefix") == "nightly/"
    assert found.trait("endpoint") == seaweed
    assert found.trait("server").startswith("SeaweedFS")
    assert found.trait("account") == ""


def test_two_buckets_on_one_server_are_one_device(seaweed: str) -> None:
    names = [new_bucket(seaweed)[1] for _ in range(2)]
    assert len({ask(seaweed, name, "identity").device for name in names}) == 1


def test_identity_from_sts(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    found: Identity = ask(moto_endpoint, name, "identity")
    assert found.principal.startswith("arn:aws:sts::123456789012:")
    assert found.trait("caller_account") == "123456789012"
    assert found.trait("region") == "us-east-1"


def test_a_role_is_assumed_and_its_keys_sign(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"content")
    role = "arn:aws:iam::123456789012:role/audit"
    with s3_connector(moto_endpoint, name, ADMIN, role=role, external_id="env:agreed") as connector:
        assert connector.identity().principal.startswith("arn:aws:sts::123456789012:assumed-role/audit/")
        assert b"".join(connector.read("object")) == b"content"
        assert dict(connector.calls.counts())["sts:AssumeRole"] == 1
        assert connector.client is not None
        assert connector.client.clients.credentials is not None
        assert connector.client.clients.credentials.access_key != ADMIN.access_key


def test_anonymous_access_sends_no_credentials(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
    _, name = new_bucket(moto_endpoint)
    seen: list[Asked] = []

    def note(asked: Asked) -> Answer | None:
        seen.append(asked)
        return None

    with proxy(moto_endpoint, note) as url:
        found = ask(url, name, "identity", anonymous=True, access_key=None, secret_key=None)
    assert found.principal == "anonymous"
    assert seen
    assert not any("authorization" in asked.headers for asked in seen)


# Owner


@contextmanager
def owned(upstream: str, owner: str) -> Iterator[str]:
    """A server that checks `x-amz-expected-bucket-owner`, as Amazon does and neither of ours."""

    def other(asked: Asked) -> bool:
        return asked.headers.get("x-amz-expected-bucket-owner", owner) != owner

    with proxy(upstream, denied(other)) as url:
        yield url


def test_a_bucket_of_the_right_owner_is_read(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"content")
    with owned(moto_endpoint, "111122223333") as url, s3_connector(url, name, ADMIN, owner="111122223333") as connector:
        assert b"".join(connector.read("object")) == b"content"
        assert connector.identity().trait("account") == "111122223333"


def test_a_bucket_of_another_account_is_untrusted(moto_endpoint: str) -> None:
    client, name = new_bucket(moto_endpoint)
    client.put_object(Bucket=name, Key="object", Body=b"content")
    with owned(moto_endpoint, "444455556666") as url:
        connector = s3_connector(url, name, ADMIN, owner="111122223333")
        with pytest.raises(Untrusted, match="does not belong to account 111122223333"):
            connector.open()


def test_a_server_that_does_not_look_at_the_owner_is_untrusted(endpoint: str) -> None:
    _, name = new_bucket(endpoint)
    for owner in ("111122223333", "000000000000"):
        with pytest.raises(Untrusted, match=r"does not check whom bucket .* belongs to"):
            s3_connector(endpoint, name, ADMIN, owner=owner).open()


# Gone, and clocks


def test_a_bucket_that_does_not_exist_is_unreachable(endpoint: str) -> None:
    with pytest.raises(Unreachable, match=r"bucket no-such-bucket does not exist at 127\.0\.0\.1"):
        s3_connector(endpoint, "no-such-bucket", ADMIN).open()


def test_a_bucket_that_goes_while_we_look_is_unreachable_and_not_an_empty_one(endpoint: str) -> None:
    client, name = new_bucket(endpoint)
    with s3_connector(endpoint, name, ADMIN) as connector:
        client.delete_bucket(Bucket=name)
        for look in (lambda: list(connector.list()), lambda: connector.stat("object"), lambda: list(connector.read("object"))):
            with pytest.raises(Unreachable) as error:
                look()
            assert not isinstance(error.value, NotThere)


def test_a_clock_far_off_is_measured_though_every_request_is_refused(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    refusal = Answer(403, b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>")
    with proxy(moto_endpoint, lambda asked: refusal, skew=3600) as url, s3_connector(url, name, ADMIN) as connector:
        assert connector.clock_skew() == pytest.approx(3600, abs=10)
        with pytest.raises(AccessDenied, match=r"its clock is 3(599|600|601) s ahead of ours"):
            list(connector.list())


def test_a_server_without_a_date_does_not_tell_its_time(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    with proxy(moto_endpoint, date=False) as url, s3_connector(url, name, ADMIN) as connector, pytest.raises(Unsupported):
        connector.clock_skew()
