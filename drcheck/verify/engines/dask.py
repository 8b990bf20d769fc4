"""
Reading on the workers of a running Dask cluster, for estates that outgrow one machine. See docs/engines.md.

Objects go out in shards, each a task that only a worker with the label of the target's site may take (worker resources:
https://distributed.dask.org/en/stable/resources.html). Dask gives the shards of a worker that is lost to another one; nothing is stored by it, and no
task holds a secret.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from distributed import Client, Future, Security, get_worker

from drcheck.canonical import digest_bytes
from drcheck.clock import Deadline
from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConfigError, ConnectorError, Unreachable, Unsupported, Untrusted
from drcheck.estate.schema import Estate, Target
from drcheck.verify.engines.base import Engine
from drcheck.verify.engines.cluster import Cluster
from drcheck.verify.engines.dask_flight import Flight
from drcheck.verify.engines.dask_site import Site
from drcheck.verify.engines.reading import read
from drcheck.verify.engines.shard import Shard
from drcheck.verify.engines.wire import Task

PATIENCE = 60.0
"""Seconds for which a site may be without workers, or the scheduler without an answer, before what waits for them is given up."""
CONNECT = 30.0
"""Seconds within which the scheduler must answer at first, and again where the connection was lost."""
PROGRESS = "drcheck-progress"
"""The topic under which workers say how many bytes they have read."""
_CLOSING = 5.0


class DaskEngine(Engine):
    """The workers of a Dask cluster, each site's objects read by the workers of that site."""

    kind: ClassVar[str] = "dask"

    def __init__(self, cluster: Cluster | None, *, patience: float = PATIENCE, connect: float = CONNECT) -> None:
        if cluster is None:
            raise ConfigError("--engine dask needs a running cluster: add --scheduler tls://host:port (see docs/engines.md)")
        self._cluster = cluster
        self._patience = patience
        self._seconds = connect
        self._lock = threading.Lock()
        self._client: Client | ConnectorError | None = None
        self._listening: dict[str, Callable[[int], None]] = {}

    def digests(
        self, estate: Estate, target: Target, connector: Connector, wanted: Iterable[tuple[Entry, Collection[str]]]
    ) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        try:
            client, content = self._connected(), _content(estate)
        except ConnectorError as error:
            for entry, _ in wanted:
                yield entry, error
            return
        site = Site(client, self._cluster.scheduler, target.site, patience=self._patience)
        task = Task(metadata.version("drcheck"), Path(os.path.abspath(estate.file)), content, target.id, None, connector.pace.limit, ())
        submit = partial(_submit, client, site.label, task, connector.deadline)
        yield from Flight(submit, site, connector, self._listening, target.id).answers(wanted)

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, Unreachable("the engine was closed")
        if isinstance(client, Client):
            with suppress(OSError, RuntimeError):  # the scheduler is gone, or the process is ending
                client.close(timeout=_CLOSING)

    def _connected(self) -> Client:
        """The connection of this run. Raises the ConnectorError of the first attempt to each that asks."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
        if isinstance(self._client, ConnectorError):
            raise self._client
        return self._client

    def _connect(self) -> Client | ConnectorError:
        cluster = self._cluster
        security = None
        if cluster.encrypted:
            files = {"tls_ca_file": str(cluster.ca), "tls_client_cert": str(cluster.cert), "tls_client_key": str(cluster.key)}
            security = Security(require_encryption=True, **files)
        try:
            # Never the default of this process, and results by way of the scheduler: the workers' addresses need not be reachable from here.
            client = Client(cluster.scheduler, security=security, timeout=self._seconds, set_as_default=False, direct_to_workers=False)
        except (OSError, ImportError) as error:  # the latter where the scheduler is of a version that this client cannot speak to
            return _refused(cluster, error)
        client.subscribe_topic(PROGRESS, self._hear)
        return client

    def _hear(self, event: tuple[float, Any]) -> None:
        """Pass a sign of life to whoever waits for that shard. Other runs have the same topic and other shards."""
        key, amount = event[1]
        listener = self._listening.get(key)
        if listener is not None:
            listener(amount)


def _content(estate: Estate) -> str:
    """The estate's file as it was when the run began."""
    try:
        content = estate.file.read_bytes()
    except OSError as error:
        raise Unsupported(f"{estate.file}: cannot be given to workers: {error.strerror or error}") from error
    if digest_bytes(content) != estate.digest:
        raise Unsupported(f"{estate.file}: was changed after it was read, so it cannot be given to workers; run again")
    return content.decode()


def _refused(cluster: Cluster, error: OSError | ImportError) -> ConnectorError:
    """Why there is no connection: a certificate that one of both sides does not accept is another matter than silence."""
    refusal = cluster.refusal()
    if refusal is not None:
        return Untrusted(f"no TLS with the scheduler {cluster.scheduler}; are all certificates of one authority, and valid today? ({refusal})")
    return Unreachable(f"the scheduler {cluster.scheduler} cannot be reached: {error}")


def read_on_worker(sent: bytes) -> bytes:
    """What a worker runs: `read`, with signs of life sent to whoever waits for it."""
    worker = get_worker()
    key = worker.get_current_task()  # not an argument: Dask takes a text that is some task's key for that task's result
    return read(sent, lambda amount: worker.log_event(PROGRESS, [key, amount]))


def _submit(client: Client, label: str, task: Task, deadline: Deadline, key: str, shard: Shard) -> Future[bytes]:
    wanted = [(entry, tuple(algorithms)) for entry, algorithms in shard.wanted]
    sent = replace(task, seconds=deadline.remaining(), wanted=wanted).to_bytes()
    return client.submit(read_on_worker, sent, key=key, resources={label: 1}, retries=1, pure=False)
