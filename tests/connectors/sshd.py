"""A real OpenSSH server on loopback, for as long as a `with` lasts, with its own keys and configuration in a folder of the test."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SSHD = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin") or "sshd"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(file: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key pair, its private half at `file`, with the real ssh-keygen."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", f"test-{file.name}", "-f", str(file)], check=True, stdin=subprocess.DEVNULL
    )
    return file


def fingerprint_of(key: Path) -> str:
    """The SHA-256 fingerprint of a key, as the real ssh-keygen tells it."""
    shown = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(key)], check=True, capture_output=True, text=True).stdout
    return shown.split()[1]


class SshServer:
    """
    One sshd. Run by root it serves root, without root's right to pass over file modes, so that a denied file is denied; run by anybody else it
    serves that user.

    Attributes:
        port: where it listens, on 127.0.0.1.
        user: who can log in.
        root: a folder to serve files from.
        client_key: the private key that is let in.
        host_key: its private host key; `host_key_fingerprint` and `host_key_line` are how it is pinned.
        known_hosts: a file that pins it.
        authority: the key whose user certificates are accepted.
        log: what sshd said.
    """

    def __init__(
        self, folder: Path, *, root: Path | None = None, sftp: str = "internal-sftp", kinds: tuple[str, ...] = ("ed25519",), settings: str = ""
    ) -> None:
        """`sftp` is the command of the subsystem (empty: there is none), `kinds` are those of the host keys, `settings` are more lines."""
        self.folder = folder / f"sshd-{os.urandom(4).hex()}"
        self.folder.mkdir(mode=0o700)
        self.root = root or self.folder / "root"
        self.root.mkdir(exist_ok=True)
        self.user = getpass.getuser() if os.getuid() else "root"
        self.client_key = make_key(self.folder / "client_key")
        self.authority = make_key(self.folder / "user_ca")
        self.host_keys = [make_key(self.folder / f"host_{kind}", kind=kind) for kind in kinds]
        self.authorized_keys = self.folder / "authorized_keys"
        self.authorized_keys.write_bytes(self.client_key.with_suffix(".pub").read_bytes())
        self.known_hosts = self.folder / "known_hosts"
        self.log = self.folder / "log"
        self.port = 0
        self._sftp = sftp
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> Path:
        """The private host key of the first kind."""
        return self.host_keys[0]

    @property
    def host_key_fingerprint(self) -> str:
        """The fingerprint of the first host key."""
        return fingerprint_of(self.host_key)

    @property
    def host_key_line(self) -> str:
        """The first host key as a public key line."""
        return self.host_key.with_suffix(".pub").read_text().strip()

    def options(self, **more: Any) -> dict[str, Any]:
        """What an estate says to reach `root` here by the client key, with `more`; None leaves an option out."""
        options = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "root": str(self.root),
            "key_file": str(self.client_key),
            "host_key": self.host_key_fingerprint,
            **more,
        }
        return {name: value for name, value in options.items() if value is not None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return once it answers. Started again, it keeps its keys and, where it can, its port."""
        for _ in range(5):
            self.port = self.port or free_port()
            self._configure()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*_without_override(), SSHD, "-D", "-e", "-f", str(self.folder / "config")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            if self._answers(self._process):
                return
            self.stop()
            self.port = 0
        raise RuntimeError(f"sshd did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        """Kill it and every connection of it, at once; safe to call twice."""
        if self._process is None:
            return
        for process in [self._process.pid, *_descendants(self._process.pid)]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        self._process = None

    def _configure(self) -> None:
        lines = [
            f"ListenAddress 127.0.0.1:{self.port}",
            *(f"HostKey {key}" for key in self.host_keys),
            f"AuthorizedKeysFile {self.authorized_keys}",
            f"TrustedUserCAKeys {self.authority}.pub",
            f"PidFile {self.folder / 'pid'}",
            f"Subsystem sftp {self._sftp}" if self._sftp else "",
            "StrictModes no",
            # Without PAM, sshd asks the shadow file whether an account is locked, and only root may read that.
            f"UsePAM {'yes' if os.getuid() else 'no'}",
            "PermitRootLogin yes",
            "PasswordAuthentication yes",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            "LogLevel VERBOSE",
            self._settings,
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        public = self.host_key_line
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}\n")
        if os.getuid() == 0:
            # Where sshd's unprivileged half is locked in; the path is compiled in, and a service manager makes it elsewhere.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        end = time.monotonic() + 10
        while time.monotonic() < end and process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    # A listener of somebody else, who took the port in between, is not ours.
                    if connection.recv(4) == b"SSH-" and process.poll() is None:
                        return True
            except OSError:
                time.sleep(0.02)
        return False


class SshAgent:
    """A real ssh-agent that holds the given keys, for as long as a `with` lasts."""

    def __init__(self, folder: Path, *keys: Path) -> None:
        # A socket's path must be short, and a test's folder is not.
        self.socket = Path(os.path.relpath(folder)) / "agent" if len(str(folder)) > 80 else folder / "agent"
        self._keys = keys
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(["ssh-agent", "-D", "-a", str(self.socket)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > end:
                raise RuntimeError("ssh-agent did not start")
            time.sleep(0.02)
        for key in self._keys:
            subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(self.socket)}, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def _without_override() -> list[str]:
    """What starts sshd so that file modes bind root too: without the capabilities to pass them over, where that can be had."""
    if os.getuid() == 0 and sys.platform == "linux" and (setpriv := shutil.which("setpriv")):
        return shlex.split(f"{setpriv} --bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search --")
    return []


def _descendants(process: int) -> list[int]:
    """The processes that come from this one; sshd gives each connection a session of its own, so no group holds them."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = [*parents.get(process, [])]
    for child in found:
        found.extend(parents.get(child, []))
    return found
