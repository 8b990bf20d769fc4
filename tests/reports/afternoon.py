"""A hospital with two data centres that back each other up and share one chiller plant: in July 2022 two such failed on one hot afternoon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drcheck.model import Assessment, CopyFacts, CopyPlace, Protection, SiteUsed, TargetPlace
from tests.reports.sample import hospital, points, seen, standing, target_facts, verification

PLANT = ("cooling", ("chiller-plant-1",))
NORTH = standing("north", without="cooling")
SOUTH = standing("south", without="cooling")


def hot_afternoon() -> Assessment:
    """
    Two data centres in buildings of their own that share their cooling, a cloud that says it has another, and an archive that says nothing of it.

    The patient record is at both data centres alone, imaging is in the cloud too, and pathology in the archive.
    """
    given = hospital()
    sites = (
        SiteUsed("main", "North data centre", ("north-block",), (*NORTH, PLANT)),
        SiteUsed("annexe", "South data centre", ("south-block",), (*SOUTH, PLANT)),
        SiteUsed("cloud-london", "Cloud, London", ("cloud-hall",), standing("cloud")),
        SiteUsed("county-archive", "County archive", ("archive-house",), standing("county", without="cooling")),
    )
    targets = (
        TargetPlace("north-disk", "local", "main", "/srv/backup", domains=()),
        TargetPlace("south-disk", "local", "annexe", "/mnt/south", domains=()),
        TargetPlace("bucket", "s3", "cloud-london", "s3://st-elsewhere-backup", domains=()),
        TargetPlace("archive", "sftp", "county-archive", "sftp://sftp.offsite.example:22/backup", domains=()),
    )
    held = {
        "patient-record": ("north-disk", "south-disk"),
        "imaging": ("north-disk", "bucket"),
        "pathology": ("south-disk", "archive"),
    }
    at = {target.target: target.site for target in targets}
    return replace(
        given,
        sites=sites,
        systems=tuple(
            replace(system, name="Pathology laboratory", site="annexe", device="san-2") if system.id == "pathology" else system
            for system in given.systems
        ),
        targets=targets,
        copies=tuple(
            CopyPlace(system, target, at[target], system, "dated", "primary", offsite=at[target] != "main")
            for system, places in held.items()
            for target in places
        ),
        facts=replace(
            given.facts,
            targets=tuple(target_facts(target.target, f"device-{target.target}") for target in targets),
            copies=tuple(
                CopyFacts(system, target, seen(points(timedelta(hours=4), 30)), seen(Protection("none")), seen(verification(30)))
                for system, places in held.items()
                for target in places
            ),
        ),
        findings=(),
        notes=(),
    )
