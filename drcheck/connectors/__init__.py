"""How places are reached. Each connector is one module and one line here; nothing is imported before an estate asks for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drcheck.clock import Deadline
    from drcheck.connectors.base import CallLog, Connector
    from drcheck.estate.schema import Estate, Target

BUILTIN = {
    "local": "drcheck.connectors.local:LocalConnector",
    "sftp": "drcheck.connectors.sftp:SftpConnector",
    "s3": "drcheck.connectors.s3:S3Connector",
}
GROUP = "drcheck.connectors"


def connector_class(kind: str, trusted: Collection[str] = ()) -> type[Connector]:
    """The connector called `kind`. Raises ConfigError where nobody provides it."""
    from drcheck import plugins

    found: type[Connector] = plugins.load(kind, BUILTIN, GROUP, trusted)
    return found


def connector_for(target: Target, estate: Estate, *, deadline: Deadline, calls: CallLog) -> Connector:
    """The connector of one target, not yet open. Raises ConfigError where its options are wrong (validation leaves none)."""
    from drcheck.secrets import resolve

    kind = connector_class(target.connector, estate.plugins)
    options = kind.options_class.model_validate(target.options, context={"base": estate.file.parent})
    return kind(options, secrets=resolve, deadline=deadline, calls=calls)
