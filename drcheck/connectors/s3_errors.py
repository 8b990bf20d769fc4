"""What an S3 error means, in the words of `drcheck.errors`. No message repeats a credential."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from drcheck.errors import (
    AccessDenied,
    ConnectorError,
    InProgress,
    Malformed,
    NoCredentials,
    NotThere,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
)
from drcheck.model import printable

RAISED = (BotoCoreError, ClientError, HTTPError, ResponseParserError, OSError)
"""Everything that boto3 and the transport below it raise when asked properly."""

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    CredentialRetrievalError,
    TokenRetrievalError,
    NoAuthTokenError,
    SSOError,
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
)
_REFUSED_CREDENTIALS = {
    "InvalidAccessKeyId": "the server does not know this access key; check access_key",
    "SignatureDoesNotMatch": "the secret key does not belong to this access key; check secret_key",
    "InvalidClientTokenId": "the server does not know these credentials; check access_key and session_token",
    "UnrecognizedClientException": "the server does not know these credentials; check access_key and session_token",
    "ExpiredToken": "the session token has expired; renew it",
    "ExpiredTokenException": "the session token has expired; renew it",
    "TokenRefreshRequired": "the session token has expired; renew it",
    "InvalidToken": "the session token is not valid; check session_token",
    "InvalidSecurity": "the credentials are not valid; check access_key and secret_key",
    "AuthFailure": "the credentials are not valid; check access_key and secret_key",
    "NotSignedUp": "the account is not signed up for this service",
}
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_SKEW_ALLOWED = 900.0
"""Seconds by which a clock may be wrong, in Amazon's documentation of error responses."""
_OTHER_REGION = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"}
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "InvalidPayer", "Forbidden", "403", "401"})
_TOO_FAST = frozenset({"SlowDown", "TooManyRequests", "Throttling", "ThrottlingException", "RequestLimitExceeded", "429"})
_UNKNOWN_TO_SERVER = frozenset({"NotImplemented", "XNotImplemented", "MethodNotAllowed", "UnsupportedOperation", "405", "501"})


class CredentialsRefused(AccessDenied):
    """The server does not accept who we say that we are: everything else would be refused too."""


@dataclass(frozen=True, slots=True)
class Place:
    """What error messages call the bucket."""

    bucket: str
    where: str
    """`aws`, or the endpoint's host and port."""
    owner: str | None
    """The account that the bucket must belong to."""


def explain(error: Exception, what: str, place: Place, skew: float | None = None) -> ConnectorError:
    """
    The error to raise instead of `error`, which came up while doing `what` (words such as `listing "a"`).

    `skew` is by how many seconds the server's clock is ahead, where that is known.
    """
    if isinstance(error, ClientError):
        return _explain_answer(error, what, place, skew)
    if isinstance(error, _NO_CREDENTIALS):
        return NoCredentials(f"{what}: {_no_credentials(error)}")
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | TimeoutError):
        return TimedOut(f"{what}: {place.where} did not answer in time")
    if isinstance(error, SSLError):
        return Untrusted(f"{what}: the certificate of {place.where} cannot be verified ({_cause(error)}); if it is your own server, set ca_bundle")
    if isinstance(error, ProxyConnectionError):
        return Unreachable(f"{what}: the proxy of this machine's environment did not connect to {place.where} ({_cause(error)})")
    if isinstance(error, ResponseParserError):
        return Malformed(f"{what}: the answer of {place.where} is not what S3 answers; check the endpoint")
    return Unreachable(f"{what}: {place.where} could not be reached ({_cause(error)})")


