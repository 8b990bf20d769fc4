"""Where objects are read. Each engine is one module and one line here; nothing is imported before it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drcheck import plugins
from drcheck.errors import ConfigError
from drcheck.verify.engines.cluster import Cluster

if TYPE_CHECKING:
    from drcheck.verify.engines.base import Engine

BUILTIN = {
    "local": "drcheck.verify.engines.local:LocalEngine",
    "dask": "drcheck.verify.engines.dask:DaskEngine",
}
GROUP = "drcheck.engines"


def engine_for(name: str, *, scheduler: str = "", tls_ca: Path | None = None, tls_cert: Path | None = None, tls_key: Path | None = None) -> Engine:
    """
    The engine called `name`. Nothing is connected to before it is first used.

    Args:
        scheduler: where a running cluster's scheduler listens, such as `tls://scheduler.example:8786`; only for engines that need one.
        tls_ca: the certificate of the authority that signed the cluster's certificates (PEM).
        tls_cert: the certificate that drcheck shows to the scheduler (PEM).
        tls_key: its private key (PEM, without a passphrase).

    Raises:
        ConfigError: there is no such engine, its extra is not installed, the scheduler's address is not one that may be used, or the files of TLS are
            missing, not readable or not wanted.
    """
    files = (tls_ca, tls_cert, tls_key)
    cluster = Cluster(scheduler, *files) if scheduler or any(files) else None
    try:
        kind: type[Engine] = plugins.load(name, BUILTIN, GROUP)
    except ModuleNotFoundError as error:
        raise ConfigError(f"the engine {name} needs an extra; run: pip install 'drcheck[{name}]'") from error
    return kind(cluster)
