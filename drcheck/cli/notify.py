"""`drcheck notify`: whether people and the monitor would really be told, and what they were told."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import estate_option, store_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drcheck.estate.notices import Notices
    from drcheck.estate.schema import Estate
    from drcheck.model import Night
    from drcheck.model.notices import Delivery
    from drcheck.store import NoticeBook, Store


@click.group(short_help="Test the channels and the monitor, and show what people were told.")
def notify() -> None:
    """Test the channels and the monitor that the estate names under [notices], and show what people were told.

    People are told of what has changed by `drcheck check --nightly` (or --notify), each thing once.
    """


@notify.command(short_help="Send a test through every channel, and say what would really be delivered.")
@estate_option
@store_option
def test(estate_file: Path, store: str | None) -> int:
    """Send a test through every channel and to the monitor, and say what the last night would have sent.

    The monitor is told by a log ping, which turns nothing green or red. Exits with 0 only if every one of them accepted, else with 12; with 2
    where the estate names none.
    """
    from drcheck.clock import format_moment, now
    from drcheck.model import printable
    from drcheck.notices.delivery import channels_of, deliver
    from drcheck.notices.message import Message
    from drcheck.notices.ping import Monitor
    from drcheck.open_estate import open_estate

    estate = open_estate(estate_file)
    notices, channels = _declared(estate), channels_of(estate.notices)
    moment, name = format_moment(now()), printable(estate.organisation.name)
    body = f"This is a test, sent at {moment} by `drcheck notify test`. Notices of {name} would come like this.\n"
    message = Message(f"drcheck {name}: this is a test", body, uuid.uuid4().hex)
    answers = deliver(channels, {channel.name: message for channel in channels})
    good = True
    for channel in channels:
        answer = answers[channel.name]
        good &= answer.accepted
        click.echo(f"{'accepted' if answer.accepted else 'REFUSED':9} {channel.shown}: {printable(answer.said)}")
    if not channels:
        click.echo("nobody   no channel is named under [notices], so nobody is told of anything; add `to` or [notices.smtp]")
    if notices.ping is not None:
        trouble = Monitor(notices.ping.url, str(uuid.uuid4())).log(body)
        good &= not trouble
        click.echo(f"{'REFUSED' if trouble else 'accepted':9} monitor: {trouble or 'it heard the test; a success is ' + _success(notices)}")
    else:
        click.echo("nobody   no monitor is named under [notices.ping], so nobody notices when drcheck itself no longer runs")
    click.echo()
    for line in _of_the_last_night(estate, notices, store):
        click.echo(line)
    return 0 if good else 12


@notify.command(short_help="Show what each channel has accepted, and what waits for the next night.")
@estate_option
@store_option
def status(estate_file: Path, store: str | None) -> int:
    """Show for each channel what it has accepted and what waits for the next night, with the reason."""
    from tabulate import tabulate

    from drcheck.cli.stored import opened
    from drcheck.clock import format_moment
    from drcheck.model import printable
    from drcheck.model.notices import DeliveryState
    from drcheck.notices.delivery import channels_of
    from drcheck.open_estate import open_estate

    estate = open_estate(estate_file)
    _declared(estate)
    shown = {channel.name: channel.shown for channel in channels_of(estate.notices)}
    with opened(store) as history:
        deliveries = history.notices(estate.organisation.id).deliveries()
    by_channel: dict[str, list[Delivery]] = {name: [] for name in shown}
    for each in deliveries:
        by_channel.setdefault(each.channel, []).append(each)
    rows = []
    for name, found in by_channel.items():
        accepted = [each for each in found if each.state is DeliveryState.ACCEPTED]
        waits = [each for each in found if each.state is DeliveryState.WAITING]
        last = format_moment(accepted[-1].tried or accepted[-1].at) if accepted else "never"
        why = printable(waits[-1].trouble) if waits else ""
        rows.append((printable(shown.get(name, f"{name} (no longer in the estate)")), len(accepted), last, len(waits), why))
    click.echo(tabulate(rows, headers=("channel", "nights accepted", "last", "nights waiting", "why"), tablefmt="simple", disable_numparse=True))
    return 0


@notify.command(short_help="Tell everybody that a scheduled run was killed; for systemd's OnFailure=.")
@estate_option
def failure(estate_file: Path) -> int:
    """Tell every channel and the monitor that a scheduled run did not end by itself; `drcheck schedule systemd` sets it up.

    What happened is taken from the variables that systemd sets for a unit in OnFailure= (MONITOR_SERVICE_RESULT and its neighbours). A run that ended
    by itself has told them already, so nothing is sent then.
    """
    from drcheck.clock import format_moment, now
    from drcheck.model import printable
    from drcheck.notices.delivery import channels_of, deliver
    from drcheck.notices.ping import Monitor
    from drcheck.notices.wording import trouble_message
    from drcheck.open_estate import open_estate

    result, status = (os.environ.get(f"MONITOR_{name}", "") for name in ("SERVICE_RESULT", "EXIT_STATUS"))
    if os.environ.get("MONITOR_EXIT_CODE") == "exited" and status in _TOLD_BY_ITSELF:
        return 0
    estate = open_estate(estate_file)
    notices, channels = _declared(estate), channels_of(estate.notices)
    why = f"The scheduled run did not end by itself: {printable(result) or 'nobody says why'}{f' ({printable(status)})' if status else ''}."
    message = trouble_message(estate.organisation.id, estate.organisation.name, why, format_moment(now()))
    answers = deliver(channels, {channel.name: message for channel in channels})
    refused = [f"{channel.shown}: {answers[channel.name].said}" for channel in channels if not answers[channel.name].accepted]
    if notices.ping is not None and (trouble := Monitor(notices.ping.url, str(uuid.uuid4())).fail(f"{why}\n")):
        refused.append(f"the monitor: {trouble}")
    for line in refused:
        click.echo(f"not delivered: {line}", err=True)
    return 12 if refused else 0


_TOLD_BY_ITSELF = frozenset({"0", "1", "10", "11", "12"})
"""Exit codes of runs that told people themselves what went wrong; one that ended with 2 could perhaps not read the estate that names them."""


def _declared(estate: Estate) -> Notices:
    from drcheck.errors import ConfigError

    notices = estate.notices
    if notices is None or not (notices.to or notices.smtp or notices.ping):
        raise ConfigError(
            f"{estate.file}: nobody is told of anything: add [notices] with `to`, [notices.smtp] or [notices.ping]; docs/nights.md shows how"
        )
    return notices


def _success(notices: Notices) -> str:
    if notices.ping is not None and notices.ping.success == "good":
        return "a night with exit code 0"
    return "a night in which every copy could be looked at, whatever was found"


def _of_the_last_night(estate: Estate, notices: Notices, where: str | None) -> Iterator[str]:
    """What the last night told, and what it left untold."""
    from drcheck.cli.stored import opened
    from drcheck.clock import format_moment
    from drcheck.errors import StoreError

    yield f"Digest: {notices.digest}{f', on {notices.day} (UTC)' if notices.digest == 'weekly' else ''}."
    try:
        with opened(where) as store:
            organisation = estate.organisation.id
            night = store.latest(organisation)
            if night is None:
                yield "No night was recorded so far: the first one with --nightly tells everything that is not as it should be."
                return
            yield f"Last night: run {night.run}, judged at {format_moment(night.reference)}."
            yield from _told(store.notices(organisation), night)
            yield from _untold(store, estate, notices, night)
    except StoreError as error:
        yield f"What the last night told is not known: {error}"


def _told(book: NoticeBook, night: Night) -> Iterator[str]:
    from drcheck.model import number_of, printable
    from drcheck.model.notices import DeliveryState

    made = book.told(run=night.run)
    yield f"It told {number_of(len(made), 'thing')}." if made else "It had nothing to tell, or told nobody."
    for each in book.deliveries():
        if each.run == night.run or each.state is DeliveryState.WAITING:
            yield f"  {printable(each.channel)}: {each.state}" + (f", {printable(each.trouble)}" if each.trouble else "")


def _untold(store: Store, estate: Estate, notices: Notices, night: Night) -> Iterator[str]:
    """What a night like the last one would tell now: nothing, where it told everything itself."""
    from drcheck.cli.stored import record_if_any
    from drcheck.model.notices import Told
    from drcheck.nights import past_of
    from drcheck.notices.night import message_for, notices_of
    from drcheck.policy import load_waivers

    assessment = record_if_any(store, night)
    if assessment is None:
        return
    organisation = estate.organisation.id
    past = past_of(assessment, store.assessments(organisation), store.intervals(organisation))
    waivers = load_waivers(estate.waivers) if estate.waivers else ()
    earlier = store.notices(organisation).told()
    made = notices_of(notices, assessment, past, waivers, {}, earlier)
    if not made:
        yield "Nothing of it is left untold."
        return
    run = assessment.run.id
    told = [*earlier, *(Told(notice, run, night.reference) for notice in made)]
    message = message_for(notices, assessment, past, told, [run])
    yield "It ran without --nightly and --notify, or was not told; the next night with one of them would tell of it:"
    yield ""
    yield f"  Subject: {message.subject}"
    yield from (f"  {line}".rstrip() for line in message.body.splitlines())
