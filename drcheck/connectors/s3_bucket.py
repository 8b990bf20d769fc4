"""Questions about a whole bucket: whose it is, and how it protects what lies in it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from drcheck.connectors.s3_client import HANDSHAKE, S3Client
from drcheck.connectors.s3_listing import archived
from drcheck.errors import AccessDenied, ConnectorError, Malformed, NotThere, Unreachable, Unsupported, Untrusted
from drcheck.model import Encryption, Identity, Permissions, Protection, Versions, printable

HANDSHAKE_SECONDS = 10.0
_DAYS_OF_YEAR = 365
_MODES = {"COMPLIANCE": "compliance", "GOVERNANCE": "governance"}
_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
# Two, as one of them could be the owner's.
_NOBODYS_ACCOUNTS = ("000000000000", "999999999999")


def check_owner(client: S3Client) -> None:
    """
    Make sure that the server compares the bucket's owner with the account that the estate names.

    Raises:
        Untrusted: the bucket belongs to another account, or the server does not look at whose it is.
    """
    options = client.options
    if options.owner is None:
        return
    if not options.aws:
        wrong = next(account for account in _NOBODYS_ACCOUNTS if account != options.owner)
        if _answers(client, wrong):
            raise Untrusted(f"{options.service} does not check whom bucket {options.bucket} belongs to; remove owner from the options of this target")
    if not _answers(client, options.owner) and _answers(client, None):
        raise Untrusted(
            f"bucket {options.bucket} does not belong to account {options.owner} (owner); find out whose it is before trusting what is in it"
        )


def _answers(client: S3Client, owner: str | None) -> bool:
    """Whether the bucket can be listed below our prefix (which is all that a narrow policy allows) when `owner` is said to be its account."""
    try:
        client.ask("ListObjectsV2", "asking for the bucket", Prefix=client.options.root, MaxKeys=1, ExpectedBucketOwner=owner)
    except (AccessDenied, Unsupported):
        return False
    return True


def identity(client: S3Client) -> Identity:
    """Who we are there, and which bucket and service it is. Raises ConnectorError."""
    options = client.options
    who = _caller(client)
    account = options.owner or ""
    if not account and options.aws and who.get("Account") and _answers(client, who["Account"]):
        account = who["Account"]
    endpoint = options.endpoint or str(client.clients.s3.meta.endpoint_url)
    traits = {
        "region": _region(client),
        "account": account,
        "caller_account": who.get("Account", ""),
        "bucket": options.bucket,
        "prefix": options.root,
        "endpoint": endpoint,
        "server": client.server,
    }
    # A server of one's own is one device, however many buckets it has; a bucket of Amazon's is spread over many.
    device = f"s3:aws/{options.bucket}" if options.aws else f"s3:{options.service}"
    return Identity(who.get("Arn") or _principal(client), device, tuple((name, value) for name, value in traits.items() if value))


def _caller(client: S3Client) -> dict[str, str]:
    try:
        return client.caller()
    except (AccessDenied, Malformed, NotThere, Unreachable, Unsupported):
        return {}  # many servers have no STS; who we are is then known by the key alone


def _principal(client: S3Client) -> str:
    if client.options.anonymous:
        return "anonymous"
    credentials = client.clients.credentials
    key = (credentials.get_frozen_credentials().access_key or "") if credentials else ""
    return f"access key ending in {printable(key[-4:])}" if len(key) > 4 else "unknown"


def _region(client: S3Client) -> str:
    if client.bucket_region:
        return client.bucket_region
    try:
        answer = client.ask("GetBucketLocation", "asking for the bucket's region")
    except (AccessDenied, Unsupported):
        return client.clients.region
    place = str((answer or {}).get("LocationConstraint") or "")
    if client.options.aws:
        return {"": "us-east-1", "EU": "eu-west-1"}.get(place, place)
    return place or client.clients.region


def protection(client: S3Client) -> Protection:
    """The bucket's default object lock. Raises ConnectorError."""
    answer = client.ask(
        "GetObjectLockConfiguration", "asking for the object lock", absent={"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}
    )
    configuration = (answer or {}).get("ObjectLockConfiguration") or {}
    if configuration.get("ObjectLockEnabled") != "Enabled":
        return Protection("none", detail="object lock is off")
    rule = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
    if not rule:
        return Protection("none", days=0, detail="object lock is on without a default: only objects that their writer locks are protected")
    mode = _MODES.get(str(rule.get("Mode")))
    # moto answers with both, one of them 0.
    days = int(rule.get("Days") or 0) or int(rule.get("Years") or 0) * _DAYS_OF_YEAR
    if mode is None or days <= 0:
        raise Malformed(f"the object lock of bucket {client.options.bucket} has a default without a known mode and length")
    return Protection(mode, days=days, detail="the default of new objects")


def lock_of(client: S3Client, head: dict[str, Any], at: datetime) -> Protection:
    """The lock on one object at the moment `at`, from the answer to HeadObject. Raises ConnectorError."""
    hold = head.get("ObjectLockLegalHoldStatus") == "ON"
    until = head.get("ObjectLockRetainUntilDate")
    held = "a legal hold is on it" if hold else ""
    if head.get("ObjectLockMode") or until:
        mode = _MODES.get(str(head.get("ObjectLockMode")))
        if mode is None or not isinstance(until, datetime) or until.tzinfo is None:
            raise Malformed("the object's lock has no known mode, or no end")
        if until > at:
            return Protection(mode, until=until, detail=held)
        return Protection("legal-hold" if hold else "none", until=until, detail=held or "its lock has ended")
    if hold:
        return Protection("legal-hold", detail=held)
    unseen = "no lock was seen"
    try:
        default = protection(client)
    except (AccessDenied, Unsupported):
        return Protection("none", detail=f"{unseen}, and the bucket does not tell its default; S3 shows locks only to who may read them")
    if default.mode != "none":
        unseen += (
            f", though the bucket's default is {default.mode}: it is older than the default, or we may not see locks "
            "(s3:GetObjectRetention, s3:GetObjectLegalHold)"
        )
    return Protection("none", detail=unseen)


def versions(client: S3Client) -> Versions:
    """Whether the bucket keeps old versions, and for how long. Raises ConnectorError."""
    answer = client.ask("GetBucketVersioning", "asking for versioning") or {}
    status = str(answer.get("Status") or "")
    if status != "Enabled":
        return Versions(False, detail="versioning is suspended: new objects overwrite" if status == "Suspended" else "versioning is off")
    try:
        rules = client.ask("GetBucketLifecycleConfiguration", "asking for the lifecycle rules", absent={"NoSuchLifecycleConfiguration"})
    except Unsupported:
        return Versions(True, detail="the server has no lifecycle rules")
    lengths = [
        rule["NoncurrentVersionExpiration"]
        for rule in (rules or {}).get("Rules", ())
        if rule.get("Status") == "Enabled" and rule.get("NoncurrentVersionExpiration") and _concerns(rule, client.options.root)
    ]
    days = [int(length["NoncurrentDays"]) for length in lengths if length.get("NoncurrentDays")]
    kept = [str(length["NewerNoncurrentVersions"]) for length in lengths if length.get("NewerNoncurrentVersions")]
    return Versions(True, min(days, default=None), f"a rule keeps the newest {min(kept, key=int)} old versions for longer" if kept else "")


def _concerns(rule: dict[str, Any], root: str) -> bool:
    """Whether a lifecycle rule can reach anything below `root`; its tags and sizes are taken to fit."""
    chosen = rule.get("Filter") or {}
    prefix = str(chosen.get("Prefix") or (chosen.get("And") or {}).get("Prefix") or rule.get("Prefix") or "")
    return prefix.startswith(root) or root.startswith(prefix)


def encryption(client: S3Client) -> Encryption:
    """How the bucket encrypts what is written to it, and the protocol of the connection. Raises ConnectorError."""
    answer = client.ask("GetBucketEncryption", "asking for encryption", absent={"ServerSideEncryptionConfigurationNotFoundError"})
    method, key = "none", ""
    for rule in ((answer or {}).get("ServerSideEncryptionConfiguration") or {}).get("Rules", ()):
        default = rule.get("ApplyServerSideEncryptionByDefault") or {}
        if default.get("SSEAlgorithm"):
            method, key = str(default["SSEAlgorithm"]), str(default.get("KMSMasterKeyID") or "")
    return Encryption(method, _in_transit(client), key)


def _in_transit(client: S3Client) -> str:
    if not client.options.secure:
        return "none"
    parts = urlsplit(str(client.clients.s3.meta.endpoint_url))
    host, port = parts.hostname or "", parts.port or 443
    client.record(HANDSHAKE, f"{host}:{port}")
    bundle = client.options.ca_bundle
    context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    # Requests were verified already; a proxy between us, or another set of certificates, only hides the version.
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=client.seconds(HANDSHAKE_SECONDS)) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        return wrapped.version() or "TLS"
    return "TLS"


