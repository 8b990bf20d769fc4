"""The history: assessments, recovery points, drills and what is known of each object."""

from drcheck.store.checking import Checked
from drcheck.store.database import default_file
from drcheck.store.digests import Digest
from drcheck.store.history import DrillSeen, PointSeen
from drcheck.store.known import Known, Reading, version_of
from drcheck.store.lock import Holder
from drcheck.store.merge import Change, Merged
from drcheck.store.notices import NoticeBook
from drcheck.store.objects import ObjectStore, Summary
from drcheck.store.pruning import Pruned
from drcheck.store.recorder import Recorder
from drcheck.store.seeds import Seeds
from drcheck.store.store import Store, open_store

__all__ = [
    "Change",
    "Checked",
    "Digest",
    "DrillSeen",
    "Holder",
    "Known",
    "Merged",
    "NoticeBook",
    "ObjectStore",
    "PointSeen",
    "Pruned",
    "Reading",
    "Recorder",
    "Seeds",
    "Store",
    "Summary",
    "default_file",
    "open_store",
    "version_of",
]
