"""What the commands that look at targets have in common: their options, and what they hold while they run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drcheck.cli.niceness import sparing_options
from drcheck.cli.options import store_option
from drcheck.cli.parameters import DURATION
from drcheck.cli.verify_options import verify_options

if TYPE_CHECKING:
    from datetime import timedelta

    from drcheck.cli.niceness import IoPriority
    from drcheck.cli.progress import Shown
    from drcheck.errors import StoreError
    from drcheck.estate.schema import Estate
    from drcheck.look import Effort
    from drcheck.model import Assessment, Past
    from drcheck.policy import Pack
    from drcheck.store import Store
    from drcheck.verify import Manner, Memory
    from drcheck.verify.engines.base import Engine
    from drcheck.verify.terms import Asked

GARBAGE = 30_000
"""New objects after which Python looks for cycles: at its own 700 it goes through each page of a bucket's listing many times, for nothing."""
_OPTIONS = (
    click.option(
        "--timeout",
        type=DURATION,
        default="60s",
        show_default=True,
        help="How long one target may be listed and asked, unless the estate says otherwise.",
    ),
    click.option(
        "--run-timeout", type=DURATION, default="23h", show_default=True, help="How long the whole run may take; what is then not done is unknown."
    ),
    click.option(
        "--stall", type=DURATION, default="15m", show_default=True, help="How long a target may show no sign of life before it is given up."
    ),
    click.option("--workers", type=click.IntRange(1, 256), default=16, show_default=True, metavar="N", help="How many targets to work on at a time."),
    store_option,
    click.option("--no-store", is_flag=True, help="Keep nothing, and go on from nothing: everything is read."),
    click.option(
        "--engine", default="local", show_default=True, metavar="local|dask", help="Read here, or on the workers of a Dask cluster that runs already."
    ),
    click.option("--scheduler", default="", metavar="ADDRESS", help="The cluster's scheduler, such as tls://scheduler.example:8786."),
    click.option("--tls-ca", type=click.Path(path_type=Path), metavar="FILE", help="The authority that signed the cluster's certificates (PEM)."),
    click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="The certificate to show to the scheduler (PEM)."),
    click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its private key (PEM, without a passphrase)."),
    click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run was asked to go about it."""

    timeout: timedelta
    run_timeout: timedelta
    stall: timedelta
    workers: int
    store: str | None
    no_store: bool
    engine: str
    scheduler: str
    tls_ca: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    quiet: bool
    max_rate: float | None
    nice: int | None
    ionice: IoPriority | None
    asked: Asked


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every option of `RunOptions`, given to the command as `how`."""
    names = set(RunOptions.__dataclass_fields__)

    @wraps(command)
    def with_how(*args: Any, **given: Any) -> Any:
        how = RunOptions(**{name: given.pop(name) for name in names})
        if how.store is not None and how.no_store:
            raise click.UsageError("--store and --no-store contradict each other")
        return command(*args, how=how, **given)

    decorated: Callable[..., Any] = with_how
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return verify_options(sparing_options(decorated))


@dataclass(slots=True)
class Session:
    """What a command holds while it looks at targets."""

    effort: Effort
    manner: Manner
    shown: Shown
    memory: Memory | None
    store: Store | None
    failure: StoreError | None = None
    """Why there is no store although one was wanted."""

    def record(self, assessment: Assessment, estate: Estate, packs: tuple[Pack, ...], waivers: bytes | None) -> None:
        """
        Keep the assessment where a store is kept. It was reported before, so a store that fails costs no answer; exit code 12 says that it did.

        Raises:
            StoreError: it is not kept, or what was read is not.
        """
        from drcheck.evidence import papers_of

        if self.store is not None:
            sampling = assessment.facts.sampling
            papers = papers_of(assessment, estate, packs, self.store.names_key(estate.organisation.id), waivers=waivers)
            self.store.record(assessment, papers, used_seed=bytes.fromhex(sampling.seed) if sampling is not None else None)
        self.insist()

    def past(self, assessment: Assessment) -> Past | None:
        """What earlier nights say beside the assessment; None where no store is kept, or it cannot be read: `insist` says so in the end."""
        from drcheck.errors import StoreError
        from drcheck.nights import past_of

        if self.store is None:
            return None
        organisation = assessment.estate.organisation
        try:
            return past_of(assessment, self.store.assessments(organisation), self.store.intervals(organisation))
        except StoreError as error:
            self.failure = self.failure or error
            return None

    def insist(self) -> None:
        """Raises the first failure of the store, once everything else was done."""
        for failure in ([self.failure] if self.failure is not None else []) + (self.memory.failures if self.memory is not None else []):
            raise failure