def code_of(error: ClientError) -> str:
    """The S3 error code, or the HTTP status where the answer carried none."""
    return str(error.response.get("Error", {}).get("Code") or _status(error))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def _explain_answer(error: ClientError, what: str, place: Place, skew: float | None) -> ConnectorError:
    code, status = code_of(error), _status(error)
    head = error.operation_name.startswith("Head")
    if code in ("NoSuchBucket", "NotFound", "404") and (code == "NoSuchBucket" or error.operation_name == "HeadBucket"):
        return Unreachable(f"bucket {place.bucket} does not exist at {place.where}; check bucket, endpoint and region")
    if code == "NoSuchKey" or (head and status == 404):
        return NotThere(f"{what}: there is no such object in bucket {place.bucket}")
    if code in _REFUSED_CREDENTIALS:
        return CredentialsRefused(f"{what}: {_REFUSED_CREDENTIALS[code]} ({code})")
    if code in _SKEWED:
        return AccessDenied(f"{what}: {place.where} refuses requests because our clocks differ{_by(skew)}; set this machine's clock by NTP ({code})")
    if code in _OTHER_REGION:
        region = _headers(error).get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
        hint = f'set region = "{printable(str(region))}"' if region else "check region and endpoint"
        return Unreachable(f"{what}: bucket {place.bucket} is not in the region that was asked; {hint} ({code})")
    if code == "InvalidObjectState":
        return Unsupported(f"{what}: it is in an archived storage class, which is never read")
    if code in ("PreconditionFailed", "412", "InvalidRange", "416"):
        return InProgress(f"{what}: it changed while it was read")
    if code in _DENIED or status in (401, 403):
        return AccessDenied(f"{what}: refused{_message(error)}{_perhaps(place, head, skew)}")
    if head and status == 400:
        return AccessDenied(f"{what}: refused (400) without a reason: an expired token, another region, or a key of the customer's own (SSE-C)")
    if code in _UNKNOWN_TO_SERVER or status in (405, 501):
        return Unsupported(f"{what}: {place.where} does not know this question ({printable(code)})")
    if code in _TOO_FAST or status == 429:
        return Unreachable(f"{what}: {place.where} asks to be asked less often ({printable(code)})")
    if status >= 500:
        return Unreachable(f"{what}: {place.where} failed with status {status}{_message(error)}")
    return Unsupported(f"{what}: {place.where} answered {status}{_message(error)}")


def _headers(error: ClientError) -> dict[str, str]:
    headers: dict[str, str] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


def _message(error: ClientError) -> str:
    found: dict[str, Any] = dict(error.response.get("Error", {}))
    code, message = str(found.get("Code") or ""), str(found.get("Message") or "")
    return f" ({printable(': '.join(part for part in (code, message) if part))[:300]})" if code or message else ""


def _perhaps(place: Place, head: bool, skew: float | None) -> str:
    """What else a refusal can mean. An answer to a HEAD request has no body that could say."""
    if head and skew is not None and abs(skew) > _SKEW_ALLOWED:
        return f"; requests are refused where clocks differ by more than 15 minutes{_by(skew)}"
    owner = f"; or the bucket does not belong to account {place.owner} (owner)" if place.owner else ""
    missing = "; without the right to list the bucket, a missing object is refused in the same way" if head else ""
    return owner + missing


def _by(skew: float | None) -> str:
    return "" if skew is None else f": its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours"


def _no_credentials(error: Exception) -> str:
    if isinstance(error, ProfileNotFound):
        return f"{printable(str(error))}; check profile, and the AWS configuration files of the user that runs drcheck"
    if isinstance(error, NoCredentialsError):
        return "no credentials were found; give access_key and secret_key, or profile, or anonymous = true"
    return f"credentials could not be had ({type(error).__name__}); check profile and the AWS configuration files"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is other for other in seen):
            seen.append(one)
            yield one
            inner = getattr(one, "kwargs", {}).get("error")
            waiting += [inner, getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]


def _cause(error: BaseException) -> str:
    """The operating system's or TLS library's own words for what is behind `error`; the names of the exceptions where there are none."""
    found = list(_chain(error))
    for one in reversed(found):
        verify = getattr(one, "verify_message", None)
        if verify:
            return printable(str(verify))
    for one in reversed(found):
        if isinstance(one, OSError) and one.strerror:
            return printable(str(one.strerror))
    return type(found[-1]).__name__
