"""Faults of an S3 target: whose bucket it is, what it lets us do, how it is locked, and servers that are odd or gone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.connectors.s3_faults import LISTING, Answer, Asked, certificate, denied, proxy, silent
from tests.connectors.seaweed import ONLY_LIST, ONLY_READ, Account
from tests.faults.served import PRESENT, BucketPlace, nothing_known_of
from tests.faults.zoo import Fault, Findings, Turned, Zoo, fails, try_out, unknown

ZOO: Zoo[BucketPlace] = Zoo()
SEAWEED_ZOO: Zoo[BucketPlace] = Zoo()
INTEGRITY, MATCHES, OLD_VERSIONS = "integrity.checksums", "declared.matches.observed", "NCSC-OFF-2"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[BucketPlace], folder: Path, moto_endpoint: str, healthy_bucket: Findings) -> None:
    try_out(fault, BucketPlace(folder, moto_endpoint), healthy_bucket)


@pytest.mark.parametrize("fault", SEAWEED_ZOO, ids=str)
def test_fault_on_seaweedfs(fault: Fault[BucketPlace], folder: Path, seaweed: str, healthy_bucket: Findings) -> None:
    try_out(fault, BucketPlace(folder, seaweed), healthy_bucket)


def nothing_known_of_the_bucket(says: str) -> tuple[Turned, ...]:
    """What is unknown where nothing was seen of the bucket."""
    return (*nothing_known_of("cloud", says), unknown(MATCHES, "cloud", says), unknown(OLD_VERSIONS, "imaging", "cloud"))


def behind(place: BucketPlace, server: AbstractContextManager[str]) -> None:
    """Reach the bucket through a server of the test; it lasts until the end of the look."""
    place.options("cloud")["endpoint"] = place.held.enter_context(server)


def as_account(place: BucketPlace, account: Account) -> None:
    """Look as somebody else."""
    place.options("cloud").update(
        access_key=place.secret("other-access-key", account.access_key), secret_key=place.secret("other-secret-key", account.secret_key)
    )


# Whose it is, and who we are


@ZOO.fault(*nothing_known_of_the_bucket("does not exist at"))
def a_bucket_that_is_gone(place: BucketPlace) -> None:
    place.options("cloud")["bucket"] = "nobodys-bucket"


@ZOO.fault(*nothing_known_of_the_bucket("untrusted: "))
def a_bucket_of_another_account(place: BucketPlace) -> None:
    place.options("cloud")["owner"] = "111111111111"


@ZOO.fault(*nothing_known_of_the_bucket("the environment variable DRCHECK_ZOO_KEY is not set"))
def a_credential_reference_that_leads_nowhere(place: BucketPlace) -> None:
    place.options("cloud")["secret_key"] = "env:DRCHECK_ZOO_KEY"


@ZOO.fault(*nothing_known_of_the_bucket("can be read by others"))
def a_secret_file_that_others_may_read(place: BucketPlace) -> None:
    place.path("secret-key").chmod(0o640)


@SEAWEED_ZOO.fault(*nothing_known_of_the_bucket("cloud"))
def a_wrong_secret_key(place: BucketPlace) -> None:
    place.options("cloud")["secret_key"] = place.secret("wrong-key", "not-the-secret")


@SEAWEED_ZOO.fault(*nothing_known_of_the_bucket("access-denied"))
def an_identity_that_may_not_list(place: BucketPlace) -> None:
    as_account(place, ONLY_READ)


@SEAWEED_ZOO.fault(
    *nothing_known_of("cloud", "access-denied", systems=("imaging",)),
    unknown(INTEGRITY, "record@cloud", "4 objects could not be read whole"),
    unknown(INTEGRITY, "laboratory@cloud", "SHA256SUMS: could not be read: access-denied"),
    unknown(MATCHES, "cloud", "the lock of record@cloud is not known: access-denied"),
    unknown(OLD_VERSIONS, "imaging", "cloud"),
)
def an_identity_that_may_not_read(place: BucketPlace) -> None:
    as_account(place, ONLY_LIST)


@ZOO.fault(unknown(INTEGRITY, "record@cloud", "1 object could not be read whole (record/ehr-"))
def an_object_that_may_not_be_read(place: BucketPlace) -> None:
    behind(place, proxy(place.bucket.endpoint, denied(lambda asked: asked.key == place.dump_key(days=1) and not asked.lists)))


@ZOO.fault(
    *nothing_known_of("cloud", "access-denied", systems=("record",)),
    unknown(MATCHES, "cloud", "the lock of record@cloud is not known: access-denied"),
)
def a_folder_that_may_not_be_listed(place: BucketPlace) -> None:
    behind(place, proxy(place.bucket.endpoint, denied(lambda asked: asked.lists and asked.query["prefix"].startswith("record"))))


# What lies there


@ZOO.fault(fails(INTEGRITY, "record@cloud", ".dump (mismatch)"))
def a_flipped_bit_in_the_bucket(place: BucketPlace) -> None:
    content = bytearray(place.bucket.content(place.dump_key(days=2)))
    content[7] ^= 1
    place.bucket.put(place.dump_key(days=2), bytes(content))


@ZOO.fault(fails(INTEGRITY, "record@cloud", ".dump (missing)"))
def an_object_hidden_by_a_delete_marker(place: BucketPlace) -> None:
    place.bucket.remove(place.dump_key(days=3))


@ZOO.fault(unknown(INTEGRITY, "imaging@cloud", "nothing was promised for 1 object (imaging/studies/CT-9.dcm)"))
def an_extra_object_in_the_bucket(place: BucketPlace) -> None:
    place.bucket.put("imaging/studies/CT-9.dcm", b"planted")


@ZOO.fault(unknown(INTEGRITY, "record@cloud", "1 object was not read (record/ehr-"))
def an_object_in_an_archived_class(place: BucketPlace) -> None:
    place.bucket.put(place.dump_key(days=1), place.bucket.content(place.dump_key(days=1)), StorageClass="GLACIER")


@ZOO.fault(unknown(INTEGRITY, "laboratory@cloud", "lies in an archived storage class, which is never read"))
def a_manifest_in_an_archived_class(place: BucketPlace) -> None:
    key = f"laboratory/{place.night('cloud').name}/SHA256SUMS"
    place.bucket.put(key, place.bucket.content(key), StorageClass="DEEP_ARCHIVE")


@ZOO.fault(unknown(INTEGRITY, "imaging@cloud", "imaging/studies/CT-2.dcm"))
def an_object_that_is_cut_off_half_way(place: BucketPlace) -> None:
    behind(place, proxy(place.bucket.endpoint, cut="imaging/studies/CT-2.dcm"))


# How it is locked, and what it keeps


@ZOO.fault(fails(MATCHES, "cloud", "declared immutable, but it has no lock (lock of record@cloud)"))
def the_newest_dump_without_a_lock(place: BucketPlace) -> None:
    place.bucket.put(place.dump_key(), place.bucket.content(place.dump_key()), mode=None)


@ZOO.fault(fails(MATCHES, "cloud", "declared immutable, but an administrator can lift its governance lock (lock of record@cloud)"))
def a_lock_that_an_administrator_can_lift(place: BucketPlace) -> None:
    place.bucket.put(place.dump_key(), place.bucket.content(place.dump_key()), mode="GOVERNANCE")


@ZOO.fault(fails(MATCHES, "cloud", "declared immutable, but its lock ended at "))
def a_lock_that_has_ended(place: BucketPlace) -> None:
    place.bucket.put(place.dump_key(), place.bucket.content(place.dump_key()), until=PRESENT - timedelta(days=1))


@ZOO.fault(
    fails(MATCHES, "cloud", "declared immutable, but it has no lock"),
    unknown(OLD_VERSIONS, "imaging", "old versions are not kept"),
)
def a_bucket_without_lock_or_versions(place: BucketPlace) -> None:
    client, plain = place.bucket.client, f"{place.bucket.name}-plain"
    client.create_bucket(Bucket=plain)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket.name):
        for found in page["Contents"]:
            client.put_object(Bucket=plain, Key=found["Key"], Body=place.bucket.content(found["Key"]))
    place.options("cloud")["bucket"] = plain


@ZOO.fault(unknown(OLD_VERSIONS, "imaging", "old versions are not kept)"))
def versioning_suspended(place: BucketPlace) -> None:
    place.bucket.client.put_bucket_versioning(Bucket=place.bucket.name, VersioningConfiguration={"Status": "Suspended"})


@ZOO.fault(unknown(OLD_VERSIONS, "imaging", "old versions are kept for 7 days"))
def old_versions_that_are_removed_after_a_week(place: BucketPlace) -> None:
    rule = {"ID": "week", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 7}}
    place.bucket.client.put_bucket_lifecycle_configuration(Bucket=place.bucket.name, LifecycleConfiguration={"Rules": [rule]})


# Servers that are odd or gone


@ZOO.fault(unknown(OLD_VERSIONS, "imaging", "it does not know this question"))
def a_server_that_answers_every_question_with_a_listing(place: BucketPlace) -> None:
    asked_of_the_bucket = {"acl", "encryption", "lifecycle", "location", "object-lock", "versioning", "publicAccessBlock", "ownershipControls"}

    def listing(asked: Asked) -> Answer | None:
        return Answer(200, LISTING) if asked_of_the_bucket & asked.query.keys() else None

    behind(place, proxy(place.bucket.endpoint, listing))


@ZOO.fault(*nothing_known_of_the_bucket("clock"))
def a_server_that_refuses_us_for_our_clock(place: BucketPlace) -> None:
    body = b'<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large</Message></Error>'
    behind(place, proxy(place.bucket.endpoint, lambda _: Answer(403, body), skew=7200))


@ZOO.fault()
def a_server_whose_clock_is_an_hour_ahead(place: BucketPlace) -> None:
    behind(place, proxy(place.bucket.endpoint, skew=3600))


@ZOO.fault(*nothing_known_of_the_bucket("unreachable"))
def a_server_that_is_down(place: BucketPlace) -> None:
    with silent() as url:
        place.options("cloud")["endpoint"] = url


@ZOO.fault(*nothing_known_of_the_bucket("timed-out"))
def a_server_that_never_answers(place: BucketPlace) -> None:
    behind(place, silent())
    place.target("cloud")["timeout"] = "1s"


@ZOO.fault(*nothing_known_of_the_bucket("unreachable"))
def a_server_that_is_overloaded(place: BucketPlace) -> None:
    body = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>'
    behind(place, proxy(place.bucket.endpoint, lambda _: Answer(503, body)))


@ZOO.fault(*nothing_known_of_the_bucket("untrusted: "))
def a_certificate_of_somebody_else(place: BucketPlace) -> None:
    trusted, _ = certificate(place.folder, "trusted")
    _, other = certificate(place.folder, "other")
    behind(place, proxy(place.bucket.endpoint, tls=other))
    place.options("cloud")["ca_bundle"] = str(trusted)
