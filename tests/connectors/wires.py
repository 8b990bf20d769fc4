"""Connections that go wrong on loopback: a place that accepts and never speaks, and a wire that is cut or goes dead half-way."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self


class SilentServer:
    """Accepts every connection on 127.0.0.1:`port` and never says a word."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening. The system had accepted the connections by itself; they end now."""
        self._listener.close()


class Wire:
    """
    Carries connections on 127.0.0.1:`port` to another port there; after `limit` bytes from the server it is cut, or goes `dead` and carries
    nothing more. `limit` can be set at any time: it counts the bytes of all connections from then on. After each piece from the server it rests
    for `pause` seconds, which makes it slow.

    Attributes:
        carried: bytes from the server so far.
    """

    def __init__(self, to: int, *, limit: int | None = None, dead: bool = False, pause: float = 0.0) -> None:
        self._to = to
        self._pause = pause
        self._limit = limit
        self._dead = dead
        self.carried = 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Cut everything and stop listening."""
        for end in [self._listener, *self._sockets]:
            _end(end)

    def limit(self, count: int) -> None:
        """Carry this many more bytes from the server."""
        self._limit = count

    def pause(self, seconds: float) -> None:
        """Rest for so long after each piece from the server from now on."""
        self._pause = seconds

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to), timeout=10)
            except OSError:
                _end(client)
                continue
            server.settimeout(None)
            self._sockets += [client, server]
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(16 * 1024):
                if counted and self._limit is not None:
                    piece = piece[: self._limit]
                    self._limit -= len(piece)
                if counted:
                    self.carried += len(piece)
                if piece:
                    sink.sendall(piece)
                if counted and self._pause:
                    time.sleep(self._pause)
                if counted and self._limit == 0:
                    if self._dead:
                        return
                    break
        _end(source)
        _end(sink)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
