"""`drcheck doctor`: what works at each target, what does not, and what will stay unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drcheck.cli.options import estate_option
from drcheck.cli.parameters import DURATION

if TYPE_CHECKING:
    from datetime import timedelta

    from drcheck.estate.schema import Estate
    from drcheck.model import Facts


@click.command(short_help="Say for each target what works, what does not, and what will stay unknown.")
@estate_option
@click.option("--timeout", type=DURATION, default="20s", show_default=True, help="For each target.")
@click.option("--aws-policy", metavar="TARGET", help="Print the least-privilege AWS policy for this S3 target, to paste, and look at nothing.")
def doctor(estate_file: Path, timeout: timedelta, aws_policy: str | None) -> int:
    """Look at every target and say what works: reachable, credentials, host key, permissions (too many as well as too few), clock, copies.

    At the end it lists the findings that will stay unknown, with the reason. Exits with 0 where no target has a problem, 10 where one has.
    """
    from tabulate import tabulate

    from drcheck.clock import now
    from drcheck.doctor import State, diagnose
    from drcheck.model import printable
    from drcheck.open_estate import open_estate

    estate = open_estate(estate_file)
    if aws_policy is not None:
        click.echo(_aws_policy(estate, aws_policy))
        return 0
    facts, symptoms = diagnose(estate, now=now(), seconds=timeout.total_seconds(), workers=16)
    marks = {State.GOOD: "ok", State.PROBLEM: "PROBLEM", State.UNKNOWN: "unknown"}
    rows, last = [], ""
    for symptom in symptoms:
        words = printable(symptom.detail) + (f"\n-> {printable(symptom.advice)}" if symptom.advice else "")
        rows.append(("" if symptom.target == last else symptom.target, symptom.question, marks[symptom.state], words))
        last = symptom.target
    click.echo(
        tabulate(rows, headers=("target", "question", "answer", "detail"), tablefmt="simple", maxcolwidths=[24, 24, None, 72], disable_numparse=True)
    )
    problems = sum(symptom.state is State.PROBLEM for symptom in symptoms)
    click.echo(f"\n{problems} problem{'s' if problems != 1 else ''}.")
    unknown = _will_stay_unknown(estate, facts)
    if unknown:
        click.echo("\nWith what was seen now, these will stay unknown:")
        for line in unknown:
            click.echo(f"  {printable(line)}")
    return 10 if problems else 0


def _will_stay_unknown(estate: Estate, facts: Facts) -> list[str]:
    """The findings that a check would leave unknown, apart from those that only wait for bytes to be read."""
    from dataclasses import replace

    from drcheck.clock import now
    from drcheck.model import Outcome, Reason, Unobserved
    from drcheck.policy import judge, load_packs
    from drcheck.restore.recorded import recorded_drills

    waiting = set()
    copies = []
    for copy, declared in zip(facts.copies, estate.copies, strict=True):
        if isinstance(copy.points, Unobserved):
            # What cannot be listed cannot be read.
            copies.append(replace(copy, verification=copy.points))
        elif declared.manifest is None:
            copies.append(replace(copy, verification=Unobserved(Reason.NOT_ATTEMPTED, "no manifest is declared for this copy")))
        else:
            copies.append(copy)
            waiting.add(("integrity.checksums", copy.id))
    facts = replace(facts, copies=tuple(copies), drills=recorded_drills(estate))
    findings, _ = judge(estate, load_packs(estate), facts, now=now())
    unknown = [finding for finding in findings if finding.outcome is Outcome.UNKNOWN and (finding.check, finding.subject.id) not in waiting]
    about: dict[tuple[str, str], list[str]] = {}
    for finding in unknown:
        # Facts with a reason say it in a word; where none is missing (a domain that nobody declared), the message does.
        reasons = sorted({str(fact.reason) for fact in finding.facts if fact.reason is not None})
        subjects = about.setdefault((finding.check, ", ".join(reasons) or finding.message), [])
        if finding.subject.id not in subjects:
            subjects.append(finding.subject.id)
    return [f"{check} on {', '.join(subjects)}: {why}" for (check, why), subjects in about.items()]


def _aws_policy(estate: Estate, name: str) -> str:
    from drcheck.connectors import connector_class
    from drcheck.connectors.s3 import S3Options, least_privilege_policy

    targets = {target.id: target for target in estate.targets if target.connector == "s3"}
    if name not in targets:
        raise click.BadParameter(f"{name!r} is not an S3 target of {estate.file}; those are: {', '.join(targets) or 'none'}")
    options = connector_class("s3").options_class.model_validate(targets[name].options, context={"base": estate.file.parent})
    if not isinstance(options, S3Options):
        raise TypeError("the s3 connector has other options")
    return json.dumps(least_privilege_policy(options), indent=2)
