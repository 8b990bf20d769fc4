"""A clock that a test sets: the present moment of this process is what it says. Monotonic time goes on as ever."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import pytest

import drcheck.clock


class Calendar:
    """The present moment, wherever drcheck asks for it: all of it asks `drcheck.clock`, which asks `datetime`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
        self.moment = moment
        calendar = self

        class Told(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # plain moments, so that nobody sees a difference
                return calendar.moment.astimezone(tz or UTC)

            @classmethod
            def fromisoformat(cls, text: str, /) -> datetime:  # type: ignore[override]
                return datetime.fromisoformat(text)

        monkeypatch.setattr(drcheck.clock, "datetime", Told)
