"""Which night somebody means."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime

from drcheck.errors import ConfigError
from drcheck.model import Night, number_of, printable
from drcheck.nights.standing import own_moment

FORMS = "a run's id, latest, latest~1 for the one before it, or a day such as 2026-03-01 for its last night (UTC)"
"""How a night is named."""
_BACK = re.compile(r"latest(?:~([0-9]{1,6}))?")


def night_named(name: str, nights: Collection[Night]) -> Night:
    """
    The night that `name` means; see `FORMS`. `latest` and a day mean nights of their own moments: one that was judged as of another has its id only.

    Args:
        nights: those of one organisation, or of several where only ids are named.

    Raises:
        ConfigError: there is none, or it is not clear of which organisation.
    """
    for night in nights:
        if night.run == name:
            return night
    back, day = _BACK.fullmatch(name), _day(name)
    if back is None and day is None:
        raise ConfigError(f"{printable(name)!r}: no run has this id; write {FORMS}; `drcheck history` lists them")
    organisations = sorted({printable(night.organisation) for night in nights})
    if len(organisations) > 1:
        raise ConfigError(f"{name}: the store holds nights of {', '.join(organisations)}; name one with --organisation")
    own = own_moment(nights)
    if back is not None:
        steps = int(back[1] or 0)
        if steps >= len(own):
            raise ConfigError(f"{name}: the store holds {number_of(len(own), 'night')}, so there is none that is as far back")
        return own[-1 - steps]
    found = [night for night in own if night.reference.astimezone(UTC).date() == day]
    if not found:
        raise ConfigError(f"{name}: no night was judged on that day (UTC); `drcheck history` lists those that were")
    return found[-1]


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
