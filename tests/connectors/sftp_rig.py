"""The rig of the SFTP connector: a folder that a real sshd serves, and the ways in which a server misbehaves."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector
from drcheck.connectors.sftp import SftpConnector
from drcheck.connectors.sftp_options import SftpOptions
from drcheck.secrets import resolve
from tests.connectors.rig import CLIMBING, LARGE_TAIL, MIB, Rig
from tests.connectors.sshd import SshServer, free_port, make_key
from tests.connectors.wires import SilentServer, Wire


def connector_of(server: SshServer, *, seconds: float | None = 30.0, **options: Any) -> SftpConnector:
    """A connector to what the server serves, not opened."""
    wanted = SftpOptions.model_validate(server.options(**options))
    return SftpConnector(wanted, secrets=resolve, deadline=Deadline(seconds), calls=CallLog("test"))


def snapshot(root: Path) -> dict[bytes, object]:
    """Everything below a folder that reading must not change: all but access times."""
    seen: dict[bytes, object] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in [b".", *folders, *files]:
            path = os.path.join(folder, name)
            found = os.lstat(path)
            digest = b""
            if stat.S_ISREG(found.st_mode) and found.st_size < MIB:
                digest = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).digest()
            seen[path] = (found.st_mode, found.st_uid, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns, digest)
    return seen


class SftpRig(Rig):
    """A folder that a real sshd serves."""

    cannot_hold = dict.fromkeys(CLIMBING, "the server takes such parts as a way, not as a name")

    def __init__(self, server: SshServer, held: ExitStack) -> None:
        super().__init__()
        self.server = server
        self._held = held

    def path(self, key: str) -> Path:
        return self.server.root / key

    def put(self, key: str, content: bytes) -> None:
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        self.path(key).write_bytes(content)

    def put_large(self, key: str, size: int) -> None:
        self.put(key, b"")
        with self.path(key).open("r+b") as file:
            file.truncate(size)
            file.seek(size - len(LARGE_TAIL))
            file.write(LARGE_TAIL)

    def put_many(self, folder: str, count: int) -> None:
        self.path(folder).mkdir()
        for number in range(count):
            os.close(os.open(self.path(f"{folder}/object-{number:05d}"), os.O_CREAT | os.O_WRONLY))

    def remove(self, key: str) -> None:
        self.path(key).unlink()

    def link(self, key: str, target: str) -> None:
        self.path(key).symlink_to(target)

    def pipe(self, key: str) -> None:
        os.mkfifo(self.path(key))

    def connector(self, *, seconds: float | None = 30.0, **options: Any) -> Connector:
        return connector_of(self.server, seconds=seconds, **options)

    def snapshot(self) -> object:
        return snapshot(self.server.root)

    @contextmanager
    def deny_listing(self, folder: str) -> Iterator[Connector]:
        with self._mode(folder, 0o311):
            yield self.connector()

    @contextmanager
    def deny_reading(self, key: str) -> Iterator[Connector]:
        with self._mode(key, 0o000):
            yield self.connector()

    def unreachable(self) -> Connector:
        return self.connector(port=free_port(), seconds=5)

    def hanging(self, seconds: float) -> Connector:
        return self.connector(port=self._held.enter_context(SilentServer()).port, seconds=seconds)

    def cut_off(self, key: str) -> Connector:
        return self.connector(port=self._held.enter_context(Wire(self.server.port, limit=2 * MIB)).port)

    def wrong_credentials(self) -> Connector:
        key = self.server.folder / "stranger"
        return self.connector(key_file=str(key if key.exists() else make_key(key)))

    def unresolvable_credentials(self) -> Connector:
        return self.connector(key_file=None, password="env:DRCHECK_TEST_NOT_SET")

    def impostor(self) -> Connector:
        return self.connector(host_key="SHA256:" + "A" * 43)

    @contextmanager
    def _mode(self, key: str, mode: int) -> Iterator[None]:
        before = self.path(key).stat().st_mode & 0o777
        self.path(key).chmod(mode)
        try:
            yield
        finally:
            self.path(key).chmod(before)