@contextmanager
def session(
    estate: Estate,
    packs: tuple[Pack, ...],
    how: RunOptions,
    *,
    command: str,
    read: bool = True,
    alone: bool = True,
    remember: bool = True,
    blind: bool = False,
) -> Iterator[Session]:
    """
    What a command holds while it looks at targets: the store with the run's lock, the engine, the display. Let go of at the end, however it comes.

    Args:
        command: as people know it, for whoever is kept out meanwhile.
        read: whether bytes are read.
        alone: whether no other run on the organisation may go on at the same time.
        remember: whether the store is used where nobody names one.
        blind: whether the command goes on where the store cannot be used, and fails at its end. Nothing is read then that the store should remember,
            since nobody knows what was.

    Raises:
        ConfigError: a tariff or the cluster is missing or wrong.
        Busy: another run on the organisation has not ended.
        StoreError: the store cannot be used, and the command does not go on without.
    """
    from drcheck.cli.niceness import lower_priority
    from drcheck.cli.progress import Shown
    from drcheck.errors import Busy, StoreError
    from drcheck.look import Effort
    from drcheck.model import printable
    from drcheck.pace import Pace
    from drcheck.verify import Manner
    from drcheck.verify.terms import priced

    lower_priority(how.nice, how.ionice)
    gc.set_threshold(GARBAGE)
    priced(estate, how.asked)
    with ExitStack() as stack:
        engine = stack.enter_context(_engine(how)) if how.engine != "local" or how.scheduler or how.tls_ca or how.tls_cert or how.tls_key else None
        store, memory, failure = None, None, None
        if not how.no_store and (remember or how.store is not None):
            try:
                store = stack.enter_context(_opened(how.store))
                if alone:
                    _take_turn(stack, store, estate, how, command)
                memory = _memory(estate, packs, store, how) if remember else None
            except Busy:
                raise
            except StoreError as error:
                if not blind:
                    raise
                store, failure = None, error
        shown = Shown(quiet=how.quiet)
        unread = remember and failure is not None
        if failure is not None:
            shown.say(f"{'no backup is read, since ' if unread and read else ''}the store cannot be used: {printable(str(failure))}")
        yield Session(
            effort=Effort(how.timeout.total_seconds(), how.run_timeout.total_seconds(), how.workers, read and not unread),
            manner=Manner(engine, Pace(how.max_rate), shown.progress, how.stall.total_seconds(), partial(_say_interrupted, shown)),
            shown=shown,
            memory=memory,
            store=store,
            failure=failure,
        )


def _say_interrupted(shown: Shown, seconds: float) -> None:
    shown.say(f"interrupted: what is being read is finished, within {seconds:g} s; again ends at once")


def _take_turn(stack: ExitStack, store: Store, estate: Estate, how: RunOptions, command: str) -> None:
    before = stack.enter_context(store.run_lock(estate.organisation.id, command))
    if before is not None and not how.quiet:
        click.echo(f"the run before broke off, and this one goes on from there: {before}", err=True)


def _engine(how: RunOptions) -> Engine:
    from drcheck.verify.engines import engine_for

    return engine_for(how.engine, scheduler=how.scheduler, tls_ca=how.tls_ca, tls_cert=how.tls_cert, tls_key=how.tls_key)


def _opened(where: str | None) -> Store:
    from drcheck.store import open_store

    return open_store(where)


def _memory(estate: Estate, packs: tuple[Pack, ...], store: Store, how: RunOptions) -> Memory:
    from drcheck.policy import policy_cycle
    from drcheck.verify import Memory

    cycle = policy_cycle(packs)
    return Memory(store, how.asked, {copy.id: cycle for copy in estate.copies} if cycle is not None else {})
