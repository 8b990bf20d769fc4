"""A run that nobody watches: it waits its turn, keeps quiet, and tells people and a monitor how it ended."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from drcheck.cli.logs import LOG_FORMATS
from drcheck.cli.parameters import DURATION, REPORT
from drcheck.errors import OutputError, StoreError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from drcheck.cli.session import RunOptions, Session
    from drcheck.estate.schema import Estate
    from drcheck.model import Assessment, Past, TargetFacts, Waiver
    from drcheck.notices.ping import Monitor

_LOG = logging.getLogger(__name__)
_OPTIONS = (
    click.option(
        "--nightly",
        is_flag=True,
        help="For a timer: nothing is printed where the exit code is 0, one line otherwise; people and the monitor that the estate names are told.",
    ),
    click.option("--notify", is_flag=True, help="Tell people what has changed, as with --nightly."),
    click.option(
        "--jitter", type=DURATION, metavar="DURATION", help="Wait for up to so long first, by chance, so that many machines do not begin at once."
    ),
    click.option(
        "--also", type=REPORT, multiple=True, metavar="FORMAT=FILE", help="Write another report to a file, whole or not at all; may be repeated."
    ),
    click.option(
        "--log-format",
        type=click.Choice(LOG_FORMATS),
        default="auto",
        show_default=True,
        help="How stderr is written: as text, a JSON object a line, or with the journal's priorities; auto looks whether it leads there.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightOptions:
    """How a run was asked to go about it when nobody watches."""

    nightly: bool
    notify: bool
    jitter: timedelta | None
    also: tuple[tuple[str, Path], ...]
    log_format: str

    def quieted(self, how: RunOptions) -> RunOptions:
        """How to run so that nothing is said on the way."""
        return dataclasses.replace(how, quiet=True) if self.nightly else how


def night_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every option of `NightOptions`, given to the command as `night`."""
    names = tuple(NightOptions.__dataclass_fields__)

    @wraps(command)
    def with_night(*args: Any, **given: Any) -> Any:
        night = NightOptions(**{name: given.pop(name) for name in names})
        files = [file for _, file in night.also]
        if len(set(files)) < len(files):
            raise click.UsageError("two reports of --also would be written to one file")
        return command(*args, night=night, **given)

    decorated: Callable[..., Any] = with_night
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


