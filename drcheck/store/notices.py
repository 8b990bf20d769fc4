"""What people were told, night by night, and what each channel has accepted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from drcheck.model.findings import Outcome, Severity, Subject, SubjectKind
from drcheck.model.notices import Delivery, DeliveryState, Notice, NoticeKind, Told
from drcheck.store.database import Database
from drcheck.store.history import organisation_number
from drcheck.store.schema import deliveries, notices, organisations


class NoticeBook:
    """What one organisation's people were told. Every method raises StoreError where the store cannot be read or written."""

    def __init__(self, database: Database, organisation: str) -> None:
        self._database = database
        self._organisation = organisation

    def told(self, *, run: str | None = None, since: datetime | None = None) -> list[Told]:
        """Every notice, in the order in which they were made; of one run, or of nights from `since` on, where that is given."""
        wanted = select(notices).join(organisations, notices.c.organisation == organisations.c.id).where(organisations.c.name == self._organisation)
        if run is not None:
            wanted = wanted.where(notices.c.run == run)
        if since is not None:
            wanted = wanted.where(notices.c.at >= since)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(notices.c.id)).all()
        return [
            Told(
                Notice(
                    NoticeKind(row.kind),
                    row.policy,
                    row.control,
                    Subject(SubjectKind(row.subject_kind), row.subject),
                    Outcome(row.outcome) if row.outcome else None,
                    Severity(row.severity) if row.severity else None,
                    row.about,
                ),
                row.run,
                row.at,
            )
            for row in rows
        ]

    def add(self, run: str, at: datetime, made: Sequence[Notice], channels: Collection[str]) -> None:
        """
        Keep the notices of a night, to be delivered on every one of `channels`; whole or not at all. What still waits for another channel is dropped,
        since nobody can deliver it there.
        """
        with self._database.writing() as connection:
            number = organisation_number(connection, self._organisation)
            waiting = update(deliveries).where(deliveries.c.organisation == number, deliveries.c.state == DeliveryState.WAITING.value)
            connection.execute(waiting.where(deliveries.c.channel.not_in(sorted(channels))).values(state=DeliveryState.DROPPED.value))
            if made:
                connection.execute(insert(notices), [{"organisation": number, "run": run, "at": at, **_values(notice)} for notice in made])
                _add_deliveries(connection, number, run, at, channels)

    def deliveries(self) -> list[Delivery]:
        """Every delivery, in the order in which the nights were told."""
        columns = [deliveries.c[name] for name in ("run", "channel", "at", "state", "tried", "trouble")]
        wanted = select(*columns).join(organisations, deliveries.c.organisation == organisations.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(organisations.c.name == self._organisation).order_by(deliveries.c.id)).all()
        return [Delivery(row.run, row.channel, row.at, DeliveryState(row.state), row.tried, row.trouble) for row in rows]

    def settle(self, channel: str, runs: Collection[str], tried: datetime, trouble: str) -> None:
        """Keep what came of delivering the notices of `runs` on a channel: accepted, or not yet because of `trouble`."""
        state = DeliveryState.WAITING if trouble else DeliveryState.ACCEPTED
        with self._database.writing() as connection:
            number = organisation_number(connection, self._organisation)
            mine = update(deliveries).where(deliveries.c.organisation == number, deliveries.c.channel == channel, deliveries.c.run.in_(sorted(runs)))
            connection.execute(mine.values(state=state.value, tried=tried, trouble=trouble))


def _add_deliveries(connection: Connection, organisation: int, run: str, at: datetime, channels: Collection[str]) -> None:
    state = DeliveryState.WAITING.value
    rows = [{"organisation": organisation, "run": run, "channel": channel, "at": at, "state": state, "trouble": ""} for channel in channels]
    if rows:
        connection.execute(insert(deliveries), rows)


def _values(notice: Notice) -> dict[str, str]:
    return {
        "kind": notice.kind.value,
        "policy": notice.policy,
        "control": notice.control,
        "subject_kind": notice.subject.kind.value,
        "subject": notice.subject.id,
        "outcome": notice.outcome.value if notice.outcome else "",
        "severity": notice.severity.value if notice.severity else "",
        "about": notice.about,
    }
