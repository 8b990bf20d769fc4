"""A line of a crontab."""

from __future__ import annotations

import shlex

from drcheck.estate.fields import exact_duration
from drcheck.model import printable
from drcheck.schedule.nightly import Nightly


def crontab(night: Nightly) -> str:
    """The line, below a comment. cron mails what a run prints, which with --nightly is nothing unless something is wrong."""
    jitter = ("--jitter", exact_duration(night.jitter)) if night.jitter else ()
    store = ("--store", night.store) if night.store else ()
    # To cron a bare % is the end of the line, whatever quotes there are (crontab(5)).
    command = shlex.join([*night.program, *night.arguments, *store, *jitter]).replace("%", r"\%")
    comment = f"# drcheck: look at every backup of {printable(night.organisation)}. To install: crontab -e"
    return f"{comment}\n{night.at.minute} {night.at.hour} * * * {command}\n"
