"""The reference of the estate file, made from its models."""

from __future__ import annotations

from drcheck.connectors import BUILTIN as CONNECTORS
from drcheck.connectors import connector_class
from drcheck.estate.reference import estate_schema, key_table, sections
from drcheck.estate.schema import DOMAIN_KINDS
from drcheck.estate.starter import Answers, starter
from drcheck.formats import BUILTIN as FORMATS
from drcheck.formats import format_class
from drcheck.restore.records import DrillRecord
from drcheck.restore.template import drill_template

_INTRODUCTION = """\
<!-- Made by `python -m docs.generate` from drcheck/estate/schema.py and its neighbours. Edit those. -->

# The estate file

An estate is what an organisation declares about its sites, systems, backup targets and copies: one TOML file, `estate.toml` unless
`--estate` or `DRCHECK_ESTATE` names another. drcheck compares it with what is really there.

* `drcheck init` writes one to start from; `drcheck estate validate` names everything that is wrong in it; `drcheck estate show` prints it.
* Unknown keys are refused, so a typing error never switches a check off. A secret in the file is refused too.
* [estate.schema.json](estate.schema.json) is its JSON Schema, for editors. It knows neither references between sections nor the options of
  connectors and formats; `drcheck estate validate` does.
"""

_VALUES = """\
## Kinds of value

| kind | how it is written |
|---|---|
| duration | text with numbers and units: `"90s"`, `"15m"`, `"24h"`, `"35d"`, `"2w"`, `"1d12h"`. A bare number is refused. |
| size | text with a number and a unit: `"500GiB"`, `"1.5TB"`, `"1048576B"`. KiB, MiB, GiB … are powers of 1024, kB, MB, GB … of 1000. \
A bare number is refused. |
| amount of money | a number without sign or currency, best as text: `"5.00"`, `"0.0004"` |
| id | lower-case letters, digits, dot, dash and underline; starts with a letter or digit; at most 63 characters |
| moment | a date, a time and a zone: `2026-03-01T02:10:00Z`, with or without quotes. Without a zone it is refused. |
| date | `2026-03-01`, with or without quotes |
| path | a file or folder on this machine; a relative one begins beside the estate file, `~` is the home folder |
| path at the target | parts joined by `/`, below the target's root; never `..` |
| secret reference | where a secret is kept, never the secret: `"env:NAME"`, `"file:/path"` (mode 0600), `"systemd:NAME"`, \
`"command:program argument"` (its first line), `"keyring:service/user"` |
"""

_DOMAINS = """\
## Failure domains

`domains` says what a place stands in: a table from kind to a name, or a list of names. Two places with the same name under one kind fail together.
A target or system adds its own `domains` to those of its site.

Kinds: {kinds}.

```toml
[[sites]]
id = "north"
name = "North data centre"
domains = {{ building = "north", power = ["feed-a", "feed-b"], cooling = "chiller-plant-1", identity = "hospital-directory" }}
```
"""

_DRILLS = """\
## Recorded drills

The file that `drills` names: TOML with one `[[drills]]` entry a drill, or, where its name ends with `.jsonl`, one JSON object a line with the same
keys. A record is unsigned, so what rests on it is known by declaration only.
"""

_TITLES = (
    ("", "The file", "Keys at the top of the file."),
    ("Organisation", "organisation", "`[organisation]`"),
    ("Site", "site", "`[[sites]]`"),
    ("System", "system", "`[[systems]]`"),
    ("Production", "production", "`production = { … }` in a system."),
    ("Target", "target", "`[[targets]]`"),
    ("Verify", "verify", "`[verify]`. [Rolling verification](verify.md) says what it does."),
    ("Budget", "budget", "`[verify.budget]`, and `budget = { … }` in a target. Both hold."),
    ("Offline", "offline", "`offline = { … }` in a target."),
    ("Copy", "copy", "`[[copies]]`. One system has at most one copy at one target. A system without copies is no error here: it is a finding."),
    ("Manifest", "manifest", "`manifest = { … }` in a copy."),
    ("Notices", "notices", "`[notices]`. [Nights](nights.md) says what is told, and when."),
    ("Smtp", "smtp", "`[notices.smtp]`."),
    ("Ping", "ping", "`[notices.ping]`."),
)


def page() -> str:
    """The page as Markdown."""
    schema = estate_schema()
    tables = sections(schema)
    missing = set(tables) - {name for name, _, _ in _TITLES}
    if missing:
        raise ValueError(f"docs/estate_page.py has no title for {', '.join(sorted(missing))}")
    parts = [_INTRODUCTION, _VALUES, _DOMAINS.format(kinds=", ".join(f"`{kind}`" for kind in DOMAIN_KINDS))]
    for name, title, where in _TITLES:
        about = schema["$defs"][name]["description"] + " " if name else ""
        parts.append(f"## {title}\n\n{about}{where}\n\n{tables[name]}\n")
    parts.append("## Options of connectors\n\n`options = { … }` in a target.\n")
    parts += [
        f'### `connector = "{kind}"`\n\n{_about(connector_class(kind).options_class)}\n\n{key_table(connector_class(kind).options_class)}\n'
        for kind in CONNECTORS
    ]
    parts.append("## Options of formats\n\n`options = { … }` in a copy.\n")
    parts += [
        f'### `format = "{kind}"`\n\n{_about(format_class(kind).options_class)}\n\n{key_table(format_class(kind).options_class)}\n'
        for kind in FORMATS
    ]
    parts.append(f"{_DRILLS}\n{key_table(DrillRecord)}\n\n`drcheck drill template` prints an entry to fill in:\n\n```toml\n{drill_template()}```\n")
    parts.append(f"## A whole file\n\nWhat `drcheck init --yes` writes:\n\n```toml\n{starter(Answers())}```\n")
    return "\n".join(parts)


def _about(model: type) -> str:
    return (model.__doc__ or "").strip().split("\n")[0]
