"""The estates of the zoo before anything is damaged: nothing is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from drcheck.model import Assessment, Observed, Outcome
from drcheck.policy import shipped_packs
from tests.connectors.sshd import SshServer
from tests.faults.healthy import FIRST_LOOK, PACKS, local_place
from tests.faults.served import BucketPlace, sftp_place
from tests.faults.zoo import Findings, findings_of


def insist_on_health(assessment: Assessment) -> None:
    """Every finding is a pass or not applicable; what cannot be known of a copy in the vault, or of one that was never seen before, is accepted."""
    well = {Outcome.PASS, Outcome.NOT_APPLICABLE}
    for key, finding in findings_of(assessment).items():
        acceptable = finding.subject.id.endswith("@vault") or finding.control == FIRST_LOOK
        if finding.outcome not in well and not (finding.waived and finding.outcome is Outcome.UNKNOWN and acceptable):
            pytest.fail(f"{' '.join(key)} is {finding.outcome}: {finding.message}", pytrace=False)
    assert assessment.exit_code == 0
    assert assessment.notes == ()


def test_every_shipped_pack_judges_the_zoo() -> None:
    assert {pack.id for pack in shipped_packs()} == set(PACKS)


def test_the_local_estate_is_healthy(folder: Path) -> None:
    insist_on_health(local_place(folder).look())


@pytest.mark.program("sshd")
def test_the_estate_with_its_archive_at_sshd_is_as_healthy_as_the_local_one(folder: Path, server: SshServer, healthy: Findings) -> None:
    assessment = sftp_place(folder, server).look()
    insist_on_health(assessment)
    assert {key: finding.outcome for key, finding in findings_of(assessment).items()} == {key: each.outcome for key, each in healthy.items()}


def test_the_estate_with_a_bucket_is_healthy(folder: Path, moto_endpoint: str) -> None:
    insist_on_health(BucketPlace(folder, moto_endpoint).look())


def test_the_estate_with_a_bucket_on_seaweedfs_is_healthy(folder: Path, seaweed: str) -> None:
    insist_on_health(BucketPlace(folder, seaweed).look())


@pytest.mark.program("sshd")
def test_the_estate_whose_devices_are_seen_is_healthy(folder: Path, server: SshServer, moto_endpoint: str) -> None:
    assessment = BucketPlace(folder, moto_endpoint, server).look()
    insist_on_health(assessment)
    devices = {facts.target: facts.identity.value.device for facts in assessment.facts.targets if isinstance(facts.identity, Observed)}
    assert len({device for device in devices.values() if device}) == len(devices) == 3
