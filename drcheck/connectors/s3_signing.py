"""
Asking for objects exactly as boto3 would, without its cost: the address, the fixed headers and the signature (AWS Signature Version 4) of a GET.

Nothing here is configured: boto3 resolves the endpoint, style, region and credentials, and one request that it sent is the pattern for those that
are sent without it. The signature of that request is computed again here; where it comes out differently, nothing is sent but through boto3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

from drcheck.clock import now

_ALGORITHM = "AWS4-HMAC-SHA256"
_END = "aws4_request"
# Headers that every request of ours repeats, where boto3's had them.
_REPEATED = ("x-amz-content-sha256", "x-amz-expected-bucket-owner")


@dataclass(frozen=True, slots=True)
class _Scope:
    """For what a signature counts."""

    region: str
    service: str

    def key(self, secret: str, day: str) -> bytes:
        """The key of one day (`20260301`, UTC)."""
        key = b"AWS4" + secret.encode()
        for part in (day, self.region, self.service, _END):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def signature(self, key: bytes, moment: str, path: str, query: str, signed: Mapping[str, str], body: str) -> str:
        """The signature of a GET; `signed` holds lower-case names in order, `moment` is written `20260301T021000Z`."""
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = f"GET\n{path}\n{query}\n{lines}\n{';'.join(signed)}\n{body}"
        text = f"{_ALGORITHM}\n{moment}\n{moment[:8]}/{self.region}/{self.service}/{_END}\n{hashlib.sha256(request.encode()).hexdigest()}"
        return hmac.digest(key, text.encode(), "sha256").hex()


class Pattern:
    """
    How one bucket's objects are asked for.

    Attributes:
        url: scheme, host and port of the server, as boto3 asked it.
    """

    def __init__(self, url: str, base: str, fixed: Mapping[str, str], agent: str, scope: _Scope | None, credentials: Any) -> None:
        parts = urlsplit(url)
        self.url = url
        self._base = base
        self._host = _host(parts.scheme, parts.netloc)
        self._fixed = dict(fixed)
        self._agent = agent
        self._scope = scope
        self._credentials = credentials
        # One tuple, so that threads see all of it or none.
        self._key: tuple[str, str, bytes] = ("", "", b"")

    @classmethod
    def learn(cls, url: str, headers: Mapping[str, str], credentials: Any) -> Self | None:
        """
        The pattern of a listing that boto3 sent, signed with `credentials` (None: anonymous), or None where it is not signed as we can sign.

        Raises whatever boto3 raises while it renews credentials.
        """
        parts = urlsplit(url)
        sent = {name.lower(): value if isinstance(value, str) else bytes(value).decode("latin-1") for name, value in headers.items()}
        fixed = {name: sent[name] for name in _REPEATED if name in sent}
        authorization = sent.get("authorization", "")
        scope = None
        if credentials is not None:
            scope = _scope(authorization)
            if scope is None or not _same_signature(scope, authorization, url, sent, credentials):
                return None
        elif authorization:
            return None
        base = parts.path.rstrip("/")
        return cls(f"{parts.scheme}://{parts.netloc}", base, fixed, sent.get("user-agent", "drcheck"), scope, credentials)

    def path(self, key: str) -> str:
        """The path of the object in a request. Raises UnicodeEncodeError for a key that is not UTF-8."""
        return f"{self._base}/{quote(key, safe='/~')}"

    def request(self, path: str, etag: str, span: str = "") -> bytes:
        """
        The bytes that ask for the object at `path` if it still has this ETag (with its quotes), or for a `span` of it such as `bytes=0-99`.

        Raises whatever boto3 raises while it renews credentials.
        """
        signed = {"host": self._host, "if-match": etag}
        if span:
            signed["range"] = span
        signed.update(self._fixed)
        if self._scope is not None:
            self._sign(signed, path)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        return f"GET {path} HTTP/1.1\r\n{lines}user-agent: {self._agent}\r\naccept-encoding: identity\r\n\r\n".encode("latin-1")

    def _sign(self, headers: dict[str, str], path: str) -> None:
        scope = self._scope
        assert scope is not None
        frozen = self._credentials.get_frozen_credentials()
        moment = now().strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        known = self._key
        if known[:2] != (frozen.secret_key, day):
            known = self._key = (frozen.secret_key, day, scope.key(frozen.secret_key, day))
        headers["x-amz-date"] = moment
        if frozen.token:
            headers["x-amz-security-token"] = frozen.token
        in_order = dict(sorted(headers.items()))
        signature = scope.signature(known[2], moment, path, "", in_order, headers.get("x-amz-content-sha256", ""))
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={frozen.access_key}/{day}/{scope.region}/{scope.service}/{_END}, "
            f"SignedHeaders={';'.join(in_order)}, Signature={signature}"
        )


def _parts(authorization: str) -> dict[str, str]:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != _ALGORITHM:
        return {}
    return dict(part.strip().partition("=")[::2] for part in rest.split(","))


def _scope(authorization: str) -> _Scope | None:
    scope = _parts(authorization).get("Credential", "").split("/")[-4:]
    return _Scope(scope[1], scope[2]) if len(scope) == 4 and scope[3] == _END else None


def _same_signature(scope: _Scope, authorization: str, url: str, sent: Mapping[str, str], credentials: Any) -> bool:
    said, parts = _parts(authorization), urlsplit(url)
    moment = sent.get("x-amz-date", "")
    names = said.get("SignedHeaders", "").split(";")
    known = {**sent, "host": _host(parts.scheme, parts.netloc)}
    if not moment or any(name not in known for name in names):
        return False
    query = "&".join(sorted(parts.query.split("&")))
    key = scope.key(credentials.get_frozen_credentials().secret_key, moment[:8])
    ours = scope.signature(
        key, moment, parts.path or "/", query, {name: known[name].strip() for name in names}, known.get("x-amz-content-sha256", "")
    )
    return hmac.compare_digest(ours, said.get("Signature", ""))


def _host(scheme: str, place: str) -> str:
    """The `Host` of a request: without the port that goes without saying."""
    return place.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
