"""How things stand, for a monitoring system: its state turns to UNKNOWN by itself where drcheck stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from drcheck.cli.status_text import answer, not_current
from drcheck.model import EXIT_FAIL, EXIT_GOOD, Outcome, Severity
from drcheck.reports.nagios import State, nagios_state, output, perfdata
from drcheck.reports.wording import caution

if TYPE_CHECKING:
    from drcheck.cli.status import Stood
    from drcheck.model import Assessment
    from drcheck.nights import Status

_WORST_FIRST = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)


def status_nagios(found: Sequence[Stood]) -> tuple[State, str]:
    """The state of all organisations together, which is the exit code, and a plugin's output; measures where there is one organisation."""
    if not found:
        return State.UNKNOWN, output(State.UNKNOWN, "drcheck has not run: the store holds no night")
    states = [_state(each, assessment) for each, assessment, _ in found]
    worst = min(states, key=_WORST_FIRST.index)
    each, assessment, _ = found[states.index(worst)]
    more = f"{each.organisation}: " if len(found) > 1 else ""
    summary = f"{more}{not_current(each) or answer(each, assessment).rpartition('; exit code ')[0]}{_caution(assessment)}"
    measures = perfdata(assessment) if assessment is not None and len(found) == 1 and each.current else ""
    return worst, output(worst, summary, measures, _details(found))


def _state(each: Status, assessment: Assessment | None) -> State:
    if not each.current or each.night is None:
        return State.UNKNOWN
    if assessment is not None:
        return nagios_state(assessment)
    failed = {problem.severity for problem in each.problems if problem.outcome is Outcome.FAIL and not problem.waived}
    if failed & {Severity.CRITICAL, Severity.HIGH}:
        return State.CRITICAL
    if each.night.exit_code == EXIT_GOOD:
        return State.OK
    unknown = any(problem.outcome is not Outcome.FAIL and not problem.waived for problem in each.problems)
    return State.WARNING if each.night.exit_code == EXIT_FAIL and not unknown else State.UNKNOWN


def _caution(assessment: Assessment | None) -> str:
    """What the night is not of, where it is a rehearsal: a monitor that is green for one must not be taken for one of real places."""
    said = caution(assessment) if assessment is not None else ""
    return f" ({said})" if said else ""


def _details(found: Iterable[Stood]) -> Iterable[str]:
    for each, assessment, running in found:
        if why := not_current(each):
            yield f"* {each.organisation}: {why}"
        if running is not None:
            yield f"* {each.organisation}: a run has begun and not ended, so it goes on or was killed: {running}"
        if each.night is not None:
            yield f"* {each.organisation}: {answer(each, assessment)}{_caution(assessment)}"
        for problem in each.problems:
            waived = ", waived" if problem.waived else ""
            said = problem.message or f"{problem.controls[0][0]} {problem.controls[0][1]}"
            yield f"* {problem.outcome.upper()} {problem.severity}{waived}: {problem.subject.id} since {problem.since:%Y-%m-%d}: {said}"
