"""Loading an estate as an account that may read less than root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os, sys
from pathlib import Path
from drcheck.errors import ConfigError
from drcheck.estate.load import load_estate
folder = os.open(Path(sys.argv[1]).parent, os.O_RDONLY)
os.fchdir(folder)
os.setgid(65534)
os.setuid(65534)
try:
    load_estate(Path(Path(sys.argv[1]).name))
except ConfigError as error:
    print(error)
"""


def refused_as_nobody(file: Path) -> str:
    """What loading `file` says to an account without any rights. Only root can ask."""
    file.parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", _PROGRAM, str(file)], capture_output=True, text=True, check=True, env=dict(os.environ))
    return done.stdout
