"""Reading on this machine, as the connector of each target does it best."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import ClassVar

from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConfigError, ConnectorError
from drcheck.estate.schema import Estate, Target
from drcheck.verify.engines.base import Engine
from drcheck.verify.engines.cluster import Cluster


class LocalEngine(Engine):
    """This machine's processes and threads."""

    kind: ClassVar[str] = "local"

    def __init__(self, cluster: Cluster | None = None) -> None:
        if cluster is not None:
            raise ConfigError("the engine local has no cluster: take --scheduler and the --tls options away, or choose --engine dask")

    def digests(
        self,
        estate: Estate,  # noqa: ARG002 - the connector knows its target
        target: Target,  # noqa: ARG002
        connector: Connector,
        wanted: Iterable[tuple[Entry, Collection[str]]],
    ) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        return connector.digests(wanted)
