"""Two real servers on loopback for the demo: an SFTP server (paramiko's server side) and an S3 server (moto). Both end with the process."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_PERMISSION_DENIED

from drcheck.errors import ConfigError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

USER = "drcheck"


class _Login(paramiko.ServerInterface):
    """Lets one user in by password, to SFTP only."""

    def __init__(self, password: str) -> None:
        self._password = password

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == (USER, self._password) else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _ReadOnlyFolder(paramiko.SFTPServerInterface):
    """A folder that can be listed and read, and nothing else."""

    def __init__(self, server: paramiko.ServerInterface, *args: object, root: Path, **kwargs: object) -> None:
        super().__init__(server, *args, **kwargs)
        self._root = root.resolve()

    def _local(self, path: str) -> Path:
        return self._root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            return [paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name) for entry in os.scandir(self._local(path))]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        return self.lstat(path)

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._local(path).lstat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:  # noqa: ARG002 - paramiko's signature
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            return SFTP_PERMISSION_DENIED
        try:
            handle = _OpenFile(flags)
            handle.readfile = self._local(path).open("rb")  # type: ignore[attr-defined]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return handle


class _OpenFile(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes | int:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))  # type: ignore[attr-defined]


class SftpServer:
    """
    An SFTP server on a free loopback port that serves one folder, read-only.

    Attributes:
        port: where it listens.
        fingerprint: its host key's, as `SHA256:…`.
    """

    def __init__(self, root: Path, password: str) -> None:
        # ECDSA because paramiko can make such a key itself; it is thrown away with the process.
        self._key = paramiko.ECDSAKey.generate()
        self.fingerprint = self._key.fingerprint
        self._root = root
        self._password = password
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, name="demo-sftp", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _ReadOnlyFolder, root=self._root)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Login(self._password))

    def stop(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """
    The address of an S3 server on a free loopback port.

    Raises:
        ConfigError: the extra `demo` is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        raise ConfigError("the demo needs an S3 server of its own; run: pip install 'drcheck[demo]'") from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(endpoint: str, access_key: str, secret_key: str) -> S3Client:
    """A client with which the demo fills its own bucket."""
    import boto3

    return boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-2", aws_access_key_id=access_key, aws_secret_access_key=secret_key)


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