def permissions(client: S3Client) -> Permissions:
    """What we may do, from trying to list and read and from looking at settings; nothing is written. Raises ConnectorError."""
    can_list, key, listed = _try_listing(client)
    can_read, read = _try_reading(client, key)
    can_write, wrote = _look_for_write(client)
    return Permissions(can_list, can_read, can_write, can_write, "; ".join((listed, read, wrote)))


def _try_listing(client: S3Client) -> tuple[bool, str, str]:
    try:
        page = client.page(client.options.root, size=100)
    except AccessDenied:
        return False, "", "listing was refused"
    readable = (one.key for one in page.keys if one.size and not archived(one.storage_class))
    return True, next(readable, ""), "listed a page"


def _try_reading(client: S3Client, key: str) -> tuple[bool | None, str]:
    if not key:
        return None, "no object was seen that reading could be tried on"
    try:
        answer = client.ask("GetObject", f'reading "{printable(key)}"', Key=key, Range="bytes=0-0")
    except AccessDenied:
        return False, "reading was refused"
    except (NotThere, Unsupported):
        return None, "the object that reading was tried on cannot be read now"
    if answer is not None:
        answer["Body"].close()
    return True, "read one byte of one object"


def _look_for_write(client: S3Client) -> tuple[bool | None, str]:
    """Whether we may write and delete: True, or not known. What is not granted here can be granted by a policy that we cannot see."""
    who = _caller(client)
    if who.get("Arn", "").endswith(":root") and _answers(client, who["Account"]):
        return True, "we are the root user of the bucket's account, who may write and delete"
    try:
        grants = (client.ask("GetBucketAcl", "asking for the access control list") or {}).get("Grants") or ()
        groups = {_EVERYBODY} if client.options.anonymous else {_EVERYBODY, _SIGNED_IN}
        if _granted(grants, groups) and _lists_count(client):
            return True, "the bucket's access control list lets everybody write and delete"
    except (AccessDenied, Unsupported) as error:
        return None, f"writing and deleting were not tried, and the access control list cannot be seen ({error})"
    return None, "writing and deleting were not tried, and no setting tells"


