"""Help in sections: a command with many options shows them by what they are for."""

from __future__ import annotations

from collections.abc import Mapping

import click

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "What to do": ("estate_file", "policies", "only_plan", "no_read", "as_of", "facts_file", "nightly", "notify", "jitter"),
    "What to write": ("format_", "output", "only", "wide", "also", "keep_facts", "calls_file", "quiet", "log_format"),
    "How much to read tonight": (
        "cycle",
        "full",
        "budget_bytes",
        "budget_time",
        "budget_requests",
        "budget_money",
        "tariff",
    ),
    "How long, and how sparingly": ("timeout", "run_timeout", "stall", "workers", "max_rate", "nice", "ionice"),
    "What to remember": ("store", "no_store"),
    "Where to read": ("engine", "scheduler", "tls_ca", "tls_cert", "tls_key"),
}
"""The parameters of the commands that look at targets, by section, in the order in which they are shown."""


class SectionedCommand(click.Command):
    """A command whose help has the sections of `SECTIONS`; what none of them names comes last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every option, as click does, below the title of its section."""
        records = {param.name: record for param in self.get_params(ctx) if (record := param.get_help_record(ctx)) is not None}
        shown = [(title, [records.pop(name) for name in names if name in records]) for title, names in SECTIONS.items()]
        for title, rows in [*shown, ("Other", list(records.values()))]:
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
