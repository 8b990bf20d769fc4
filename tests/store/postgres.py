"""A real PostgreSQL on loopback, for as long as a `with` lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

OTHER_FOLDERS = tuple(str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
"""Where Debian keeps the server's programs: not on the path."""
_PASSWORD = "s3cret-of-the-test"


def program(name: str) -> str:
    """Where a program of PostgreSQL lies."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(OTHER_FOLDERS)) or name


class Postgres:
    """One server. `new_database` makes an empty database in it."""

    password = _PASSWORD

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = count(1)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql+psycopg://drcheck:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection past the store, to look at it or to get in its way."""
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=drcheck password={_PASSWORD} dbname={database}", autocommit=True)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"store{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)


@contextmanager
def running() -> Iterator[Postgres]:
    """A server of its own, ended with the `with`. PostgreSQL refuses to run as root: then it runs as another user, who owns its folder."""
    user = _unprivileged() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="drcheck-pg-", dir=_fast_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "password").write_text(_PASSWORD)
        home = folder / "cluster"
        home.mkdir(mode=0o700)
        if user is not None:
            for path in (folder, home, folder / "password"):
                os.chown(path, user, user)
        subprocess.run(
            [
                program("initdb"),
                "-D",
                home,
                "-U",
                "drcheck",
                "-A",
                "scram-sha-256",
                f"--pwfile={folder / 'password'}",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
            check=True,
            capture_output=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            cwd=folder,
        )
        port = _free_port()
        with (folder / "log").open("wb") as log:
            # fsync off: the machine is not going to lose its power on purpose here.
            server = subprocess.Popen(
                [program("postgres"), "-D", home, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off", "-c", "max_connections=30"],
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                cwd=folder,
            )
        try:
            postgres = Postgres(port)
            _wait(postgres, server, folder / "log")
            yield postgres
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nobody needs what is in it
            server.wait(30)


def _wait(postgres: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            postgres.connect().close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return


def _fast_folder() -> str | None:
    """Memory, where it can be written to as if it were a disk: every database is a thousand files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _unprivileged() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("no user to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
