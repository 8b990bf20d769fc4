"""The workers of one site: those that carry its label."""

from __future__ import annotations

from typing import Any

from distributed import Client

from drcheck.clock import monotonic
from drcheck.errors import Unreachable

_ASKED = 2.0
"""Seconds between two questions to the scheduler, ..."""
_ASKED_WAITING = 0.5
"""... and while there are no workers."""
_ANSWER = 10.0


class Site:
    """
    How many shards the workers of a site can read at a time, as the scheduler says from time to time. Used by one thread.

    Attributes:
        label: the resource that its workers carry, such as `site:north`; each shard takes one of it.
        slots: how many of it there are; 0 where there are no workers, or the scheduler does not answer.
    """

    def __init__(self, client: Client, scheduler: str, site: str, *, patience: float) -> None:
        self.label = f"site:{site}"
        self.slots = 0
        self._client = client
        self._scheduler = scheduler
        self._patience = patience
        self._silent = False
        self._asked: float | None = None
        self._seen = monotonic()

    def look(self) -> None:
        """
        Ask again where it is time to.

        Raises:
            Unreachable: there were no workers, or no scheduler, for longer than anybody wants to wait.
        """
        if self._client.status in ("closing", "closed"):
            raise Unreachable(f"the scheduler {self._scheduler} was lost, and did not come back")
        if self._asked is None or monotonic() - self._asked >= (_ASKED if self.slots else _ASKED_WAITING):
            self.slots = self._count()
            self._asked = monotonic()
            if self.slots:
                self._seen = self._asked
        if not self.slots and monotonic() - self._seen >= self._patience:
            raise Unreachable(self._why())

    def _count(self) -> int:
        try:
            workers = self._client.sync(self._identity, callback_timeout=_ANSWER)["workers"]
        except (OSError, RuntimeError):  # it is away, or the client is being closed
            self._silent = True
            return 0
        self._silent = False
        return sum(int(worker["resources"].get(self.label, 0)) for worker in workers.values())

    async def _identity(self) -> Any:
        # Not `scheduler_info`: where the scheduler is silent, that tells again what was last known.
        if self._client.scheduler is None:
            raise OSError("not connected")
        return await self._client.scheduler.identity()

    def _why(self) -> str:
        waited = f"{self._patience:g} s"
        if self._silent:
            return f"the scheduler {self._scheduler} has not answered for {waited}"
        return (
            f"no worker of {self._scheduler} has carried the label {self.label} for {waited}; start one at that site with: "
            f'dask worker {self._scheduler} --resources "{self.label}=1" (and its TLS options)'
        )
