"""The options that say how much one run reads: given to a command as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drcheck.cli.parameters import DURATION, MONEY, REQUESTS, SIZE

if TYPE_CHECKING:
    from drcheck.verify.terms import Asked

_OPTIONS = (
    click.option("--cycle", type=DURATION, help="Read every object once within so long, such as 30d, instead of the estate's cycle."),
    click.option("--budget-bytes", type=SIZE, help="Read at most so many bytes, such as 2TiB."),
    click.option("--budget-time", type=DURATION, help="Begin no object after so long, such as 6h; what is left has its turn another night."),
    click.option(
        "--budget-requests",
        type=REQUESTS,
        multiple=True,
        metavar="CLASS=N",
        help="Make at most so many requests of a class (list, get, head), such as get=100000; may be repeated.",
    ),
    click.option("--budget-money", type=MONEY, help="Spend at most so much on reading, in the tariff's currency, such as 5.00."),
    click.option(
        "--tariff", type=click.Path(path_type=Path), metavar="FILE", help="The file of prices that money is reckoned by, instead of the estate's."
    ),
    click.option("--full", is_flag=True, help="Read everything, whatever was read before; budgets still hold."),
)
_NAMES = ("cycle", "budget_bytes", "budget_time", "budget_requests", "budget_money", "tariff", "full")


def verify_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--cycle`, the budgets, `--tariff` and `--full`, given to the command as `asked`, a `drcheck.verify.terms.Asked`."""

    @wraps(command)
    def with_asked(*args: Any, **given: Any) -> Any:
        return command(*args, asked=_asked(**{name: given.pop(name) for name in _NAMES}), **given)

    decorated: Callable[..., Any] = with_asked
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _asked(
    *,
    cycle: timedelta | None,
    budget_bytes: int | None,
    budget_time: timedelta | None,
    budget_requests: Iterable[tuple[str, int]],
    budget_money: Decimal | None,
    tariff: Path | None,
    full: bool,
) -> Asked:
    from drcheck.verify.budget import Budget
    from drcheck.verify.terms import Asked

    requests: dict[str, int] = {}
    for kind, count in budget_requests:
        if requests.setdefault(kind, count) != count:
            raise click.UsageError(f"--budget-requests says both {kind}={requests[kind]} and {kind}={count}")
    seconds = budget_time.total_seconds() if budget_time is not None else None
    return Asked(cycle, Budget(budget_bytes, seconds, requests, budget_money), tariff, full)
