"""
One client at work, in a process of its own: `python -m benchmarks.s3_client WHAT URL`. Prints how many and the seconds, without the start.

What they do: `list` is drcheck's listing, `merge` the same merged with the store that is named, `list-boto3` boto3's paginator; `small-boto3` reads
and hashes the objects of the bucket `small` with boto3 and 8 threads, as many as are named; `large-boto3` and `large-socket` read and hash the one of
the bucket `large`.
"""

from __future__ import annotations

import gc
import hashlib
import json
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from benchmarks.s3_server import SMALL, key
from drcheck.cli.session import GARBAGE
from drcheck.clock import Deadline, monotonic, now
from drcheck.connectors.base import CallLog
from drcheck.connectors.s3 import S3Connector, S3Options
from drcheck.formats.mirror import MirrorFormat, MirrorOptions
from drcheck.secrets import Secret
from drcheck.store import open_store
from drcheck.verify.sightings import Declared, Sightings

THREADS = 8
_CHUNK = 2**20


def boto3s(url: str) -> Any:
    """A client as a careful user makes it."""
    config = Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS, response_checksum_validation="when_required")
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s", config=config)


def opened(url: str) -> S3Connector:
    """drcheck's connector to the small objects."""
    options = S3Options.model_validate({"endpoint": url, "bucket": "small", "region": "us-east-1", "access_key": "env:K", "secret_key": "env:S"})
    return S3Connector(options, secrets=partial(Secret, "s"), deadline=Deadline(None), calls=CallLog("bench"))


def listed(url: str) -> int:
    """How many objects drcheck lists."""
    gc.set_threshold(GARBAGE)  # as every run of drcheck does
    with opened(url) as connector:
        return sum(1 for _ in connector.list())


def merged(url: str, file: str) -> int:
    """How many objects drcheck lists and finds to be as they were, or new; the listing is then kept."""
    estate = Declared(path="", immutable=False, retention=None, before={}, there=frozenset())
    layout = MirrorFormat(MirrorOptions())
    gc.set_threshold(GARBAGE)  # as every run of drcheck does
    with open_store(file) as store, opened(url) as connector:
        sightings = Sightings(store.objects("bench", "files@place"), estate, now())
        return sum(1 for _ in sightings.each(layout.objects(connector, "")))


def listed_by_boto3(url: str) -> int:
    """How many objects boto3's paginator gives."""
    return sum(len(page["Contents"]) for page in boto3s(url).get_paginator("list_objects_v2").paginate(Bucket="small"))


def read_by_boto3(url: str, count: int) -> int:
    """How many of the small objects have the right digest."""
    client, expected = boto3s(url), hashlib.sha256(SMALL).hexdigest()

    def read(number: int) -> bool:
        body = client.get_object(Bucket="small", Key=key(number))["Body"].read()
        return hashlib.sha256(body).hexdigest() == expected

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(read, range(count)))


def large_by_boto3(url: str) -> int:
    """The bytes of the large object, hashed."""
    body, digest, size = boto3s(url).get_object(Bucket="large", Key="large")["Body"], hashlib.sha256(), 0
    while chunk := body.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size


def large_by_socket(url: str) -> int:
    """The same over a socket, with nothing between."""
    parts, digest, buffer = urlsplit(url), hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as line:
        line.sendall(f"GET /large/large HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(4096)
        head, _, body = head.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        digest.update(body)
        size = len(body)
        while size < length:
            count = line.recv_into(buffer)
            digest.update(buffer[:count])
            size += count
    return size


def main() -> None:
    """Do what the command line says."""
    what, url, *rest = sys.argv[1:]
    work: dict[str, Callable[[], int]] = {
        "list": partial(listed, url),
        "merge": lambda: merged(url, *rest),
        "list-boto3": partial(listed_by_boto3, url),
        "small-boto3": lambda: read_by_boto3(url, int(rest[0])),
        "large-boto3": partial(large_by_boto3, url),
        "large-socket": partial(large_by_socket, url),
    }
    begun = monotonic()
    count = work[what]()
    print(json.dumps({"count": count, "seconds": monotonic() - begun}))


if __name__ == "__main__":
    main()
