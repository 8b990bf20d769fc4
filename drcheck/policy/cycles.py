"""Within what time a policy wants every byte of a copy to be read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from drcheck.policy.pack import Pack

_CHECK, _PARAMETER = "integrity.checksums", "max_age"


def policy_cycle(packs: Iterable[Pack]) -> timedelta | None:
    """The shortest age that any control of the packs allows a reading of bytes to have; None where none says so."""
    ages = [control.parameters[_PARAMETER] for pack in packs for control in pack.controls if control.check.id == _CHECK]
    return min((age for age in ages if isinstance(age, timedelta)), default=None)
