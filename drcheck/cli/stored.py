"""What the commands that read a store have in common: their options, and nights with what was recorded of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drcheck.cli.parameters import DURATION

if TYPE_CHECKING:
    from collections.abc import Collection

    from drcheck.model import Assessment, Night
    from drcheck.nights import Rhythm
    from drcheck.store import Store

F = TypeVar("F", bound=Callable[..., Any])


def organisation_option(command: F) -> F:
    """`--organisation ID`, given to the command as `organisation`."""
    return click.option("--organisation", metavar="ID", help="Only this organisation's; needed where the store holds several and one is meant.")(
        command
    )


def rhythm_options(command: F) -> F:
    """`--every` and `--grace`, given to the command as `every` and `grace`; see `rhythm`."""
    late = click.option(
        "--grace", type=DURATION, default="6h", show_default=True, help="How much later than that a night may begin before it is missed."
    )
    often = click.option("--every", type=DURATION, default="1d", show_default=True, help="How often drcheck is expected to run.")
    return often(late(command))


def rhythm(every: timedelta, grace: timedelta) -> Rhythm:
    """What `rhythm_options` said."""
    from drcheck.nights import Rhythm

    return Rhythm(every, grace)


def opened(where: str | None) -> Store:
    """
    The store that is there.

    Raises:
        StoreError: there is none, or it cannot be used.
    """
    from drcheck.errors import StoreError
    from drcheck.store import default_file, open_store

    place = str(default_file()) if where is None else where.removeprefix("sqlite:///")
    if "://" not in place and not Path(place).expanduser().exists():
        # Opening would make it, and a mistyped name would read as a history in which nothing ever happened.
        raise StoreError(f"{place}: there is no such store; `drcheck check{'' if where is None else f' --store {place}'}` makes one")
    return open_store(where)


def the_organisation(nights: Collection[Night], organisation: str | None) -> str:
    """
    The organisation that is meant: the one that was named, or the only one there is.

    Raises:
        ConfigError: none was named and there are several, or nothing is recorded, or nothing of the one that was named.
    """
    from drcheck.errors import ConfigError
    from drcheck.model import printable

    if organisation is not None:
        if not nights:
            raise ConfigError(f"the store holds no night of {printable(organisation)}; `drcheck history` lists those that it holds")
        return organisation
    names = sorted({night.organisation for night in nights})
    if len(names) == 1:
        return names[0]
    if names:
        raise ConfigError(f"the store holds nights of {', '.join(map(printable, names))}; name one with --organisation")
    raise ConfigError("the store holds no night; `drcheck check` records one")


def record_of(store: Store, night: Night) -> Assessment:
    """
    The whole assessment of a night.

    Raises:
        StoreError: its papers were pruned, or it was recorded by a drcheck that kept no record.
        ConfigError: its record is none that this drcheck reads.
    """
    from drcheck.chain import RECORD
    from drcheck.record import assessment_from_record

    return assessment_from_record(store.paper(night.run, RECORD), f"run {night.run}")


def record_if_any(store: Store, night: Night) -> Assessment | None:
    """The whole assessment of a night; None where its papers were pruned, or its record is none that this drcheck reads."""
    from drcheck.chain import RECORD
    from drcheck.errors import ConfigError

    if night.pruned or RECORD not in dict(store.link(night.run).papers):
        return None
    try:
        return record_of(store, night)
    except ConfigError:
        return None
