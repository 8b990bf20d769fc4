"""The reference of the checks, as Markdown, made from their definitions."""

from __future__ import annotations

from drcheck.checks import all_checks
from drcheck.checks.base import FACTS, Check, words_of

_HEAD = """\
# Checks

A check judges facts that were seen; it looks at nothing itself. A control in a [policy](../policies) binds a clause of guidance to a check and may
set its parameters. Made from the definitions in `drcheck/checks/`; `drcheck policy checks` prints the same.

What holds for every check:

- Where a fact that it needs is missing, the finding is **unknown**, with the reason, and the check is not asked.
- A control can be asked of some subjects only, by what is declared of them: by their tier, format, or a parameter such as `immutable_only`. For the
  others the finding is **not applicable**, whatever was seen.
- A check that counts copies counts each as yes, no or perhaps. Enough yes is a pass; too few even if every perhaps were a yes is a failure; anything
  between is unknown. So a missing fact can turn a pass into an unknown, and never the other way round.
- There is one exception, and it says so: silence is what a target that is declared offline should answer, so its silence lets `copies.offline` and
  `declared.matches.observed` rest on the declaration (assurance: declared).
- A finding's assurance is the weakest source that it rests on: observed, configured, attested or declared.
"""


def checks_reference() -> str:
    """`docs/checks.md`."""
    return "\n".join([_HEAD, *(_section(check) for check in all_checks())])


def _section(check: Check) -> str:
    lines = [f"## `{check.id}`", "", f"{check.title}. Asked of each {check.subject}; severity {check.severity} where a control does not say.", ""]
    lines += [f"**PASS means:** {check.passes}", "", f"**Needs:** {needs_words(check)}", ""]
    if check.parameters:
        lines += ["| parameter | is | default | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{parameter.name}` | {parameter.allowed} | {words_of(parameter.default)} | {parameter.meaning} |" for parameter in check.parameters
        ]
    else:
        lines.append("No parameters.")
    lines += ["", f"**What to do:** {check.remediation}", ""]
    return "\n".join([*lines, *([f"**What to do about an unknown:** {check.to_know}", ""] if check.to_know else [])])


def needs_words(check: Check) -> str:
    """The facts that a check needs, in words."""
    needs = "; ".join(f"`{name}`: {FACTS[check.subject][name]}" for name in check.needs)
    return needs + (f". Of each it looks at: {', '.join(check.looks_at)}" if check.looks_at else "")
