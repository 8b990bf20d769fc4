"""An assessment: one run, frozen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from drcheck.model.findings import Finding, Outcome, Severity
from drcheck.model.seen import Facts

EXIT_GOOD = 0
EXIT_CRASH = 1
EXIT_USAGE = 2
EXIT_FAIL = 10
EXIT_UNKNOWN = 11
EXIT_OUTPUT = 12
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tool."""

    id: str
    """Unique: the start in UTC and a random part."""
    reference: datetime
    """The moment that everything was judged against, UTC."""
    as_of: bool
    """Whether that moment was given with `--as-of`, rather than being the present."""
    facts_from: str
    """The file that the facts came from; empty where this run looked for itself."""
    started: datetime
    finished: datetime
    version: str
    plugins: tuple[tuple[str, str], ...] = ()
    """Trusted distributions and their versions."""


@dataclass(frozen=True, slots=True)
class EstateUsed:
    """Which estate was judged."""

    file: str
    digest: str
    """Of the file's bytes."""
    organisation: str
    name: str
    country: str
    code: str
    rehearsal: bool
    """Whether folders on one machine stand in for places, so that devices are known by declaration only."""


@dataclass(frozen=True, slots=True)
class ControlUsed:
    """One control that was judged, with the parameters that it was judged by."""

    id: str
    clause: str
    title: str
    check: str
    severity: Severity
    sure: str
    issuer_parameters: tuple[tuple[str, str], ...]
    """Numbers and choices that the issuer's text gives, in words."""
    our_parameters: tuple[tuple[str, str], ...]
    """Numbers and choices that drcheck, or the estate, made."""


@dataclass(frozen=True, slots=True)
class PolicyUsed:
    """Which pack was judged by."""

    id: str
    version: str
    title: str
    issuer: str
    document: str
    document_version: str
    url: str
    digest: str
    controls: tuple[ControlUsed, ...]


OtherDomains = tuple[tuple[str, tuple[str, ...]], ...]
"""The failure domains of every kind but `building`, as declared: each kind with its names."""


@dataclass(frozen=True, slots=True)
class SiteUsed:
    """One declared site."""

    id: str
    name: str
    buildings: tuple[str, ...] = ()
    """The buildings that it is declared to stand in; two sites of one building are lost together."""
    domains: OtherDomains | None = None
    """What else it is declared to stand in; None in records of before that was kept."""


@dataclass(frozen=True, slots=True)
class SystemUsed:
    """One declared system: who answers for it, where it runs, and what was promised of it."""

    id: str
    name: str
    tier: str
    owner: str
    site: str
    """Of the live system."""
    device: str
    """The storage that is declared to hold the live data; empty where none is."""
    buildings: tuple[str, ...]
    """Those that are declared of the live system besides its site's."""
    rpo: timedelta
    rto: timedelta | None
    domains: OtherDomains | None = None
    """What else is declared of the live system besides its site's; None in records of before that was kept."""


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """Where one declared copy stands."""

    system: str
    target: str
    site: str
    path: str
    format: str
    role: str
    offsite: bool
    """Whether its site is another than the system's production site."""


@dataclass(frozen=True, slots=True)
class TargetPlace:
    """Where one declared target stands."""

    target: str
    connector: str
    site: str
    address: str
    """How it is reached, without any secret."""
    device: str = ""
    """The storage that is declared to be behind it; empty where none is."""
    buildings: tuple[str, ...] = ()
    """Those that are declared of it besides its site's."""
    offline: bool = False
    """Whether it is declared to be disconnected between uses."""
    domains: OtherDomains | None = None
    """What else is declared of it besides its site's; None in records of before that was kept."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One run, frozen: what was declared, what was seen, and what was found."""

    run: Run
    estate: EstateUsed
    policies: tuple[PolicyUsed, ...]
    targets: tuple[TargetPlace, ...]
    copies: tuple[CopyPlace, ...]
    facts: Facts
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """What the reader should know besides, such as an expired or unused waiver."""
    sites: tuple[SiteUsed, ...] = ()
    """Every declared site; empty in records of before they were kept."""
    systems: tuple[SystemUsed, ...] = ()
    """Every declared system; empty in records of before they were kept."""

    def counts(self) -> dict[Outcome, int]:
        """How many findings have each outcome; every outcome has an entry."""
        found = Counter(finding.outcome for finding in self.findings)
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def exit_code(self) -> int:
        """
        10 where an unwaived finding failed; else 11 where anything unwaived is unknown or in error, or nothing was judged; else 0.

        A report's format never changes it.
        """
        standing = [finding.outcome for finding in self.findings if not finding.waived]
        if Outcome.FAIL in standing:
            return EXIT_FAIL
        if Outcome.UNKNOWN in standing or Outcome.ERROR in standing:
            return EXIT_UNKNOWN
        judged = any(finding.outcome in (Outcome.PASS, Outcome.FAIL) or finding.waived for finding in self.findings)
        return EXIT_GOOD if judged else EXIT_UNKNOWN
