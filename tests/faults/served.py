"""The healthy estate with copies at real servers: a folder that sshd serves, and a bucket under object lock."""

from __future__ import annotations

import itertools
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.clock import now as clock_now
from tests.connectors.seaweed import READER, writer
from tests.connectors.sshd import SshServer
from tests.faults import trees
from tests.faults.healthy import FIRST_LOOK, POINTS, SYSTEMS, Place, local_place
from tests.faults.trees import DUMP
from tests.faults.zoo import Turned, unknown

PRESENT = clock_now().replace(microsecond=0) + timedelta(hours=1)
"""The moment that is judged where a server gives objects the time at which a test wrote them: they are then an hour old."""
_NUMBERS = itertools.count(1)


def sftp_place(folder: Path, server: SshServer) -> Place:
    """The local estate, with its archive served by sshd. Files below `archive` are what the server serves."""
    place = local_place(folder)
    place.target("archive").update(connector="sftp", options=server.options(root=str(folder / "archive")))
    return place


class Bucket:
    """
    One bucket, with the right to write to it.

    Attributes:
        client: a boto3 client that may do everything.
    """

    def __init__(self, endpoint: str, name: str) -> None:
        self.endpoint = endpoint
        self.name = name
        self.client: Any = writer(endpoint)

    def put(self, key: str, content: bytes, *, mode: str | None = "COMPLIANCE", until: datetime | None = None, **more: Any) -> None:
        """Make an object, locked unless `mode` is None."""
        lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until or PRESENT + timedelta(days=30)} if mode else {}
        self.client.put_object(Bucket=self.name, Key=key, Body=content, **lock, **more)

    def content(self, key: str) -> bytes:
        """What an object holds."""
        found: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return found

    def remove(self, key: str) -> None:
        """Hide an object: its locked versions stay."""
        self.client.delete_object(Bucket=self.name, Key=key)


class BucketPlace(Place):
    """
    Three systems with copies in two places and in a bucket whose objects are locked, and in a vault that is away.

    What imaging held thirty days ago can be had from the bucket's old versions only. Given a server, the archive is served by it and no longer
    rehearsed: devices are then those that are seen.

    Attributes:
        bucket: where the copies of the target `cloud` lie.
    """

    def __init__(self, folder: Path, endpoint: str, server: SshServer | None = None) -> None:
        super().__init__(folder, now=PRESENT)
        self.bucket = Bucket(endpoint, f"zoo-{os.getpid()}-{next(_NUMBERS)}")
        keys = {"access_key": self.secret("access-key", READER.access_key), "secret_key": self.secret("secret-key", READER.secret_key)}
        cloud = {"endpoint": endpoint, "bucket": self.bucket.name, "region": "us-east-1", "style": "path", **keys}
        archive = {"root": "archive"} if server is None else server.options(root=str(folder / "archive"))
        self.document["rehearsal"] = server is None
        self._declare("onsite", "north", "local", {"root": "onsite"})
        self._declare("archive", "archive", "local" if server is None else "sftp", archive, role="off-site")
        self._declare("cloud", "cloud", "s3", cloud, medium="object-storage", role="off-site", immutable=True)
        self.copy("record@cloud")["manifest"] = {"path": "manifests/record.sha256"}
        self.waivers += [
            {
                "policy": "uk-nhse-backup-policy",
                "control": FIRST_LOOK,
                "subject": f"{system}@cloud",
                "owner": "CIO",
                "reason": "looked at for the first time",
                "until": (self.now + timedelta(days=90)).date(),
            }
            for system in POINTS
        ]
        many, few = trees.nights(self.newest, weeks=9), trees.nights(self.newest, weeks=0)
        mirror = trees.imaging(self.newest)
        for target, moments in (("onsite", many), ("archive", few)):
            self.write(target, "record", trees.record(moments))
            self.write(target, "laboratory", trees.laboratory(moments))
            self.write(target, "imaging", mirror)
        self.bucket.client.create_bucket(Bucket=self.bucket.name, ObjectLockEnabledForBucket=True)
        record = {name: content for name, content in trees.record(few).items() if name.endswith(".dump")}
        self.path("manifests").mkdir()
        self.path("manifests", "record.sha256").write_bytes(trees.sums(record))
        for system, tree in {"record": record, "laboratory": trees.laboratory(few), "imaging": mirror}.items():
            for name, content in tree.items():
                self.bucket.put(f"{system}/{name}", content)

    def dump_key(self, days: int = 0) -> str:
        """The key of a dump in the bucket."""
        return f"record/{self.newest - timedelta(days=days):{DUMP}}"

    def _declare(self, name: str, site: str, connector: str, options: dict[str, Any], *, role: str = "primary", **more: Any) -> None:
        target = {"id": name, "connector": connector, "site": site, "device": f"storage-{name}", "medium": "disk", "options": options, **more}
        self.declare(target, *(self.copy_at(name, system, role=role) for system in SYSTEMS))


def nothing_known_of(target: str, says: str, *, systems: tuple[str, ...] = SYSTEMS) -> tuple[Turned, ...]:
    """What is unknown where copies at an off-site target could not be listed: the copies themselves, and whether there is a third place."""
    checks = ("backup.recency", "backup.completeness", "integrity.checksums")
    copies = [unknown(check, f"{system}@{target}", says) for system in systems for check in checks]
    return (*copies, *(unknown("NHSE-BP-1.places", system, target) for system in systems))
