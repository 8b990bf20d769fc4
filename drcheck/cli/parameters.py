"""Kinds of value on the command line."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from drcheck.clock import parse_duration, parse_moment
from drcheck.sizes import parse_rate, parse_size


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


class SinceType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """When something begins: a length of time before now such as `90d`, a day such as `2026-03-01` (UTC), or a moment with a time zone."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        text = str(value).strip()
        for read in (parse_duration, _day):
            with suppress(ValueError):
                return read(text)
        try:
            return parse_moment(text)
        except ValueError:
            self.fail(f"{text!r} is no length of time, day or moment; write it as 90d, 2026-03-01 or 2026-03-01T02:10:00Z", param, ctx)


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


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


class SizeType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A number of bytes such as `500GiB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            size = parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if size < 1:
            self.fail("must be more than nothing", param, ctx)
        return size


class RateType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """Bytes a second such as `50MiB/s` or `400Mbit/s`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            rate = parse_rate(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if rate <= 0:
            self.fail("must be more than nothing", param, ctx)
        return rate


class RequestsType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A class of requests with a number, such as `get=100000`."""

    name = "requests"
    known = ("list", "get", "head")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        kind, _, count = str(value).partition("=")
        if kind not in self.known or not (count.isascii() and count.isdigit() and len(count) < 19) or int(count) < 1:
            self.fail(f"{value!r} is not a class of requests and a number, such as get=100000; classes: {', '.join(self.known)}", param, ctx)
        return kind, int(count)


class MoneyType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """An amount of money such as `5.00`."""

    name = "money"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        from drcheck.estate.fields import parse_money

        if isinstance(value, Decimal):
            return value
        try:
            return parse_money(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class ReportType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """A format and a file, such as `html=/srv/www/backups.html`."""

    name = "report"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        format_, equals, file = str(value).partition("=")
        if not (format_ and equals and file):
            self.fail(f"{value!r} is not a format and a file, such as html=/srv/www/backups.html", param, ctx)
        return format_, Path(file)


DURATION = DurationType()
MOMENT = MomentType()
SINCE = SinceType()
OUTCOMES = OutcomesType()
SIZE = SizeType()
RATE = RateType()
REPORT = ReportType()
REQUESTS = RequestsType()
MONEY = MoneyType()