def _granted(grants: Sequence[dict[str, Any]], groups: set[str]) -> bool:
    return any(grant.get("Permission") in ("WRITE", "FULL_CONTROL") and (grant.get("Grantee") or {}).get("URI") in groups for grant in grants)


def _lists_count(client: S3Client) -> bool:
    """Whether access control lists are obeyed. Raises AccessDenied where that cannot be seen."""
    with contextlib.suppress(Unsupported):
        answer = client.ask("GetPublicAccessBlock", "asking for the block of public access", absent={"NoSuchPublicAccessBlockConfiguration"})
        if ((answer or {}).get("PublicAccessBlockConfiguration") or {}).get("IgnorePublicAcls"):
            return False
    with contextlib.suppress(Unsupported):
        answer = client.ask("GetBucketOwnershipControls", "asking for object ownership", absent={"OwnershipControlsNotFoundError"})
        rules = ((answer or {}).get("OwnershipControls") or {}).get("Rules", ())
        return all(rule.get("ObjectOwnership") != "BucketOwnerEnforced" for rule in rules)
    return True


def clock_skew(client: S3Client) -> float:
    """Seconds by which the server's clock is ahead, by the `Date` of an answer that came just now. Raises ConnectorError."""
    client.forget_skew()
    refusal: ConnectorError | None = None
    try:
        client.ask("HeadBucket", "asking for the time")
    except ConnectorError as error:
        refusal = error  # a refusal has a date too
    if client.skew is not None:
        return client.skew
    raise refusal or Unsupported(f"{client.options.service} does not tell its time")
