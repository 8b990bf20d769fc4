"""Telling people of a night: what is new is kept first and delivered then, so that what is not accepted tonight is tried again the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drcheck.clock import now
from drcheck.estate.notices import Notices
from drcheck.model import Assessment, Past, Waiver
from drcheck.model.notices import Delivery, DeliveryState, Notice, NoticeKind, Told
from drcheck.nights import Rhythm
from drcheck.notices.delivery import Answer, Channel, deliver
from drcheck.notices.digest import digest_lines, due
from drcheck.notices.events import changes, silence, troubles
from drcheck.notices.message import Message
from drcheck.notices.wording import night_message
from drcheck.store import NoticeBook


def tell_night(
    book: NoticeBook,
    notices: Notices,
    channels: Sequence[Channel],
    assessment: Assessment,
    past: Past,
    waivers: Iterable[Waiver],
    wrong: Mapping[str, str],
) -> dict[str, Answer]:
    """
    Tell every channel what it was not told yet; returns what each answered, by its name, and nothing of one that there is nothing to tell.

    Args:
        past: what the store knew before tonight.
        waivers: all that are written down.
        wrong: what drcheck itself could not do tonight, such as `output`, and what went wrong.

    Raises:
        StoreError: what was told could not be read or kept. What was delivered all the same is delivered again the next night.
    """
    earlier = book.told()
    run, at = assessment.run.id, assessment.run.reference
    made = notices_of(notices, assessment, past, waivers, wrong, earlier)
    book.add(run, at, made, [channel.name for channel in channels])
    told = [*earlier, *(Told(notice, run, at) for notice in made)]
    runs = waiting(book.deliveries())
    messages = {name: message_for(notices, assessment, past, told, names) for name, names in runs.items()}
    answers = deliver(channels, messages)
    for name, answer in answers.items():
        book.settle(name, runs[name], now(), "" if answer.accepted else answer.said)
    return answers


def notices_of(
    notices: Notices, assessment: Assessment, past: Past, waivers: Iterable[Waiver], wrong: Mapping[str, str], earlier: Sequence[Told]
) -> tuple[Notice, ...]:
    """Everything that people have to be told of a night, beside what they were told `earlier`."""
    at = assessment.run.reference
    last = past.nights[-1] if past.nights else None
    found = (silence(last, Rhythm(notices.every), earlier, at), due(notices, past.nights, earlier, at))
    return (*changes(assessment.findings, waivers, earlier, at), *troubles(wrong, earlier), *(notice for notice in found if notice is not None))


def waiting(deliveries: Iterable[Delivery]) -> dict[str, list[str]]:
    """The runs that each channel has not accepted, in their order."""
    found: dict[str, list[str]] = {}
    for each in deliveries:
        if each.state is DeliveryState.WAITING:
            found.setdefault(each.channel, []).append(each.run)
    return found


def message_for(notices: Notices, assessment: Assessment, past: Past, told: Sequence[Told], runs: Iterable[str]) -> Message:
    """The message about these runs, as one."""
    wanted = set(runs)
    mine = [each for each in told if each.run in wanted]
    digest = any(each.notice.kind is NoticeKind.DIGEST for each in mine)
    return night_message(assessment, mine, digest_lines(assessment, past, told, notices.every, wanted) if digest else ())
