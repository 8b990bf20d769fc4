"""The rigs of the S3 connector: a bucket on SeaweedFS, and one on moto."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector
from drcheck.connectors.s3 import S3Connector, S3Options
from drcheck.errors import NoCredentials
from drcheck.secrets import Secret
from tests.connectors.rig import LARGE_TAIL, MIB, NOT_UTF8, Rig
from tests.connectors.s3_faults import certificate, denied, proxy, silent
from tests.connectors.seaweed import ADMIN, ONLY_READ, READER, Account, writer

_PART = 64 * MIB


def s3_connector(endpoint: str, bucket: str, account: Account = READER, *, seconds: float | None = 30.0, **options: Any) -> S3Connector:
    """A connector to one bucket, not opened, that signs as `account` unless `options` say otherwise."""
    given: dict[str, Any] = {
        "endpoint": endpoint,
        "bucket": bucket,
        "region": "us-east-1",
        "access_key": f"env:{account.access_key}",
        "secret_key": f"env:{account.secret_key}",
    }
    parsed = S3Options.model_validate({key: value for key, value in {**given, **options}.items() if value is not None})
    return S3Connector(parsed, secrets=resolve, deadline=Deadline(seconds), calls=CallLog("test"))


def new_bucket(endpoint: str, **options: Any) -> tuple[Any, str]:
    """A new bucket, and a client that may write to it."""
    client, name = writer(endpoint), f"b-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name, **options)
    return client, name


def resolve(reference: str) -> Secret:
    """In these tests a reference holds its secret itself; what is called `missing` cannot be resolved."""
    name = reference.partition(":")[2]
    if name == "missing":
        raise NoCredentials(f"{reference}: the environment variable is not set")
    return Secret(name, reference)


class S3Rig(Rig):
    """What both servers have in common."""

    flat = True
    account = ADMIN
    """That the tests may write, and the connector does not, is part of what is tried."""

    def __init__(self, endpoint: str, bucket: str, folder: Path) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.bucket = bucket
        self.client = writer(endpoint)
        self._folder = folder
        self._numbered = itertools.count(1)
        self._until_closed = ExitStack()
        self.client.create_bucket(Bucket=bucket)

    def close(self) -> None:
        """End every server that a test asked for."""
        self._until_closed.close()

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def put_large(self, key: str, size: int) -> None:
        self.put("zeros", bytes(_PART))
        upload = self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        whole, rest = divmod(size - len(LARGE_TAIL), _PART)

        def copy(number: int) -> dict[str, Any]:
            copied = self.client.upload_part_copy(
                Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, CopySource={"Bucket": self.bucket, "Key": "zeros"}
            )
            return {"ETag": copied["CopyPartResult"]["ETag"], "PartNumber": number}

        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(copy, range(1, whole + 1)))
        last = self.client.upload_part(Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=whole + 1, Body=bytes(rest) + LARGE_TAIL)
        parts.append({"ETag": last["ETag"], "PartNumber": whole + 1})
        self.client.complete_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def archive(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content, StorageClass="DEEP_ARCHIVE")

    def connector(self, *, seconds: float | None = 30.0, **options: Any) -> Connector:
        return s3_connector(bucket=self.bucket, account=self.account, seconds=seconds, **{"endpoint": self.endpoint, **options})

    def snapshot(self) -> object:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        objects = [(found["Key"], found["Size"], found["ETag"], found["LastModified"]) for page in pages for found in page.get("Contents", ())]
        uploads = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads")
        return objects, uploads, self.client.get_bucket_versioning(Bucket=self.bucket).get("Status")

    @contextmanager
    def deny_listing(self, folder: str) -> Iterator[Connector]:
        refuse = denied(lambda asked: asked.lists and (f"{folder}/".startswith(asked.query["prefix"]) or asked.query["prefix"].startswith(folder)))
        with proxy(self.endpoint, refuse) as url:
            yield self.connector(endpoint=url)

    @contextmanager
    def deny_reading(self, key: str) -> Iterator[Connector]:
        with proxy(self.endpoint, denied(lambda asked: asked.key == key and not asked.lists)) as url:
            yield self.connector(endpoint=url)

    def unreachable(self) -> Connector:
        with silent() as url:
            pass  # nobody listens there any more
        return self.connector(endpoint=url, seconds=5.0)

    def hanging(self, seconds: float) -> Connector:
        return self.connector(endpoint=self._lasting(silent()), seconds=seconds)

    def cut_off(self, key: str) -> Connector:
        return self.connector(endpoint=self._lasting(proxy(self.endpoint, cut=key)))

    def wrong_credentials(self) -> Connector:
        return self.connector(secret_key="env:not-the-secret")

    def unresolvable_credentials(self) -> Connector:
        return self.connector(secret_key="env:missing")

    def impostor(self) -> Connector:
        number = next(self._numbered)
        trusted, _ = certificate(self._folder, f"trusted-{number}")
        _, other = certificate(self._folder, f"other-{number}")
        return self.connector(endpoint=self._lasting(proxy(self.endpoint, tls=other)), ca_bundle=str(trusted))

    def skewed(self, seconds: float) -> Connector:
        return self.connector(endpoint=self._lasting(proxy(self.endpoint, skew=seconds)))

    def _lasting(self, server: AbstractContextManager[str]) -> str:
        return self._until_closed.enter_context(server)


_NO_PATH = "SeaweedFS keeps keys as paths"


class SeaweedRig(S3Rig):
    """A bucket on SeaweedFS, with its own access control."""

    cannot_hold: ClassVar[Mapping[str, str]] = {
        "back\\slash": "SeaweedFS makes a slash of a backslash",
        "..\\up": "SeaweedFS makes a slash of a backslash",
        NOT_UTF8: "keys are UTF-8 in S3",
        "../up": _NO_PATH,
        "folder/../up": _NO_PATH,
        "./here": _NO_PATH,
        "double//slash": _NO_PATH,
        "folder/.": _NO_PATH,
        "..": _NO_PATH,
    }
    flat = False

    def put_many(self, folder: str, count: int) -> None:
        address = urlsplit(self.endpoint)

        def fill(first: int) -> None:
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
            for number in range(first, count, 4):
                connection.request("PUT", f"/{self.bucket}/{folder}/object-{number:05d}", b"%d" % number)
                response = connection.getresponse()
                response.read()
                assert response.status == 200, response.status
            connection.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(fill, range(4)))

    @contextmanager
    def deny_listing(self, folder: str) -> Iterator[Connector]:
        yield s3_connector(self.endpoint, self.bucket, ONLY_READ)

    @contextmanager
    def deny_reading(self, key: str) -> Iterator[Connector]:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/{key}"}
        self.client.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
        try:
            yield s3_connector(self.endpoint, self.bucket, READER)
        finally:
            self.client.delete_bucket_policy(Bucket=self.bucket)


class MotoRig(S3Rig):
    """A bucket on moto, which lets everybody do everything."""

    cannot_hold: ClassVar[Mapping[str, str]] = {
        "line\nend": "moto finds no route for it",
        NOT_UTF8: "keys are UTF-8 in S3",
    }

    def put_many(self, folder: str, count: int) -> None:
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for number in range(count):
            backend.put_object(self.bucket, f"{folder}/object-{number:05d}", b"%d" % number)
