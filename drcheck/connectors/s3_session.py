"""boto3 clients with credentials from the estate, built from the deadline and told to retry once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from drcheck.clock import Deadline
from drcheck.connectors.s3_options import S3Options
from drcheck.errors import NoCredentials, Untrusted
from drcheck.secrets import SecretResolver

if TYPE_CHECKING:
    import botocore.session
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from botocore.loaders import Loader

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
ATTEMPTS = 2
_INSTANCE_METADATA_SECONDS = 1
_SHORTEST_SECONDS = 0.1
# AWS needs some region to sign with; a bucket elsewhere answers with its own. Other servers take any.
_ANY_REGION = "us-east-1"
_ROLE_SESSION = "drcheck"


@dataclass(frozen=True)
class Clients:
    """What one open connector talks through."""

    s3: Any
    sts: Any
    """None for anonymous access, which has no identity to ask about."""
    credentials: Credentials | None
    """What requests are signed with; None for anonymous access."""
    secrets: tuple[str, ...]
    """What `credentials` kept secret at the start."""
    region: str
    """The region that was declared or configured; empty where none was."""
    verify: str | bool
    """The file of certificates that the server's is checked against; True for those that come with botocore."""


Guard = Callable[["botocore.session.Session"], None]
"""Puts the allow-list and the call log on every client that the session makes."""


def make_clients(options: S3Options, secrets: SecretResolver, deadline: Deadline, guard: Guard) -> Clients:
    """
    The clients for one bucket. Credentials are looked for now: the estate's, the profile's, then boto3's usual places.

    Raises:
        NoCredentials: there are none, or a reference leads nowhere.
        Untrusted: the file of certificates is not there.
        Whatever boto3 raises (`drcheck.connectors.s3_errors.RAISED`).
    """
    if options.ca_bundle and not options.ca_bundle.is_file():
        raise Untrusted(f"ca_bundle: there is no file {options.ca_bundle}, so no certificate can be verified")
    core = _session(guard, options.profile)
    region = options.region or core.get_config_variable("region") or ""
    if options.anonymous:
        return Clients(_client(core, "s3", options, deadline, region), None, None, (), region, _verify(core, options))
    if options.access_key and options.secret_key:
        core.set_credentials(
            _reveal(secrets, options.access_key),
            _reveal(secrets, options.secret_key),
            _reveal(secrets, options.session_token) if options.session_token else None,
        )
    credentials = core.get_credentials()
    if credentials is not None and options.role:
        core = _assume(core, options, secrets, deadline, guard, region)
        credentials = core.get_credentials()
    if credentials is None:
        raise NoCredentials("no credentials were found; give access_key and secret_key, or profile, or anonymous = true")
    s3, sts = (_client(core, service, options, deadline, region) for service in ("s3", "sts"))
    return Clients(s3, sts, credentials, secrets_of(credentials), region, _verify(core, options))


def secrets_of(credentials: Credentials) -> tuple[str, ...]:
    """What must never be shown: the secret key and the session token. Asks for new ones where these have expired."""
    frozen = credentials.get_frozen_credentials()
    return tuple(secret for secret in (frozen.secret_key, frozen.token) if secret)


def _session(guard: Guard, profile: str | None = None) -> botocore.session.Session:
    import botocore.session

    core = botocore.session.Session(profile=profile)
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    # The last place that is asked for credentials may be a black hole: this machine need not be one of Amazon's.
    core.set_config_variable("metadata_service_timeout", _INSTANCE_METADATA_SECONDS)
    core.set_config_variable("metadata_service_num_attempts", 1)
    guard(core)
    return core


@cache
def _loader(data_path: str | None) -> Loader:
    """What reads the descriptions of the services: a megabyte of JSON that is the same for every session, so it is parsed once for all of them."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _client(core: botocore.session.Session, service: str, options: S3Options, deadline: Deadline, region: str) -> BaseClient:
    from botocore import UNSIGNED
    from botocore.config import Config

    from drcheck.connectors.s3_bounds import BoundedSession

    left = deadline.remaining()
    # Two attempts must fit. Newer botocore also obeys what `s3_client` allows each request.
    longest = READ_SECONDS if left is None else max(_SHORTEST_SECONDS, left / ATTEMPTS)
    # The place that is asked is the one that the estate names, whatever the environment says.
    given: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
    if options.anonymous:
        given["signature_version"] = UNSIGNED
    if service == "s3":
        given["s3"] = {"addressing_style": options.style}
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, longest),
        read_timeout=min(READ_SECONDS, longest),
        max_pool_connections=options.connections,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Many servers send, and check, none of the newer checksums; what was promised is compared by drcheck itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **given,
    )
    client: Any = core.create_client(
        service,
        region_name=region or _ANY_REGION,
        endpoint_url=None if service == "sts" and options.aws else options.endpoint,
        verify=_verify(core, options),
        config=config,
    )
    client._endpoint.http_session = BoundedSession(client._endpoint.http_session)
    return client  # type: ignore[no-any-return]


def _verify(core: botocore.session.Session, options: S3Options) -> str | bool:
    return str(options.ca_bundle) if options.ca_bundle else core.get_config_variable("ca_bundle") or True


def _assume(
    core: botocore.session.Session, options: S3Options, secrets: SecretResolver, deadline: Deadline, guard: Guard, region: str
) -> botocore.session.Session:
    """A session that signs with the role's keys, and asks for new ones before they expire."""
    from botocore.credentials import CredentialProvider, RefreshableCredentials

    asked: dict[str, str] = {"RoleArn": str(options.role), "RoleSessionName": _ROLE_SESSION}
    if options.external_id:
        asked["ExternalId"] = _reveal(secrets, options.external_id)
    sts: Any = _client(core, "sts", options, deadline, region)

    def fresh() -> dict[str, str]:
        keys = sts.assume_role(**asked)["Credentials"]
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }

    class Role(CredentialProvider):
        METHOD = CANONICAL_NAME = "drcheck-role"

        def load(self) -> RefreshableCredentials:
            return RefreshableCredentials.create_from_metadata(fresh(), refresh_using=fresh, method=self.METHOD)

    role = _session(guard)
    role.get_component("credential_provider").insert_before("env", Role())
    return role


def _reveal(secrets: SecretResolver, reference: str) -> str:
    text = secrets(reference).reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise NoCredentials(f"the credential from {reference.partition(':')[0]}: holds characters that none has; look for blanks and line ends")
    return text
