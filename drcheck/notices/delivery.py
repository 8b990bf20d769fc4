"""Delivering: every channel at once, each under a deadline, so that one that hangs costs the others nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from drcheck.clock import Deadline
from drcheck.errors import DrcheckError
from drcheck.estate.notices import Notices
from drcheck.notices.apprise import AppriseChannel
from drcheck.notices.message import Message
from drcheck.notices.smtp import Mailbox
from drcheck.workers import Done, Failed, run_all

SECONDS = 45.0
"""For one channel."""


class Channel(Protocol):
    """One way to people."""

    name: str
    """By which the store remembers it; the same night after night, and no secret."""

    @property
    def shown(self) -> str:
        """Where notices go, for people."""

    def send(self, message: Message, deadline: Deadline) -> str:
        """
        Give the message away; returns who accepted it.

        Raises:
            NotDelivered: nobody did.
            NoCredentials: a secret cannot be had.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of giving a message away."""

    accepted: bool
    said: str
    """Who accepted it, or why nobody did."""


def channels_of(notices: Notices | None) -> tuple[Channel, ...]:
    """Every channel that the estate names."""
    if notices is None:
        return ()
    mail = [Mailbox(notices.smtp, recipient) for recipient in notices.smtp.to] if notices.smtp is not None else []
    return (*mail, *(AppriseChannel(reference) for reference in notices.to))


def deliver(channels: Sequence[Channel], messages: Mapping[str, Message], seconds: float = SECONDS) -> dict[str, Answer]:
    """What came of giving each channel its message, by the channel's name. Raises nothing for a channel."""
    jobs = {channel.name: partial(channel.send, messages[channel.name]) for channel in channels if channel.name in messages}
    results: dict[str, Answer] = {}
    for name, result in run_all(jobs, workers=max(1, len(jobs)), seconds=seconds, run=Deadline(None)):
        match result:
            case Done(value=who):
                results[name] = Answer(True, who)
            case Failed(error=error):
                # What another error says may hold a secret.
                said = str(error) if isinstance(error, DrcheckError) else f"failed, which is a bug: {type(error).__name__}"
                results[name] = Answer(False, said)
            case _:
                results[name] = Answer(False, f"no answer within {seconds:g} s")
    return results
