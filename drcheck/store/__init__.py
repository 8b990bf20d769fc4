"""The history: assessments, recovery points, drills and what is known of each object."""

from drcheck.store.database import default_file
from drcheck.store.digests import Digest
from drcheck.store.history import DrillSeen, Interval, PointSeen, Recorded
from drcheck.store.known import Known, Reading, version_of
from drcheck.store.merge import Change, Merged
from drcheck.store.objects import ObjectStore, Summary
from drcheck.store.recorder import Recorder
from drcheck.store.store import Store, open_store

__all__ = [
    "Change",
    "Digest",
    "DrillSeen",
    "Interval",
    "Known",
    "Merged",
    "ObjectStore",
    "PointSeen",
    "Reading",
    "Recorded",
    "Recorder",
    "Store",
    "Summary",
    "default_file",
    "open_store",
    "version_of",
]
