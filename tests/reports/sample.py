"""Assessments made by hand for the tests of reports: a hospital with every outcome in it, and hostile names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from drcheck.model import (
    Assessment,
    Breach,
    BrokenObject,
    Changes,
    ControlUsed,
    CopyFacts,
    CopyPlace,
    Depth,
    Drill,
    Encryption,
    EstateUsed,
    Facts,
    FactUsed,
    Finding,
    Identity,
    Interval,
    ManifestRead,
    Night,
    ObjectResult,
    ObjectVerdict,
    Observed,
    OtherDomains,
    Outcome,
    Past,
    Permissions,
    Points,
    PointState,
    PolicyUsed,
    Protection,
    Reason,
    RecoveryPoint,
    Rotation,
    Run,
    Sampling,
    Severity,
    SiteUsed,
    Source,
    Subject,
    SubjectKind,
    SystemUsed,
    TargetFacts,
    TargetPlace,
    Unobserved,
    Verification,
    Versions,
    Waiver,
)

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HOSTILE = (
    '\x1b[2J\x1b]0;owned\x07\u202egpj.exe\n=HYPERLINK("http://evil.example") | `rm` <script>alert(1)</script> [x](javascript:x) \udcff @everyone'
)
"""A name that clears the screen, changes the direction, ends the line, and is a formula, a table cell, HTML, a link and no UTF-8."""
LONG = "scans/" + "a" * 300 + "/tail.dcm"
DOWN = Unobserved(Reason.UNREACHABLE, "sftp.offsite.example:22 refused the connection; is sshd running there, and may this machine reach it?")


def seen(value, at: datetime = AT, source: Source = Source.OBSERVED):  # type: ignore[no-untyped-def]
    """An observed fact."""
    return Observed(value, at, source)


def point(age: timedelta, state: PointState = PointState.FINISHED) -> RecoveryPoint:
    """One recovery point of this age."""
    time = AT - age
    name = f"{time:%Y%m%dT%H%M%SZ}.dump"
    return RecoveryPoint(id=name, time=time, time_from="name", size=734_003_200, objects=1, state=state, sample=f"db/{name}")


def points(newest: timedelta, count: int, *, broken: int = 0) -> Points:
    """A copy's daily recovery points, with some unfinished ones before them."""
    finished = tuple(point(newest + timedelta(days=day)) for day in range(count))
    unfinished = tuple(point(newest - timedelta(minutes=1 + index), PointState.IN_PROGRESS) for index in range(broken))
    return Points(
        total=count + broken,
        by_state=((PointState.FINISHED, count), (PointState.IN_PROGRESS, broken)),
        newest=unfinished + finished,
        oldest=finished[-1] if finished else None,
        future=(),
        objects=count + broken,
        bytes=734_003_200 * (count + broken),
    )


def verification(match: int, *problems: ObjectVerdict, not_read: int = 0, stopped: Unobserved | None = None) -> Verification:
    """What reading showed: so many matches, and these problems."""
    found = dict.fromkeys(ObjectResult, 0) | {ObjectResult.MATCH: match, ObjectResult.NOT_READ: not_read}
    for problem in problems:
        found[problem.result] += 1
    listed = match + not_read + len(problems) - found[ObjectResult.MISSING]
    return Verification(
        counts=tuple(found.items()),
        objects_total=listed,
        objects_read=listed - not_read,
        bytes_read=734_003_200 * (listed - not_read),
        problems=problems,
        manifests=(ManifestRead(name="SHA256SUMS", kind="gnu", beside=True, algorithms=("sha256",), promises=listed),),
        unusable_manifests=(),
        weak_only=0,
        started=AT - timedelta(minutes=20),
        finished=AT - timedelta(minutes=5),
        depth=Depth.READ,
        stopped=stopped,
    )


def rolling(standing: int, tonight: int, not_read: int, *problems: ObjectVerdict, **fields: Any) -> Verification:
    """A night of a rotation that began with nothing read: some objects stand since three weeks ago, and those of tonight were drawn at random."""
    bad = sum(one.result in (ObjectResult.MISMATCH, ObjectResult.MISSING) for one in problems)
    rotation = Rotation(
        cycle=timedelta(days=30),
        verified=standing + tonight,
        oldest_read=AT - timedelta(days=21) if standing else AT - timedelta(minutes=20),
        due=0,
        left=0,
        unverified=tonight + bad + not_read,
        drawn=tonight + bad,
        drawn_bad=bad,
        ends=AT + timedelta(days=9) if not_read else None,
        unread=not_read,
    )
    whole = verification(standing + tonight, *problems, not_read=not_read)
    objects = tonight + bad
    return replace(whole, objects_read=objects, bytes_read=734_003_200 * objects, rotation=replace(rotation, **fields))


