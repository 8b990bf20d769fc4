"""A folder to try the local connector on."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.secrets import resolve
from tests.connectors.contract import CLIMBING, LARGE_TAIL, Rig

NOBODY = 65534
ROOT = os.geteuid() == 0


class LocalRig(Rig):
    """A folder below the system's temporary one: an unprivileged user must be able to reach it."""

    cannot_hold = dict.fromkeys(CLIMBING, "the system takes such parts as a way, not as a name")

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def path(self, key: str) -> bytes:
        return os.fsencode(self.root) + b"/" + key.encode("utf-8", "surrogateescape")

    def put(self, key: str, content: bytes) -> None:
        path = self.path(key)
        Path(os.fsdecode(path)).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def put_large(self, key: str, size: int) -> None:
        self.put(key, b"")
        with open(self.path(key), "r+b") as file:
            file.truncate(size)
            file.seek(size - len(LARGE_TAIL))
            file.write(LARGE_TAIL)

    def put_many(self, folder: str, count: int) -> None:
        Path(os.fsdecode(self.path(folder))).mkdir()
        for number in range(count):
            os.close(os.open(self.path(f"{folder}/object-{number:05d}"), os.O_CREAT | os.O_WRONLY))

    def remove(self, key: str) -> None:
        os.unlink(self.path(key))

    def link(self, key: str, target: str) -> None:
        os.symlink(target, self.path(key))

    def pipe(self, key: str) -> None:
        os.mkfifo(self.path(key))

    def connector(self, *, seconds: float | None = 30.0, **options: Any) -> Connector:
        return connect(options.pop("root", self.root), seconds=seconds, **options)

    def snapshot(self) -> object:
        seen = {}
        for folder, folders, files in os.walk(os.fsencode(self.root)):
            for name in [b".", *folders, *files]:
                path = os.path.join(folder, name)
                found = os.lstat(path)
                small = path[-1:] != b"." and found.st_size < 2**20 and os.path.isfile(path) and not os.path.islink(path)
                seen[path] = (
                    found.st_mode,
                    found.st_uid,
                    found.st_nlink,
                    found.st_size,
                    found.st_mtime_ns,
                    found.st_ctime_ns,
                    hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest() if small else "",
                )
        return seen

    @contextmanager
    def deny_listing(self, folder: str) -> Iterator[Connector]:
        with self.as_nobody(folder, 0o311):
            yield self.connector()

    @contextmanager
    def deny_reading(self, key: str) -> Iterator[Connector]:
        with self.as_nobody(key, 0o000):
            yield self.connector()

    def unreachable(self) -> Connector:
        return self.connector(root=self.root / "absent", seconds=5)

    @contextmanager
    def as_nobody(self, key: str, mode: int) -> Iterator[None]:
        before = os.stat(self.path(key)).st_mode & 0o777
        os.chmod(self.path(key), mode)
        try:
            if ROOT:
                os.seteuid(NOBODY)
            yield
        finally:
            if ROOT:
                os.seteuid(0)
            os.chmod(self.path(key), before)


def connect(root: Path, *, seconds: float | None = 30.0, calls: CallLog | None = None, **options: Any) -> LocalConnector:
    parsed = LocalOptions(root=root, **options)
    return LocalConnector(parsed, secrets=resolve, deadline=Deadline(seconds), calls=calls or CallLog("test"))


@contextmanager
def local_rig() -> Iterator[LocalRig]:
    """A rig whose folder is removed at the end; a file that must never be read lies beside its root."""
    umask = os.umask(0o022)
    root = Path(tempfile.mkdtemp(prefix="drcheck-local-"))
    try:
        root.chmod(0o755)
        (root / "place").mkdir()
        (root / "outside").write_bytes(b"never to be read")
        yield LocalRig(root / "place")
    finally:
        os.umask(umask)
        shutil.rmtree(root)
