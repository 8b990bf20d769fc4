"""The nouns that every other part speaks in. They are frozen values; they know nothing of where they come from or go to."""

from drcheck.model.assessment import (
    EXIT_CRASH,
    EXIT_FAIL,
    EXIT_GOOD,
    EXIT_INTERRUPTED,
    EXIT_OUTPUT,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    Assessment,
    ControlUsed,
    CopyPlace,
    EstateUsed,
    OtherDomains,
    PolicyUsed,
    Run,
    SiteUsed,
    SystemUsed,
    TargetPlace,
)
from drcheck.model.changes import Breach, BrokenObject, Changes
from drcheck.model.drills import Drill
from drcheck.model.facts import Depth, Fact, Observed, Reason, Source, Unobserved
from drcheck.model.findings import FactUsed, Finding, Outcome, Severity, Subject, SubjectKind, Waiver
from drcheck.model.fixity import WEAK_ALGORITHMS, ManifestRead, ObjectResult, ObjectVerdict, Rotation, Verification
from drcheck.model.kept import StoreKept
from drcheck.model.names import number_of, printable
from drcheck.model.past import FindingKey, Interval, Night, Past
from drcheck.model.place import Encryption, Identity, Permissions, Protection, Versions
from drcheck.model.points import SKEW, Points, PointState, RecoveryPoint
from drcheck.model.sampling import Sampling
from drcheck.model.seen import NO_STORE, NOT_KEPT, TARGET_ASPECTS, CopyFacts, Facts, TargetFacts

__all__ = [
    "EXIT_CRASH",
    "EXIT_FAIL",
    "EXIT_GOOD",
    "EXIT_INTERRUPTED",
    "EXIT_OUTPUT",
    "EXIT_UNKNOWN",
    "EXIT_USAGE",
    "NOT_KEPT",
    "NO_STORE",
    "SKEW",
    "TARGET_ASPECTS",
    "WEAK_ALGORITHMS",
    "Assessment",
    "Breach",
    "BrokenObject",
    "Changes",
    "ControlUsed",
    "CopyFacts",
    "CopyPlace",
    "Depth",
    "Drill",
    "Encryption",
    "EstateUsed",
    "Fact",
    "FactUsed",
    "Facts",
    "Finding",
    "FindingKey",
    "Identity",
    "Interval",
    "ManifestRead",
    "Night",
    "ObjectResult",
    "ObjectVerdict",
    "Observed",
    "OtherDomains",
    "Outcome",
    "Past",
    "Permissions",
    "PointState",
    "Points",
    "PolicyUsed",
    "Protection",
    "Reason",
    "RecoveryPoint",
    "Rotation",
    "Run",
    "Sampling",
    "Severity",
    "SiteUsed",
    "Source",
    "StoreKept",
    "Subject",
    "SubjectKind",
    "SystemUsed",
    "TargetFacts",
    "TargetPlace",
    "Unobserved",
    "Verification",
    "Versions",
    "Waiver",
    "number_of",
    "printable",
]