def problem(result: ObjectResult) -> ObjectVerdict:
    """One object with this result."""
    return ObjectVerdict(f"{result}.bin", result, 1024)


def target_facts(target: str, device: str) -> TargetFacts:
    """A target that answered everything."""
    return TargetFacts(
        target=target,
        identity=seen(Identity(principal="backup-reader", device=device, traits=(("file_system", "xfs"), ("mount_source", HOSTILE)))),
        protection=Observed(Protection(mode="compliance", days=30), AT, Source.CONFIGURED),
        encryption=Observed(Encryption(at_rest="AES256", in_transit="TLSv1.3"), AT, Source.CONFIGURED),
        versions=Observed(Versions(enabled=True, noncurrent_days=90), AT, Source.CONFIGURED),
        permissions=seen(Permissions(can_list=True, can_read=True, can_write=None, can_delete=None, how="by the mode bits")),
        clock_skew=seen(-1.75),
        calls=(("list_objects_v2", 12), ("get_object", 40)),
        seconds=3.2,
    )


def silent(target: str, why: Unobserved = DOWN) -> TargetFacts:
    """A target that answered nothing."""
    unable = Unobserved(Reason.UNSUPPORTED, "SFTP cannot tell")
    return TargetFacts(target, identity=why, protection=unable, encryption=why, versions=unable, permissions=why, clock_skew=why)


def standing(name: str, *, without: str = "") -> OtherDomains:
    """The domains of a place that shares what every place has with others of this name; `without` is a kind that nobody declared."""
    return tuple((kind, (f"{name}-{kind}",)) for kind in ("power", "cooling", "network", "identity") if kind != without)


def finding(
    control: str,
    subject: str,
    outcome: Outcome,
    message: str,
    *,
    policy: str = "uk-ncsc-offline-backups",
    clause: str = "principle 2",
    check: str = "",
    kind: SubjectKind = SubjectKind.COPY,
    severity: Severity = Severity.HIGH,
    assurance: Source | None = Source.OBSERVED,
    depth: Depth = Depth.LISTED,
    facts: tuple[FactUsed, ...] = (),
    waiver: Waiver | None = None,
    remediation: str = "",
) -> Finding:
    """One finding."""
    about = Subject(kind, subject)
    return Finding(policy, control, clause, check or control, about, outcome, severity, assurance, depth, message, facts, waiver, remediation)


def _findings() -> tuple[Finding, ...]:
    newest = FactUsed("newest recovery point", "2026-02-20T02:00:00Z", Source.OBSERVED, AT)
    missing = FactUsed("points", "", None, None, Reason.UNREACHABLE, DOWN.detail)
    restore = "Find out why the backup job stopped, run it, and check again."
    reach = "Make the target reachable, then run drcheck doctor."
    return (
        finding("copies-counted", "patient-record", Outcome.PASS, "3 copies besides production; 2 are asked for.", check="copies.count",
                kind=SubjectKind.SYSTEM, depth=Depth.LISTED, assurance=Source.DECLARED),
        finding("fresh", "imaging@onsite", Outcome.PASS, "The newest usable recovery point is 4h old; 1d may pass.", check="backup.recency"),
        finding("fresh", "patient-record@second-site", Outcome.FAIL, "The newest usable recovery point is 9d 4h old; 1d may pass.",
                check="backup.recency", facts=(newest,), remediation=restore),
        finding("recency", "patient-record@second-site", Outcome.FAIL, "The newest usable recovery point is 9d 4h old; 1d may pass.",
                policy="uk-caf-b5", clause="B5.c", severity=Severity.MEDIUM, check="backup.recency", facts=(newest,),
                remediation=restore),
        finding("fresh", "pathology@offsite-sftp", Outcome.UNKNOWN, f"points: {DOWN}", check="backup.recency", assurance=None, depth=Depth.NONE,
                facts=(missing,), remediation=reach),
        finding("checksums", "imaging@offsite-s3", Outcome.FAIL,
                f"2 of 12 objects are not what was promised: {HOSTILE}: sha256 differs; {LONG}: missing.",
                check="integrity.checksums", severity=Severity.CRITICAL, depth=Depth.READ,
                facts=(FactUsed("verification", "10 match, 1 mismatch, 1 missing", Source.OBSERVED, AT, None, HOSTILE),),
                remediation="Keep the damaged object for the inquiry, restore it from another copy, and find out what changed it."),
        finding("offline", "imaging", Outcome.FAIL, "No copy is offline or immutable.", check="copies.offline", kind=SubjectKind.SYSTEM,
                severity=Severity.CRITICAL, assurance=Source.CONFIGURED, depth=Depth.ATTRIBUTES,
                remediation="Switch on object lock in compliance mode.",
                waiver=Waiver("uk-ncsc-offline-backups", "offline", "imaging", "A. Person", "tape library arrives in April", date(2026, 4, 30))),
        finding("separate", "st-elsewhere", Outcome.ERROR, "KeyError: 'cooling'; this is a bug in drcheck.", check="copies.independent",
                kind=SubjectKind.ESTATE, assurance=None, depth=Depth.NONE, remediation="Report it, with the output of --verbose."),
        finding("worm", "offsite-sftp", Outcome.NOT_APPLICABLE, "The target does not declare immutability.", check="declared.matches.observed",
                kind=SubjectKind.TARGET, severity=Severity.LOW, assurance=Source.DECLARED, depth=Depth.NONE),
    )  # fmt: skip


