"""The programs of OpenSSH, which have the last word on what drcheck signs and accepts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drcheck.evidence.sshsig import NAMESPACE

KEYGEN = pytest.mark.program("ssh-keygen")
AGENT = pytest.mark.program("ssh-keygen", "ssh-agent", "ssh-add")
SECONDS = 60


def make_key(path: Path, kind: str = "ed25519", *options: str, comment: str = "backups@hospital.example", passphrase: str = "") -> Path:
    """A key made by ssh-keygen."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *options, "-N", passphrase, "-C", comment, "-f", path], check=True, timeout=SECONDS, capture_output=True
    )
    return path


def keygen_signs(key: Path, message: bytes, namespace: str = NAMESPACE, *options: str) -> bytes:
    """The signature that ssh-keygen makes of the message."""
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", *options, "-n", namespace, "-f", key], input=message, capture_output=True, timeout=SECONDS, check=True
    )
    return done.stdout


def keygen_verifies(signature: bytes, message: bytes, allowed: str, principal: str, at: str = "", namespace: str = NAMESPACE) -> bool:
    """Whether ssh-keygen takes the signature of the message as the principal's; `at` as in `20261122031000Z`."""
    with tempfile.TemporaryDirectory() as folder:
        written, signers = Path(folder, "m.sig"), Path(folder, "allowed_signers")
        written.write_bytes(signature)
        signers.write_text(allowed)
        when = [f"-Overify-time={at}"] if at else []
        command: list[str | Path] = ["ssh-keygen", "-Y", "verify", *when, "-f", signers, "-I", principal, "-n", namespace, "-s", written]
        return subprocess.run(command, input=message, capture_output=True, timeout=SECONDS, check=False).returncode == 0


def keygen_finds_well_formed(signature: bytes, message: bytes, namespace: str = NAMESPACE) -> bool:
    """Whether ssh-keygen takes the signature as somebody's of the message."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "m.sig")
        written.write_bytes(signature)
        command: list[str | Path] = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", written]
        return subprocess.run(command, input=message, capture_output=True, timeout=SECONDS, check=False).returncode == 0


@contextmanager
def ssh_agent(*keys: Path) -> Iterator[str]:
    """An agent with these keys in it; gives its socket, and ends with the `with`."""
    folder = tempfile.mkdtemp(prefix="drcheck-agent-", dir="/tmp")  # a socket's path is at most some hundred bytes long
    place = str(Path(folder, "socket"))
    process = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says where it is once it listens
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], env=os.environ | {"SSH_AUTH_SOCK": place}, check=True, timeout=SECONDS, capture_output=True)
        yield place
    finally:
        process.kill()
        process.wait(SECONDS)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
