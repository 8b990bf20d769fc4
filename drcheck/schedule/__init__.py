"""A run every night, as the platform's own timer takes it: units of systemd, a line of a crontab, a task of Windows. Pure; nothing is installed."""

from drcheck.schedule.cron import crontab
from drcheck.schedule.nightly import Nightly, notes_on, notes_on_files, secret_references
from drcheck.schedule.systemd import units
from drcheck.schedule.windows import task

__all__ = ["Nightly", "crontab", "notes_on", "notes_on_files", "secret_references", "task", "units"]