def _policies() -> tuple[PolicyUsed, ...]:
    return (
        PolicyUsed(
            id="uk-ncsc-offline-backups", version="2026.1", title="Offline backups in an online world", issuer="NCSC",
            document="Offline backups in an online world", document_version="2024-02", url="https://www.ncsc.example/offline", digest="sha256:11",
            controls=(
                ControlUsed("copies-counted", "principle 1", "Enough copies", "copies.count", Severity.HIGH, "verified",
                            (("copies", "2"),), (("production counts", "no"),)),
                ControlUsed("fresh", "principle 2", "Fresh enough", "backup.recency", Severity.HIGH, "verified", (), (("grace", "2h"),)),
                ControlUsed("checksums", "principle 4", "Bytes are right", "integrity.checksums", Severity.CRITICAL, "inferred", (),
                            (("grace", "2h"),)),
            ),
        ),
        PolicyUsed(
            id="uk-caf-b5", version="2026.1", title="CAF B5 Resilient networks and systems", issuer="NCSC", document="Cyber Assessment Framework",
            document_version="4.0", url="", digest="sha256:22",
            controls=(ControlUsed("recency", "B5.c", "Backups", "backup.recency", Severity.MEDIUM, "verified", (), ()),),
        ),
    )  # fmt: skip


def hospital() -> Assessment:
    """An assessment with every outcome: failures, an error, an unknown, a waiver, passes, and hostile names."""
    flipped = ObjectVerdict(HOSTILE, ObjectResult.MISMATCH, 1024, "sha256", "aa" * 32, "bb" * 32, "SHA256SUMS")
    gone = ObjectVerdict(LONG, ObjectResult.MISSING, 0, "sha256", "cc" * 32, "", "SHA256SUMS")
    stopped = Unobserved(Reason.TIMED_OUT, "reading stopped after 10m; give --run-timeout more")
    unable = Unobserved(Reason.NOT_ATTEMPTED, "no manifest is declared for this copy")
    drill = Drill("patient-record", "onsite", "20260101T020000Z.dump", AT - timedelta(days=59), AT - timedelta(days=59, hours=-3), True,
                  "Dr B. Other", timedelta(hours=4), record="drills.toml[0]")  # fmt: skip
    facts = Facts(
        at=AT,
        targets=(
            target_facts("onsite", "dev-1"),
            target_facts("second-site", "dev-2"),
            target_facts("offsite-s3", "account-1/bucket"),
            silent("offsite-sftp"),
        ),
        copies=(
            CopyFacts("imaging", "onsite", seen(points(timedelta(hours=4), 30)), seen(Protection("none")), seen(rolling(9, 4, 17, left=2)),
                      seen(Changes(AT - timedelta(days=1), new=1, changed=0, gone=1, unchanged=29))),
            CopyFacts("imaging", "offsite-s3", seen(points(timedelta(hours=5), 11, broken=1)),
                      seen(Protection("compliance", AT + timedelta(days=20))),
                      seen(verification(10, flipped, gone)),
                      seen(Changes(AT - timedelta(days=1), new=0, changed=1, gone=0, unchanged=11, breaches=((Breach.ALTERED, 1),),
                                   broken=(BrokenObject(HOSTILE, Breach.ALTERED, "1024 bytes, 2048 since 2026-02-28"),)))),
            CopyFacts("patient-record", "second-site", seen(points(timedelta(days=9, hours=4), 3)), unable,
                      seen(verification(1, not_read=2, stopped=stopped))),
            CopyFacts("pathology", "offsite-sftp", DOWN, DOWN, DOWN),
            CopyFacts("pathology", "onsite", seen(points(timedelta(0), 0)), unable, unable),
        ),
        drills=Observed((drill,), AT, Source.DECLARED),
        sampling=Sampling("ab" * 32, "cd" * 32),
    )  # fmt: skip
    return Assessment(
        run=Run("20260301T060000Z-0a1b2c3d", AT, as_of=False, facts_from="", started=AT, finished=AT + timedelta(minutes=1), version="0.1.0"),
        estate=EstateUsed("hospital/estate.toml", "sha256:" + "ab" * 32, "st-elsewhere", "St Elsewhere Hospital", "GB", "RXX", rehearsal=False),
        policies=_policies(),
        targets=(
            TargetPlace("onsite", "local", "main", "/srv/backup", domains=()),
            TargetPlace("second-site", "local", "annexe", "/mnt/annexe", domains=()),
            TargetPlace("offsite-s3", "s3", "cloud-london", "s3://st-elsewhere-backup", domains=()),
            TargetPlace("offsite-sftp", "sftp", "county-archive", "sftp://sftp.offsite.example:22/backup", domains=()),
        ),
        copies=(
            CopyPlace("imaging", "onsite", "main", "imaging", "mirror", "primary", offsite=False),
            CopyPlace("imaging", "offsite-s3", "cloud-london", "imaging", "mirror", "off-site", offsite=True),
            CopyPlace("patient-record", "second-site", "annexe", "db", "dump", "secondary", offsite=True),
            CopyPlace("pathology", "offsite-sftp", "county-archive", "lab", "dated", "off-site", offsite=True),
            CopyPlace("pathology", "onsite", "main", "lab", "dated", "primary", offsite=False),
        ),
        facts=facts,
        findings=_findings(),
        notes=("A waiver for offline on pathology is not used by any finding; remove it.", f"Entries that belong to no recovery point: {HOSTILE}"),
        sites=(
            SiteUsed("main", "Main hospital", ("tower",), standing("campus")),
            SiteUsed("annexe", "Annexe across the road", ("tower",), standing("campus")),
            SiteUsed("cloud-london", "Cloud, London", ("cloud-hall",), standing("cloud")),
            SiteUsed("county-archive", "County archive", ("archive-house",), standing("county", without="cooling")),
        ),
        systems=(
            SystemUsed("imaging", "Imaging (PACS)", "critical", "Radiology", "main", "pacs-1", (), timedelta(hours=24), timedelta(hours=24), ()),
            SystemUsed("patient-record", "Patient record", "critical", "Chief clinical information officer", "main", "san-1", (),
                       timedelta(hours=24), timedelta(hours=4), ()),
            SystemUsed("pathology", f"Pathology {HOSTILE}", "important", "Laboratory medicine", "main", "san-1", (), timedelta(hours=12), None, ()),
        ),
    )  # fmt: skip