class Tonight:
    """One run from its beginning to its end, however that comes. See `tonight`."""

    def __init__(self, estate: Estate, options: NightOptions) -> None:
        self._estate = estate
        self._options = options
        self._troubles: list[OutputError | StoreError] = []
        self._assessment: Assessment | None = None
        self._told = False
        self._monitor = self._monitor_of(estate) if options.nightly else None

    @property
    def tells(self) -> bool:
        """Whether people are to be told of what has changed."""
        return self._options.nightly or self._options.notify

    def begin(self) -> datetime:
        """Wait as asked, tell the monitor that the night begins, and return that moment."""
        from drcheck.clock import now, wait

        if self._options.jitter is not None:
            seconds = self._options.jitter.total_seconds() * secrets.randbelow(2**32) / 2**32
            _LOG.info("waits for %.0f s by chance", seconds)
            wait(seconds)
        started = now()
        if self._monitor is not None:
            self._say_unheard(self._monitor.start())
        return started

    def heard(self, shown: Callable[[TargetFacts], None]) -> Callable[[TargetFacts], None]:
        """What is told of each target: the log, and `shown`."""

        def told(facts: TargetFacts) -> None:
            why = facts.silence
            _LOG.info("%s after %.1f s", "answered" if why is None else why.reason, facts.seconds, extra={"target": facts.target})
            shown(facts)

        return told

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Goes on where a report or record cannot be written: `finish` says so in the end."""
        try:
            yield
        except (OutputError, StoreError) as error:
            self._troubles.append(error)

    def judged(self, assessment: Assessment) -> None:
        """Take what the night found."""
        from drcheck.notices.wording import summary

        self._assessment = assessment
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info("%s", summary(assessment))

    def tell(self, run: Session, past: Past | None, waivers: tuple[Waiver, ...]) -> None:
        """Tell people what has changed, where the estate names some and a store knows what they were told."""
        from drcheck.notices.delivery import channels_of
        from drcheck.notices.night import tell_night

        notices, assessment = self._estate.notices, self._assessment
        channels = channels_of(notices)
        if not self.tells or notices is None or not channels or assessment is None:
            return
        if run.store is None or past is None:
            if run.failure is None:
                click.echo("nobody is told of what has changed: without a store it is not known what they were told before", err=True)
            return
        wrong = {"output" if isinstance(error, OutputError) else "store": str(error) for error in reversed(self._troubles)}
        book = run.store.notices(self._estate.organisation.id)
        with self.going_on():
            answers = tell_night(book, notices, channels, assessment, past, waivers, wrong)
            self._told = True
            for channel in channels:
                answer = answers.get(channel.name)
                if answer is not None:
                    _LOG.info("%s", answer.said, extra={"channel": channel.name})
                if answer is not None and not answer.accepted:
                    click.echo(f"not delivered, and tried again with the next night: {channel.shown}: {answer.said}", err=True)

    def finish(self) -> None:
        """Raises what went wrong on the way, all of it, once everything else was done."""
        if self._troubles:
            first = self._troubles[0]
            raise type(first)("\n".join(dict.fromkeys(map(str, self._troubles)))) from first

    def ended(self) -> None:
        """Say in a line what a nightly run found, unless all is well, and tell the monitor."""
        from drcheck.notices.legs import unexamined
        from drcheck.notices.wording import summary

        if not self._options.nightly or self._assessment is None:
            return
        found, code = summary(self._assessment), self._assessment.exit_code
        if code:
            click.echo(found)
        if self._monitor is not None:
            missing = unexamined(self._assessment, self._estate)
            strict = self._estate.notices is not None and self._estate.notices.ping is not None and self._estate.notices.ping.success == "good"
            body = "\n".join([f"exit code {code}", found, *(f"not examined: {why}" for why in missing)]) + "\n"
            good = code == 0 or (not missing and not strict)
            self._say_unheard(self._monitor.success(body) if good else self._monitor.fail(body))

    def broke_off(self, error: BaseException) -> None:
        """Tell the monitor, and people where it is not they who ended it, that the night did not come to its end. Raises nothing of its own."""
        from drcheck.errors import DrcheckError
        from drcheck.notices.wording import summary

        interrupted = isinstance(error, KeyboardInterrupt | click.Abort | GeneratorExit)
        if isinstance(error, click.UsageError) or not self.tells:
            return
        # What another error says may hold anything.
        why = str(error) if isinstance(error, DrcheckError) else "interrupted" if interrupted else f"drcheck crashed: {type(error).__name__}"
        if self._assessment is not None and self._options.nightly and self._assessment.exit_code:
            click.echo(summary(self._assessment))
        if not interrupted and not self._told:
            self._tell_of(why)
        if self._monitor is not None:
            self._say_unheard(self._monitor.fail(f"{why}\n"))

    def _tell_of(self, why: str) -> None:
        from drcheck.clock import format_moment, now
        from drcheck.notices.delivery import channels_of, deliver
        from drcheck.notices.wording import summary, trouble_message

        found = summary(self._assessment) if self._assessment is not None else ""
        organisation = self._estate.organisation
        message = trouble_message(organisation.id, organisation.name, why, format_moment(now()), found)
        channels = channels_of(self._estate.notices)
        answers = deliver(channels, {channel.name: message for channel in channels})
        for channel in channels:
            if not answers[channel.name].accepted:
                click.echo(f"not delivered: {channel.shown}: {answers[channel.name].said}", err=True)

    def _monitor_of(self, estate: Estate) -> Monitor | None:
        from drcheck.notices.ping import Monitor

        ping = estate.notices.ping if estate.notices is not None else None
        return Monitor(ping.url, str(uuid.uuid4())) if ping is not None else None

    def _say_unheard(self, trouble: str) -> None:
        if trouble:
            click.echo(f"the monitor was not told: {trouble}", err=True)


@contextmanager
def tonight(estate: Estate, options: NightOptions) -> Iterator[Tonight]:
    """One run: whatever ends it, those who are to know are told. Raises what was raised within."""
    night = Tonight(estate, options)
    try:
        yield night
    except BaseException as error:
        night.broke_off(error)
        raise
    night.ended()


def refuse_contradictions(context: click.Context, options: NightOptions, *, output: Path | None, looks: bool, no_store: bool) -> None:
    """Raises UsageError where other options contradict these."""
    if (options.nightly or options.notify) and not looks:
        raise click.UsageError("--nightly and --notify are of the present; leave --as-of and --facts out")
    if options.notify and no_store:
        raise click.UsageError("--notify needs a store, which knows what was told before; leave --no-store out")
    given = context.get_parameter_source("format_")
    if options.nightly and output is None and given is not ParameterSource.DEFAULT:
        raise click.UsageError("--nightly prints no report; name a file for it with --output, or with --also FORMAT=FILE")
