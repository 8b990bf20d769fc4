"""An entry for the file of recorded drills, to be filled in by hand."""

from __future__ import annotations

from drcheck.estate.toml_text import toml_string


def drill_template(system: str = "", target: str = "") -> str:
    """One `[[drills]]` entry in TOML. What it leaves empty is refused by `load_drills`, so that a forgotten one never counts."""
    return f"""\
[[drills]]
system = {toml_string(system)}              # id of the system that was restored
target = {toml_string(target)}              # id of the target whose copy was used
recovery_point = ""      # which recovery point: its name or its time
started = ""             # when the restore began, such as 2026-03-01T09:00:00Z (always with the zone)
ended = ""               # when the system was usable again
success = ""             # true or false, without quotes
verified_by = ""         # who checked that the restored data was right
# data_loss = "6h"       # between the recovery point and the moment of the rehearsed disaster
# problems = ""          # what went wrong
# lessons = ""           # what was learnt or changed
# evidence = ""          # where the proof lies: a ticket, a log
"""
