"""Whether a file lies away from the data that it speaks of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from drcheck.connectors import connector_class
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate


def insist_on_away(file: Path, estate: Estate) -> None:
    """
    Raises ConfigError where `file` would lie in the root of a local target, whatever links or mounts lead there: whoever can rewrite the data could
    then rewrite what is promised for it, and drcheck writes nothing on a target.
    """
    real = Path(os.path.realpath(file))
    for target, root in _roots(estate):
        if any(_same(folder, root) for folder in real.parents):
            raise ConfigError(f"{file}: lies in {root}, which is the target {target}; keep the manifest away from the data that it speaks of")


def _roots(estate: Estate) -> Iterator[tuple[str, Path]]:
    for target in estate.targets:
        if issubclass(connector_class(target.connector, estate.plugins), LocalConnector):
            options = LocalOptions.model_validate(target.options, context={"base": estate.file.parent})
            yield target.id, Path(os.path.realpath(options.root))


def _same(folder: Path, root: Path) -> bool:
    # By what it is as well as by name: a bind mount gives one folder two names.
    try:
        return folder == root or folder.samefile(root)
    except OSError:
        return False
