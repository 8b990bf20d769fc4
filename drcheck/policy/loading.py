"""Loading packs: the whole file is judged before anything is looked at, and every problem is said at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from drcheck.canonical import digest_bytes
from drcheck.checks import BUILTIN, GROUP, check_named
from drcheck.checks.base import Check, Parameter, Value
from drcheck.errors import ConfigError, Problem
from drcheck.estate.problems import Keys, Written, in_order
from drcheck.estate.schema import Estate
from drcheck.estate.toml_text import shown
from drcheck.estate.written import parse_toml, read_bytes
from drcheck.plugins import available, suggest
from drcheck.policy.pack import Control, Pack
from drcheck.policy.schema import WrittenPack


def load_packs(estate: Estate, policies: Sequence[str] = ()) -> tuple[Pack, ...]:
    """
    The packs that the estate chose, or those in `policies` instead: ids, or paths beginning with `./`, `../` or `/`.

    A path in the estate is relative to the estate file; one in `policies` to the working folder.

    Raises:
        ConfigError: a pack is not there, is wrong, or is named twice; holds the problems of all of them.
    """
    names = policies or estate.policies
    base = Path() if policies else estate.file.parent
    whence = "--policy" if policies else str(estate.file)
    packs: list[Pack] = []
    problems: list[Problem] = []
    for place, name in enumerate(names):
        key = "" if policies else f"policies[{place}]"
        try:
            pack = load_pack(name, base=base, trusted=estate.plugins)
        except ConfigError as error:
            problems += error.problems or [Problem(whence, key, str(error))]
            continue
        if any(pack.id == other.id for other in packs):
            problems.append(Problem(whence, key, f"the pack {pack.id} is named twice"))
        packs.append(pack)
    if problems:
        raise ConfigError(problems)
    return tuple(packs)


def load_pack(name: str, *, base: Path | None = None, trusted: Collection[str] = ()) -> Pack:
    """
    The pack with this id, or in the file at this path (relative to `base`). `trusted` are the distributions whose checks it may use.

    Raises:
        ConfigError: there is none, or anything in it is wrong.
    """
    if name.startswith((".", "/", "~")) or Path(name).is_absolute():
        path = (base or Path()) / Path(name).expanduser()
        return _read(path, read_bytes(path, noun="a pack file", if_missing="drcheck policy list shows the packs that come with drcheck"), trusted)
    shipped = _shipped()
    if name not in shipped:
        known = ", ".join(shipped) or "none"
        hint = suggest(name, shipped)
        raise ConfigError(f"no pack has the id {shown(name)}; known: {known}; a file is named with ./ in front" + (f" ({hint})" if hint else ""))
    return _read(Path(str(shipped[name])), shipped[name].read_bytes(), trusted)


def shipped_packs() -> tuple[Pack, ...]:
    """Every pack that comes with drcheck, by id. Raises ConfigError where one is wrong (a bug)."""
    return tuple(load_pack(name) for name in _shipped())


def _shipped() -> dict[str, Traversable]:
    """The pack files that come with drcheck, by id. Run from a checkout without installing, they lie beside the package."""
    try:
        folder: Traversable = resources.files("drcheck_policies")
    except ModuleNotFoundError:
        folder = Path(__file__).resolve().parents[2] / "policies"
    if not folder.is_dir():
        return {}
    found = {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return dict(sorted(found.items()))


def _read(path: Path, content: bytes, trusted: Collection[str]) -> Pack:
    document = parse_toml(path, content)
    written = Written(path, document)
    pack, problems = written.validated(WrittenPack)
    bound = list(_bound(written, document, trusted, problems))
    if pack is None or problems:
        raise ConfigError(in_order(document, problems))
    controls = tuple(Control(control, check, parameters) for control, (check, parameters) in zip(pack.controls, bound, strict=True))
    return Pack(pack, controls, str(path), digest_bytes(content), content)


def _bound(
    written: Written, document: dict[str, Any], trusted: Collection[str], problems: dict[Keys, Problem]
) -> Iterator[tuple[Check, dict[str, Value]]]:
    """The check and parameters of each control; whatever is wrong is added to `problems`, whether or not the form of the rest is right."""
    controls = document.get("controls")
    ids: dict[str, int] = {}
    for place, control in enumerate(controls if isinstance(controls, list) else []):
        if not isinstance(control, dict):
            continue
        keys: Keys = ("controls", place)
        name = control.get("id")
        if isinstance(name, str) and ids.setdefault(name.strip(), place) != place:
            problems[*keys, "id"] = written.problem((*keys, "id"), f"{shown(name)} is already the id of controls[{ids[name.strip()]}]")
        check = _check(written, (*keys, "check"), control.get("check"), trusted, problems)
        if check is None:
            continue
        yield check, _parameters(written, keys, control, check, problems)


def _check(written: Written, keys: Keys, name: object, trusted: Collection[str], problems: dict[Keys, Problem]) -> Check | None:
    if not isinstance(name, str) or not name.strip():
        return None
    try:
        found: object = check_named(name.strip(), trusted)
    except ConfigError as error:
        known = available(BUILTIN, GROUP, trusted)
        unknown = f"no check is called {shown(name)}; known: {', '.join(known)}"
        problems[keys] = written.problem(keys, str(error) if name.strip() in known else unknown, suggest(name, known))
        return None
    if not isinstance(found, Check):
        problems[keys] = written.problem(keys, f"{shown(name)} is no check but a {type(found).__name__}")
        return None
    return found


def _parameters(written: Written, keys: Keys, control: dict[str, Any], check: Check, problems: dict[Keys, Problem]) -> dict[str, Value]:
    given = {side: control[side] if isinstance(control.get(side), dict) else {} for side in ("issuer", "ours")}
    if given["ours"] and not control.get("because"):
        problems[*keys, "because"] = written.problem((*keys, "because"), "is missing: a number or choice of ours needs its reason")
    values: dict[str, Value] = {parameter.name: parameter.default for parameter in check.parameters}
    for side, parameters in given.items():
        for name, value in parameters.items():
            at: Keys = (*keys, side, name)
            parameter = check.parameter(name)
            if parameter is None:
                known = [parameter.name for parameter in check.parameters]
                allowed = f"it has {', '.join(known)}" if known else "it has none"
                problems[at] = written.problem(at, f"the check {check.id} has no such parameter; {allowed}", suggest(name, known))
            elif side == "ours" and name in given["issuer"]:
                problems[at] = written.problem(at, "is given by the issuer too; a number is the issuer's or ours")
            else:
                try:
                    values[name] = parameter.parse(value)
                except ValueError as error:
                    problems[at] = written.problem(at, str(error), _suggested(value, parameter))
    return values


def _suggested(value: object, parameter: Parameter) -> str:
    words = value if isinstance(value, list) else [value]
    wrong = next((word for word in words if isinstance(word, str) and word not in parameter.choices), "")
    return suggest(wrong, parameter.choices)
