"""Notices by whatever Apprise knows: chat, push, SMS and more (https://github.com/caronc/apprise). Its URLs are secrets."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from drcheck.clock import Deadline
from drcheck.errors import NotDelivered
from drcheck.notices.message import Message
from drcheck.secrets import SecretResolver, resolve, shown_reference


class AppriseChannel:
    """One Apprise URL: a channel, see `drcheck.notices.delivery`."""

    def __init__(self, reference: str, secrets: SecretResolver = resolve) -> None:
        shown = shown_reference(reference)
        # Of a command only the program is shown; what tells two of one program apart is the digest of the whole.
        self.name = shown if shown == reference else f"{shown} #{hashlib.sha256(reference.encode()).hexdigest()[:8]}"
        self._reference = reference
        self._secrets = secrets

    @property
    def shown(self) -> str:
        """Where notices go, for people."""
        return f"Apprise URL in {self.name}"

    def send(self, message: Message, deadline: Deadline) -> str:  # noqa: ARG002 - a thread that hangs is left behind
        """
        Give the message to the service behind the URL; returns which one accepted it.

        Raises:
            NotDelivered: it did not accept it, or the URL is none.
            NoCredentials: the URL cannot be had.
        """
        service = self._service()
        from apprise import Apprise, NotifyFormat

        name = str(service.service_name)
        messenger = Apprise()
        messenger.add(service)
        if not messenger.notify(body=message.body, title=message.subject, body_format=NotifyFormat.TEXT):
            raise NotDelivered(f"{name} did not accept it")
        return f"{name} accepted it"

    def _service(self) -> Any:
        url = self._secrets(self._reference).reveal()
        try:
            from apprise import Apprise, AppriseAsset, OverflowMode
        except ImportError:
            raise NotDelivered("Apprise is not installed; run: pip install 'drcheck[notices]'") from None
        # What it logs can hold the URL.
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]
        asset = AppriseAsset(app_id="drcheck", app_desc="drcheck", app_url="")
        service = Apprise.instantiate(url, asset=asset)
        if service is None:
            raise NotDelivered("Apprise does not understand the URL; `apprise --dry-run` says why")
        if "overflow=" not in url:
            # A long message would be refused by some services, night after night.
            service.overflow_mode = OverflowMode.SPLIT
        return service
