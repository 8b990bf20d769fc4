"""
With what files and folders of this machine are opened, wherever that is done.

A flag that a system does not have is 0: `SUPPORTED` in drcheck/connectors/tree.py says what is needed for safety.
"""

from __future__ import annotations

import os

BELOW = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0)
"""For everything below a root: no link is followed, and neither a pipe nor a lease can make us wait."""
FOLDER = getattr(os, "O_DIRECTORY", 0)
NOATIME = getattr(os, "O_NOATIME", 0)
"""For the owner only (open(2)): where it is refused with EPERM, without."""
PASS = getattr(os, "O_PATH", os.O_RDONLY) | FOLDER | getattr(os, "O_CLOEXEC", 0)
"""To pass through a folder: with O_PATH the right to search it is enough."""
