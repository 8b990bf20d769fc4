"""What is to run every night, and what its estate needs of whoever runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import PurePath
from typing import Any

from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate
from drcheck.model import printable
from drcheck.secrets import is_reference, shown_reference

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """
    A run every night.

    Raises:
        ConfigError: a part of it cannot stand in a timer of any kind.
    """

    program: tuple[str, ...]
    """What starts drcheck: whole paths."""
    estate: PurePath
    """The whole path."""
    organisation: str
    """As people write it."""
    at: time = time(2, 30)
    """By the machine's own clock."""
    jitter: timedelta = timedelta(minutes=10)
    """Up to so much later, by chance."""
    also: tuple[tuple[str, PurePath], ...] = ()
    """Reports to write: format and whole path."""
    store: str = ""
    """Where the store is; empty for the service's own place."""
    credentials: tuple[str, ...] = ()
    """The names of systemd's credentials that the estate refers to."""
    name: str = "drcheck"
    """Of the units or the task."""
    user: str = ""
    """Who runs it; empty for nobody in particular."""

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name):
            raise ConfigError(f"{printable(self.name)!r} is no name for a unit or task; use letters, digits, dash, dot and underline")
        if self.user and not re.fullmatch(_NAME, self.user):
            raise ConfigError(f"{printable(self.user)!r} is no name of a user")
        for credential in self.credentials:
            if not re.fullmatch(r"[!-9;-~]{1,255}", credential) or "/" in credential:
                raise ConfigError(f"systemd:{printable(credential)}: a credential's name holds no space, colon or slash")
        for text in (*self.program, str(self.estate), self.store, *(str(file) for _, file in self.also), *(format_ for format_, _ in self.also)):
            if printable(text) != text:
                raise ConfigError(f"{printable(text)}: holds characters that cannot stand in a timer; give it another name")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The run's arguments, without those that are said in another way on one platform or other: the store and the jitter."""
        reports = [part for format_, file in self.also for part in ("--also", f"{format_}={file}")]
        return ("check", "--nightly", "--estate", str(self.estate), *reports)


def secret_references(estate: Estate) -> tuple[str, ...]:
    """Every reference to a secret in the estate, each once."""
    return tuple(sorted(set(_references(estate.model_dump(mode="json", by_alias=True)))))


def notes_on(references: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """What whoever installs the timer should know of these references, in sentences."""
    return tuple(note for reference in references if (note := _note(reference, kind)))


def notes_on_files(night: Nightly, kind: str) -> tuple[str, ...]:
    """What whoever installs the timer should know of the files that it is to write, in sentences."""
    if kind != "systemd" or night.user:
        return ()
    store = [PurePath(night.store)] if night.store and "://" not in night.store else []
    folders = dict.fromkeys(str(file.parent) for file in (*(file for _, file in night.also), *store))
    return tuple(
        f"{printable(folder)}: must be writable to the user that is made up for the service, which a folder of root's is not; give --user"
        for folder in folders
    )


def _note(reference: str, kind: str) -> str:
    scheme, _, rest = reference.partition(":")
    shown = printable(shown_reference(reference))
    service = kind == "systemd"
    match scheme:
        case "systemd":
            told = f"put the secret into /etc/credstore/{printable(rest)} (owned by root, mode 0600)"
            return f"{shown}: {told}" if service else f"{shown}: is there for services of systemd only; write another reference into the estate"
        case "env":
            how = f"write systemd:{printable(rest)} into the estate instead" if service else "set it where the run is started, or use file:"
            return f"{shown}: the variable is not set for a run that a timer starts; {how}"
        case "file":
            return f"{shown}: must belong to the user that the run has" + (
                ", so give --user; or write systemd: into the estate instead" if service else ""
            )
        case "keyring":
            return f"{shown}: a keyring is open only while its user is logged in; use another kind of reference"
    return ""


def _references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _references(item)
        case list():
            for item in value:
                yield from _references(item)
        case str() if is_reference(value):
            yield value
