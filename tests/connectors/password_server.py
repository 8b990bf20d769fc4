"""
An SSH server that lets a password in, on loopback: sshd checks passwords of the machine's own accounts only, and a test must not make one.

Behind it is the SFTP server of `odd_sftp_server.py`, so what is read went through a real login, a real channel and a real pipe.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

ODD = Path(__file__).with_name("odd_sftp_server.py")


class PasswordServer:
    """
    Lets `user` in with `password`; with `methods` of its own it asks for more or for something else.

    Attributes:
        port: where it listens, on 127.0.0.1.
        tried: the methods that clients tried, in order.
    """

    def __init__(self, password: str, *, methods: str = "password", enough: bool = True) -> None:
        self.password = password
        self.methods = methods
        self.enough = enough
        self.tried: list[str] = []
        self._key = paramiko.RSAKey.generate(2048)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._transports: list[paramiko.Transport] = []
        self._programs: list[subprocess.Popen[bytes]] = []
        self.port = int(self._listener.getsockname()[1])

    def options(self, **more: Any) -> dict[str, Any]:
        """What an estate says to reach it."""
        return {"host": "127.0.0.1", "port": self.port, "user": "auditor", "root": "/", "host_key": self._key.fingerprint, **more}

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for transport in self._transports:
            transport.close()
        for program in self._programs:
            program.kill()
            for pipe in (program.stdin, program.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            program.wait()

    def serve(self, channel: paramiko.Channel) -> None:
        """Put an SFTP server behind a channel."""
        program = subprocess.Popen([sys.executable, str(ODD), "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._programs.append(program)
        threading.Thread(target=self._in, args=(channel, program), daemon=True).start()
        threading.Thread(target=self._out, args=(channel, program), daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while True:
                connection, _ = self._listener.accept()
                transport = paramiko.Transport(connection)
                transport.add_server_key(self._key)
                transport.start_server(server=_Door(self))
                self._transports.append(transport)

    def _in(self, channel: paramiko.Channel, program: subprocess.Popen[bytes]) -> None:
        assert program.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := channel.recv(65536):
                program.stdin.write(piece)

    def _out(self, channel: paramiko.Channel, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := program.stdout.read(65536):
                channel.sendall(piece)


class _Door(paramiko.ServerInterface):
    def __init__(self, server: PasswordServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return self._server.methods

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.tried.append("password")
        if "password" not in self._server.methods or (username, password) != ("auditor", self._server.password):
            return AUTH_FAILED
        return AUTH_SUCCESSFUL if self._server.enough else AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> int:
        self._server.tried.append("keyboard-interactive")
        return AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.tried.append("publickey")
        return AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        if name != "sftp":
            return False
        self._server.serve(channel)
        return True
