"""Kinds of value on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from drcheck.clock import parse_duration, parse_moment


class DurationType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A length of time such as `60s` or `24h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            length = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if length <= timedelta(0):
            self.fail("must be longer than nothing", param, ctx)
        return length


class MomentType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A moment with a time zone, such as `2026-03-01T02:10:00Z`."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class OutcomesType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """Outcomes parted by commas."""

    name = "outcomes"
    known = ("pass", "fail", "unknown", "not-applicable", "error")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        if isinstance(value, frozenset):
            return value
        words = frozenset(word.strip() for word in str(value).split(",") if word.strip())
        wrong = sorted(words - set(self.known))
        if wrong or not words:
            self.fail(f"{', '.join(wrong) or 'nothing'}: not an outcome; known: {', '.join(self.known)}", param, ctx)
        return words


DURATION = DurationType()
MOMENT = MomentType()
OUTCOMES = OutcomesType()
