"""
The contract of an engine: where the objects of a target are read, and by whom.

An engine stands between verifying and a connector: `digests` promises what `Connector.digests` promises, for a target that the engine may reach in
another process or on another machine. What is not read in bulk (listing, asking for one object once more) stays with the connector of this process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import ClassVar, Self

from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError
from drcheck.estate.schema import Estate, Target
from drcheck.verify.engines.cluster import Cluster


class Engine(ABC):
    """
    What reads objects. Used as a context manager, which closes it; targets are read by it at the same time, each from a thread of its own.

    Attributes:
        kind: its name, such as `local`.
    """

    kind: ClassVar[str]

    @abstractmethod
    def __init__(self, cluster: Cluster | None) -> None:
        """Take note of the cluster, without reaching for it. Raises ConfigError where one is missing, or is given and not wanted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def digests(
        self, estate: Estate, target: Target, connector: Connector, wanted: Iterable[tuple[Entry, Collection[str]]]
    ) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        """
        The digests of many objects of one target, each read whole and once.

        Every entry gets exactly one answer, as soon as it is there and so in any order; `wanted` is drawn from as room is made, so memory does not
        grow with it. A ConnectorError that drawing from it raises is raised here, after the answers to what was drawn before.

        Args:
            connector: of this process, for that target. Its deadline holds; its `calls` and `pace` are told what was done wherever that was.
        """

    def close(self) -> None:  # noqa: B027 - there may be nothing to let go of
        """Let go of everything; what is being read is given up. Safe to call twice, and from another thread. Never raises."""
