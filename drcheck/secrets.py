"""
Secrets: references in the estate, resolved at the moment of use into a type that cannot be printed, pickled or logged.

References: `env:NAME`, `file:/path`, `systemd:NAME` (a systemd credential), `command:program arg ...` (its first line of output) and
`keyring:service/user` (needs the package keyring).
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from drcheck.errors import NoCredentials

SCHEMES = ("env", "file", "systemd", "command", "keyring")
_COMMAND_SECONDS = 30


class Secret:
    """A text that only `reveal` gives away."""

    __slots__ = ("_text", "reference")

    def __init__(self, text: str, reference: str = "") -> None:
        self._text = text
        self.reference = reference

    def reveal(self) -> str:
        """The secret itself. Pass it straight to the library that needs it; never store it."""
        return self._text

    def __repr__(self) -> str:
        return f"<secret from {self.reference or 'nowhere'}>"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied; pass its reference instead")


SecretResolver = Callable[[str], Secret]
"""Given a reference, return its secret or raise `NoCredentials`."""


def is_reference(text: str) -> bool:
    """Whether `text` is the form of a reference: a known scheme, a colon, and something behind it."""
    scheme, colon, rest = text.partition(":")
    return bool(colon and rest) and scheme in SCHEMES


def resolve(reference: str) -> Secret:
    """
    The secret that `reference` names, without a trailing line end.

    Raises:
        NoCredentials: it cannot be had; the message names the reference and what to do, never the secret.
    """
    scheme, _, rest = reference.partition(":")
    shown = shown_reference(reference)
    match scheme:
        case "env":
            text = os.environ.get(rest)
            if text is None:
                raise NoCredentials(f"{reference}: the environment variable {rest} is not set")
        case "file":
            text = _read_private(Path(rest), reference)
        case "systemd":
            folder = os.environ.get("CREDENTIALS_DIRECTORY")
            if folder is None:
                raise NoCredentials(f"{reference}: not run as a systemd service with LoadCredential={rest}")
            if "/" in rest or rest in ("", ".", ".."):
                raise NoCredentials(f"{reference}: a systemd credential is named without a path")
            text = _read(Path(folder) / rest, reference)
        case "command":
            text = _run(rest, shown)
        case "keyring":
            text = _from_keyring(rest, reference)
        case _:
            raise NoCredentials(f"a credential must be a reference such as env:NAME or file:/path (known: {', '.join(SCHEMES)})")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise NoCredentials(f"{shown}: is empty")
    return Secret(text, shown)


def shown_reference(reference: str) -> str:
    """The reference as it may be shown: of a command only the program, as arguments can themselves be private."""
    scheme, _, rest = reference.partition(":")
    if scheme != "command":
        return reference
    try:
        return f"command:{shlex.split(rest)[0]}"
    except (ValueError, IndexError):
        return "command"


def _read(path: Path, reference: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NoCredentials(f"{reference}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        # Not `from error`: that error carries the bytes.
        raise NoCredentials(f"{reference}: is not UTF-8 text") from None
    except ValueError as error:
        raise NoCredentials(f"{reference}: is not a path") from error


def _read_private(path: Path, reference: str) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise NoCredentials(f"{reference}: {error.strerror or error}") from error
    except ValueError as error:
        raise NoCredentials(f"{reference}: is not a path") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NoCredentials(f"{reference}: can be read by others; run: chmod 600 {shlex.quote(str(path))}")
    return _read(path, reference)


def _run(command: str, shown: str) -> str:
    try:
        arguments = shlex.split(command)
        if not arguments:
            raise NoCredentials(f"{shown}: names no program")
        done = subprocess.run(  # noqa: S603 - an argument list, never a shell; the estate's owner chose the program
            arguments, capture_output=True, timeout=_COMMAND_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        # Not `from error`: some of these errors carry the arguments.
        raise NoCredentials(f"{shown}: could not be run: {type(error).__name__}") from None
    if done.returncode != 0:
        raise NoCredentials(f"{shown}: ended with exit code {done.returncode}")
    try:
        return done.stdout.decode("utf-8").split("\n", 1)[0]
    except UnicodeDecodeError:
        raise NoCredentials(f"{shown}: did not print UTF-8 text") from None


def _from_keyring(name: str, reference: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise NoCredentials(f"{reference}: needs the package keyring; run: pip install 'drcheck[keyring]'") from error
    service, slash, user = name.rpartition("/")
    if not slash:
        raise NoCredentials(f"{reference}: write it as keyring:service/user")
    try:
        text = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise NoCredentials(f"{reference}: the keyring did not answer: {type(error).__name__}") from error
    if text is None:
        raise NoCredentials(f"{reference}: the keyring has no such entry")
    return str(text)
