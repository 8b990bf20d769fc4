"""One message to people: plain text, short, with a subject that says it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is given."""

    subject: str
    """One line."""
    body: str
    """Plain text that ends with a line end."""
    id: str
    """The same for the same nights: whoever gets a message twice, since the run was killed before it knew that it had arrived, can tell."""


def message_id(organisation: str, runs: Iterable[str]) -> str:
    """The id of the message about these nights."""
    return hashlib.sha256("\n".join([organisation, *runs]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