def rehearsal() -> Assessment:
    """The same estate, judged at another moment from kept facts, with folders that stand in for places."""
    given = hospital()
    return replace(
        given,
        run=replace(given.run, as_of=True, facts_from="facts.json", reference=AT + timedelta(days=30), plugins=(("drcheck-tape", "2.1"),)),
        estate=replace(given.estate, rehearsal=True),
    )


def good() -> Assessment:
    """An assessment in which everything passed."""
    given = hospital()
    return replace(given, findings=tuple(finding for finding in given.findings if finding.outcome is Outcome.PASS), notes=())


def nothing() -> Assessment:
    """An assessment of nothing."""
    given = hospital()
    facts = replace(given.facts, targets=(), copies=(), drills=DOWN)
    return replace(given, policies=(), targets=(), copies=(), facts=facts, findings=(), notes=())


def past_of_hospital() -> Past:
    """What the nights before say beside the hospital: three weeks with two nights missing, one failure that is new, and one that was mended."""
    given = hospital()
    days = [day for day in range(21, 0, -1) if day not in (9, 10)]
    nights = tuple(_night(number, AT - timedelta(days=day), fail=number % 4, unknown=number % 3) for number, day in enumerate(days, 1))
    keys = {(one.policy, one.control, one.subject): one for one in given.findings}
    since = {key: AT - timedelta(days=9) for key in keys}
    before = {
        key: Interval(*key, one.outcome, one.waived, one.severity, 1, AT - timedelta(days=9), len(nights), AT - timedelta(days=1))
        for key, one in keys.items()
    }
    damaged = next(key for key in keys if key[1] == "checksums")
    since[damaged] = AT
    before[damaged] = replace(before[damaged], outcome=Outcome.PASS)
    mended = next(key for key in keys if key[2].id == "imaging@onsite")
    before[mended] = replace(before[mended], outcome=Outcome.UNKNOWN)
    gone = ("uk-caf-b5", "recency", Subject(SubjectKind.COPY, f"retired@{HOSTILE}"))
    before[gone] = replace(before[mended], control="recency", policy="uk-caf-b5", subject=gone[2], outcome=Outcome.FAIL)
    return Past(nights, before, since)


def _night(number: int, at: datetime, *, fail: int, unknown: int) -> Night:
    counts = ((Outcome.FAIL, fail), (Outcome.UNKNOWN, unknown), (Outcome.PASS, 9 - fail - unknown))
    code = 10 if fail else 11 if unknown else 0
    return Night(number, "st-elsewhere", f"{at:%Y%m%dT%H%M%SZ}-{number:08x}", at, at, at, False, "sha256:ab", "0.1.0", code, counts, "sha256:cd")
