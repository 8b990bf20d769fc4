"""The estates of the zoo before anything is damaged: nothing is wrong with them."""

from __future__ import annotations

from pathlib import Path

from drcheck.checks import BUILTIN
from drcheck.model import Outcome
from tests.faults.healthy import local_place
from tests.faults.zoo import findings_of


def test_the_local_estate_is_healthy(folder: Path) -> None:
    assessment = local_place(folder).look()
    bad = {key: f"{finding.outcome}: {finding.message}" for key, finding in findings_of(assessment).items() if finding.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE) and not finding.waived}
    assert bad == {}
    assert assessment.exit_code == 0
    assert assessment.notes == ()
