"""What lies in a pack for whoever checks it without drcheck: how to, and two scripts that do. They are files beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

_PLACES = {"README.txt": "pack-readme.txt", "verify.sh": "verify.sh", "verify.ps1": "verify.ps1"}
_CRLF = frozenset({"verify.ps1"})


def tag_files() -> Mapping[str, bytes]:
    """The files by the names that they have in a pack; what Windows runs has its line ends."""
    found = {}
    for name, place in _PLACES.items():
        lines = files("drcheck.evidence").joinpath(place).read_text(encoding="ascii").splitlines()
        found[name] = "".join(line + ("\r\n" if name in _CRLF else "\n") for line in lines).encode("ascii")
    return found
