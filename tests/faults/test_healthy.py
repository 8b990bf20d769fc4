"""The estates of the zoo before anything is damaged: nothing is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from drcheck.model import Assessment, Outcome
from drcheck.policy import shipped_packs
from tests.faults.healthy import PACKS, local_place
from tests.faults.zoo import findings_of


def insist_on_health(assessment: Assessment) -> None:
    """Every finding is a pass or not applicable; what cannot be known of a copy in the vault is accepted."""
    well = {Outcome.PASS, Outcome.NOT_APPLICABLE}
    for key, finding in findings_of(assessment).items():
        if finding.outcome not in well and not (finding.waived and finding.outcome is Outcome.UNKNOWN and finding.subject.id.endswith("@vault")):
            pytest.fail(f"{' '.join(key)} is {finding.outcome}: {finding.message}", pytrace=False)
    assert assessment.exit_code == 0
    assert assessment.notes == ()


def test_every_shipped_pack_judges_the_zoo() -> None:
    assert {pack.id for pack in shipped_packs()} == set(PACKS)


def test_the_local_estate_is_healthy(folder: Path) -> None:
    insist_on_health(local_place(folder).look())
