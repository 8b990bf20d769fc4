"""
The one door to an S3 bucket: every request passes the allow-list, is written to the call log, and has its answer's root element looked at.

Servers that do not know a sub-resource such as `?object-lock` may answer with a listing, which botocore takes for an empty success. An answer
with another root element than asked for is `Unsupported`, never "none".
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import ParseError

from drcheck.clock import Deadline, now
from drcheck.connectors.base import CallLog
from drcheck.connectors.s3_listing import Page, parse_page, root_element
from drcheck.connectors.s3_options import Folder, S3Options
from drcheck.connectors.s3_session import READ_SECONDS, Clients, make_clients, secrets_of
from drcheck.connectors.s3_signing import Pattern
from drcheck.errors import ConnectorError, Malformed, Unsupported
from drcheck.secrets import SecretResolver

if TYPE_CHECKING:
    import botocore.session

ROOTS = {
    "s3:GetBucketAcl": {"AccessControlPolicy"},
    "s3:GetBucketEncryption": {"ServerSideEncryptionConfiguration"},
    "s3:GetBucketLifecycleConfiguration": {"LifecycleConfiguration"},
    # SeaweedFS answers with the second.
    "s3:GetBucketLocation": {"LocationConstraint", "CreateBucketConfiguration"},
    "s3:GetBucketOwnershipControls": {"OwnershipControls"},
    # moto answers with the second.
    "s3:GetBucketVersioning": {"VersioningConfiguration", "GetBucketVersioningResponse"},
    # moto answers with the second.
    "s3:GetObjectAttributes": {"GetObjectAttributesResponse", "GetObjectAttributesOutput"},
    "s3:GetObjectLockConfiguration": {"ObjectLockConfiguration"},
    "s3:GetPublicAccessBlock": {"PublicAccessBlockConfiguration"},
    "s3:ListObjectsV2": {"ListBucketResult"},
    "sts:AssumeRole": {"AssumeRoleResponse"},
    "sts:AssumeRoleWithWebIdentity": {"AssumeRoleWithWebIdentityResponse"},
    "sts:GetCallerIdentity": {"GetCallerIdentityResponse"},
}
"""Every call that is answered with XML, and the root elements that its answer may have."""

ALLOWED = frozenset({*ROOTS, "s3:HeadBucket", "s3:GetObject", "s3:HeadObject", "sso:GetRoleCredentials"})
"""Every call that may be made. Those of STS and SSO obtain credentials that the estate or the profile asks for."""

HANDSHAKE = "tls:handshake"
"""A connection that is opened to see its protocol, and closed."""

MOST_REQUESTS = 12
"""Requests that one question may come to, with second attempts and what a redirect costs: botocore follows redirects for as long as they come."""

_METHODS = {"s3": ("GET", "HEAD"), "sts": ("POST",), "sso": ("GET",)}


class S3Client:
    """
    One bucket, through boto3.

    Attributes:
        clients: the boto3 clients; every request through them is guarded too.
        server: the `Server` header of the last answer.
        bucket_region: the region that the server last named.
        alive: called at every answer and as reports are read: the place still answers.
        skew: seconds by which the server's clock was ahead at the last answer; None before one, or where answers have no usable `Date`.
    """

    def __init__(self, options: S3Options, *, secrets: SecretResolver, deadline: Deadline, calls: CallLog) -> None:
        """Resolves credentials; asks the bucket nothing yet. Raises a `ConnectorError`."""
        from drcheck.connectors.s3_errors import RAISED, Place, explain

        self.options = options
        self.server = ""
        self.bucket_region = ""
        self.skew: float | None = None
        self.alive: Callable[[], object] = int
        self._deadline = deadline
        self._calls = calls
        self._place = Place(options.bucket, options.service, options.owner)
        self._sent = now()
        self._listed: tuple[str, dict[str, str]] | None = None
        self._asking = threading.local()
        self._raised = RAISED
        self._explain = explain
        deadline.check()
        try:
            self.clients: Clients = make_clients(options, secrets, deadline, self._guard)
        except RAISED as error:
            raise explain(error, "credentials", self._place, self.skew) from None

    def close(self) -> None:
        """Close every connection."""
        for client in (self.clients.s3, self.clients.sts):
            if client is not None:
                client.close()

    def ask(self, operation: str, what: str, *, absent: Collection[str] = (), at: Folder | None = None, **parameters: Any) -> dict[str, Any] | None:
        """
        The answer to one call about the bucket, or None where the server answers with an error code that is in `absent`.

        `what` says in an error message what was being done; `at` names another bucket to ask. Parameters that are None are not sent. May be called
        from several threads.

        Raises:
            ConnectorError: what went wrong, in words.
        """
        from botocore import xform_name
        from botocore.exceptions import ClientError

        from drcheck.connectors.s3_errors import code_of

        whose = (at.bucket, at.owner) if at else (self.options.bucket, self.options.owner)
        sent = {"Bucket": whose[0], "ExpectedBucketOwner": whose[1], **parameters}
        self._asking.here, self._asking.requests = at is None, 0
        try:
            answer: dict[str, Any] = getattr(self.clients.s3, xform_name(operation))(
                **{key: value for key, value in sent.items() if value is not None}
            )
        except self._raised as error:
            if isinstance(error, ClientError) and code_of(error) in absent:
                return None
            raise self.explain(error, what, at) from None
        except (ValueError, OverflowError, ParseError) as error:
            raise self._no_answer(error, what) from None
        return answer

    def caller(self) -> dict[str, str]:
        """Who STS says that we are: `Arn`, `Account`; empty where it does not say. Raises ConnectorError."""
        if self.clients.sts is None:
            return {}
        self._asking.requests = 0
        try:
            answer = self.clients.sts.get_caller_identity()
        except self._raised as error:
            raise self.explain(error, "asking who we are") from None
        except (ValueError, OverflowError, ParseError) as error:
            raise self._no_answer(error, "asking who we are") from None
        return {name: str(answer[name]) for name in ("Arn", "Account") if answer.get(name)}

    def page(self, prefix: str, *, delimiter: str = "", token: str = "", size: int, at: Folder | None = None) -> Page:
        """One page of the keys that begin with `prefix`, at most `size` of them; `at` names another bucket. Raises ConnectorError."""
        from drcheck.model import printable

        answer = self.ask(
            "ListObjectsV2",
            f'listing "{printable(prefix)}"',
            at=at,
            Prefix=prefix,
            Delimiter=delimiter or None,
            ContinuationToken=token or None,
            MaxKeys=size,
            EncodingType="url",
        )
        if answer is None or not isinstance(answer.get("Page"), Page):
            raise Malformed(f"bucket {at.bucket if at else self.options.bucket}: the listing has no content")
        return answer["Page"]  # type: ignore[no-any-return]

    def explain(self, error: Exception, what: str, at: Folder | None = None) -> ConnectorError:
        """The error to raise instead of one of botocore's, without any credential in its text; `at` names another bucket than the target's."""
        place = replace(self._place, bucket=at.bucket, owner=at.owner) if at else self._place
        explained = self._explain(error, what, place, self.skew)
        return type(explained)(self._without_secrets(str(explained)))

    def forget_skew(self) -> None:
        """Make `skew` None until the next answer."""
        self.skew = None

    def seconds(self, longest: float) -> float:
        """How long one thing that is not done through boto3 may take: `longest`, or what is left. Raises TimedOut where nothing is."""
        self._deadline.check()
        left = self._deadline.remaining()
        return longest if left is None else min(longest, left)

    def tick(self) -> None:
        """Called now and then by what takes long without asking anything: shows life. Raises TimedOut where no time is left."""
        self._deadline.check()
        self.alive()

    def pattern(self) -> Pattern | None:
        """How objects are asked for without boto3; None where no listing was sent yet, or where we cannot sign as it was signed."""
        if self._listed is None:
            return None
        try:
            return Pattern.learn(*self._listed, self.clients.credentials)
        except self._raised as error:
            raise self.explain(error, "credentials") from None

    def record(self, call: str, subject: str) -> None:
        """Note a call that is not made through boto3. Raises Unsupported where it is not allowed."""
        if call not in (HANDSHAKE, "s3:GetObject"):
            raise Unsupported(f"{call} is not among the calls that the s3 connector may make")
        self._calls.record(call, subject)

    def _no_answer(self, error: Exception, what: str) -> Exception:
        """What to raise where botocore stumbled over an answer: it takes for granted that numbers, times and XML are what they should be."""
        if isinstance(error, UnicodeEncodeError):
            return error  # of what we asked
        return Malformed(f"{what}: the answer of {self.options.service} is not what S3 answers ({type(error).__name__}); check the endpoint")

    def _without_secrets(self, text: str) -> str:
        known = set(self.clients.secrets)
        if self.clients.credentials is not None:
            with contextlib.suppress(ConnectorError, *self._raised):
                known.update(secrets_of(self.clients.credentials))
        for secret in known:
            text = text.replace(secret, "…")
        return text

    # Hooks. They are on the session, so that clients which boto3 makes for itself (to assume a profile's role) are guarded as well.

    def _guard(self, core: botocore.session.Session) -> None:
        events = core.get_component("event_emitter")
        events.register_first("provide-client-params", self._refuse)
        events.register_first("request-created", self._record_request)
        events.register_last("before-send.s3.ListObjectsV2", self._keep)
        # With wildcards, so that it comes before botocore's own look at the body of an answer that says 200.
        events.register_first("before-parse.*.*", self._look_at)
        events.register_first("after-call.s3.GetBucketLocation", self._look_no_further)

    def _refuse(self, model: Any, **_: object) -> None:
        call = _call(model)
        if call not in ALLOWED:
            raise Unsupported(f"{call} is not among the calls that the s3 connector may make; nothing was sent")

    def _record_request(self, request: Any, event_name: str, **_: object) -> None:
        service, operation = event_name.split(".")[1:3]
        call = f"{service}:{operation}"
        if call not in ALLOWED or request.method not in _METHODS[service]:
            raise Unsupported(f"{call} is not among the calls that the s3 connector may make; nothing was sent")
        self._asking.requests = getattr(self._asking, "requests", 0) + 1
        if self._asking.requests > MOST_REQUESTS:
            raise Malformed(f"{self.options.service} sends us from one place to the next, and there is no end to it; check region and endpoint")
        request.context["read_timeout"] = self.seconds(READ_SECONDS)
        self._calls.record(call, _subject(request))
        self._sent = now()

    def _keep(self, request: Any, **_: object) -> None:
        if self._asking.here:  # objects are asked for as this bucket is, never as that of reports is
            self._listed = request.url, dict(request.headers.items())

    def _look_at(self, operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
        self.alive()
        self._note_headers(response_dict["headers"])
        call = _call(operation_model)
        if response_dict["status_code"] >= 300 and not call.startswith("sso:"):
            # Errors are XML too, and botocore parses it whatever it defines. Without a body it goes by the status.
            response_dict["body"] = response_dict["body"] if _harmless(response_dict["body"]) else b""
            return
        if call not in ROOTS:
            return
        body: bytes = response_dict["body"]
        try:
            root = root_element(body)
        except Malformed as error:
            raise Malformed(f"{call}: {error}") from None
        if root == "Error":
            return  # botocore makes an error of it
        if root not in ROOTS[call]:
            raise Unsupported(f"{self.options.service} answered {call} with <{root}>: it does not know this question")
        if call == "s3:ListObjectsV2":
            # Read here, once: botocore's own reading takes five times as long, and most of it for a second look for errors.
            customized_response_dict["Page"] = parse_page(body)
            response_dict["body"] = b"<ListBucketResult/>"

    def _look_no_further(self, http_response: Any, **_: object) -> None:
        # botocore parses this one answer a second time, by itself, even where it is an error.
        if http_response.status_code >= 300:
            http_response.raw = None

    def _note_headers(self, headers: Any) -> None:
        received = now()
        self.server = headers.get("Server") or self.server
        self.bucket_region = headers.get("x-amz-bucket-region") or self.bucket_region
        try:
            date = parsedate_to_datetime(headers.get("Date") or "")
        except ValueError:
            return
        # The header is cut to the second, so the moment was half a second later on the average.
        moment = (date if date.tzinfo else date.replace(tzinfo=UTC)) + timedelta(seconds=0.5)
        self.skew = (moment - _middle(self._sent, received)).total_seconds()


def _harmless(body: bytes) -> bool:
    """Whether it is XML that defines nothing."""
    try:
        root_element(body)
    except Malformed:
        return False
    return True


def _middle(sent: datetime, received: datetime) -> datetime:
    return sent + (received - sent) / 2


def _call(model: Any) -> str:
    return f"{model.service_model.service_id.hyphenize()}:{model.name}"


def _subject(request: Any) -> str:
    prefix = (request.params or {}).get("prefix") if isinstance(request.params, dict) else None
    return unquote(urlsplit(request.url).path, errors="surrogateescape") + (f"?prefix={prefix}" if prefix else "")
