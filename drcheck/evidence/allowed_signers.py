"""
The allowed_signers file: whose signatures are taken, for what, and between which moments (ssh-keygen(1), ALLOWED SIGNERS).

One line a key: principals, options, the key. Where ssh-keygen would only find out that a line is wrong when it gets there, every wrong line is named
here before anything is verified. Two things are refused that ssh-keygen knows: certificates, and times without a zone, which it reads in that of
the machine it runs on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from drcheck.clock import format_moment
from drcheck.errors import EvidenceError
from drcheck.evidence.public_keys import PublicKey, key_from_line
from drcheck.evidence.small_files import read_small
from drcheck.evidence.sshsig import NAMESPACE
from drcheck.model import printable

_MOST_TOLD = 20
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:\\"|[^"\\]|\\(?!"))*)")?')
_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?")
_KNOWN = ("cert-authority", "namespaces", "valid-after", "valid-before")


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """One line: a key, who it stands for, and what it may sign when."""

    principals: str
    """Patterns with commas between them; `*` and `?` are wild, `!` in front refuses."""
    key: PublicKey
    namespaces: str | None = None
    """Patterns likewise; None where any namespace will do."""
    valid_after: datetime | None = None
    """UTC; at this very moment it is valid."""
    valid_before: datetime | None = None
    """UTC; at this very moment it still is."""
    line: int = 0
    """The number of its line, from 1."""

    def stands_for(self, principal: str) -> bool:
        """Whether this line is about `principal`."""
        return matches(principal, self.principals)

    def against(self, namespace: str, at: datetime) -> str:
        """What speaks against a signature in `namespace` at that moment, in words; empty where nothing does."""
        at = at.replace(microsecond=0)  # a line holds whole seconds
        if self.namespaces is not None and not matches(namespace, self.namespaces):
            return f"may sign for {self.namespaces or 'nothing'}, not for {namespace}"
        if self.valid_after is not None and at < self.valid_after:
            return f"is valid from {format_moment(self.valid_after)} on, and the moment to judge by is {format_moment(at)}"
        if self.valid_before is not None and at > self.valid_before:
            return f"was valid until {format_moment(self.valid_before)}, and the moment to judge by is {format_moment(at)}"
        return ""

    def text(self, dated: bool = True) -> str:
        """The line as ssh-keygen reads it, without a line end; `dated=False` leaves out the moments, which OpenSSH before 9.1 cannot read."""
        options = [] if self.namespaces is None else ['namespaces="{}"'.format(self.namespaces.replace('"', '\\"'))]
        if dated:
            bounds = (("valid-after", self.valid_after), ("valid-before", self.valid_before))
            options += [f'{name}="{re.sub("[-:T]", "", format_moment(moment))}"' for name, moment in bounds if moment is not None]
        principals = f'"{self.principals}"' if re.search("[ \t]|^#", self.principals) else self.principals
        return " ".join([principals, *([",".join(options)] if options else []), self.key.line])


@dataclass(frozen=True, slots=True)
class AllowedSigners:
    """The keys whose signatures are taken."""

    file: str
    """Where they were read, for messages."""
    signers: tuple[AllowedSigner, ...]

    def of(self, key: PublicKey) -> tuple[AllowedSigner, ...]:
        """Every line about this key."""
        return tuple(each for each in self.signers if each.key == key)

    def text(self, dated: bool = True) -> str:
        """The file's lines as ssh-keygen reads them."""
        return "".join(f"{each.text(dated)}\n" for each in self.signers)


def load_allowed_signers(path: Path) -> AllowedSigners:
    """
    The keys in the file at `path`.

    Raises:
        EvidenceError: it could not be read, or a line in it is wrong; every wrong line is named.
    """
    return parse_allowed_signers(read_small(path), str(path))


def parse_allowed_signers(content: bytes, file: str) -> AllowedSigners:
    """
    The keys in the content of a file.

    Raises:
        EvidenceError: a line in it is wrong; every wrong line is named.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{file}: is not UTF-8 text") from error
    signers: list[AllowedSigner] = []
    wrong: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        stripped = line.strip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            signers.append(_signer(stripped, number))
        except EvidenceError as error:
            wrong.append(f"{file}: line {number}: {printable(str(error))}")
    if wrong:
        more = [f"{file}: and {len(wrong) - _MOST_TOLD} more lines"] if len(wrong) > _MOST_TOLD else []
        raise EvidenceError("\n".join(wrong[:_MOST_TOLD] + more))
    return AllowedSigners(file, tuple(signers))


def matches(text: str, patterns: str) -> bool:
    """Whether `text` fits one of the patterns with commas between them, and none of those with `!` in front (ssh_config(5), PATTERNS)."""
    found = False
    for pattern in patterns.split(","):
        if _fits(text, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _fits(text: str, pattern: str) -> bool:
    # Every place in the pattern that the text can have led to so far, so that no pattern takes longer than its length times the text's.
    places = _past_stars({0}, pattern)
    for character in text:
        stay = {at for at in places if at < len(pattern) and pattern[at] == "*"}
        step = {at + 1 for at in places if at < len(pattern) and pattern[at] in ("?", character) and pattern[at] != "*"}
        places = _past_stars(stay | step, pattern)
        if not places:
            return False
    return len(pattern) in places


def _past_stars(places: set[int], pattern: str) -> set[int]:
    reached = set(places)
    for at in range(len(pattern)):
        if at in reached and pattern[at] == "*":
            reached.add(at + 1)
    return reached


def _signer(line: str, number: int) -> AllowedSigner:
    if line.startswith('"'):
        principals, quote, rest = line[1:].partition('"')
        if not quote:
            raise EvidenceError("the principals begin with a quotation mark and have none at their end")
    else:
        principals, _, rest = _word(line)
    rest = rest.strip(" \t")
    if not principals or not rest:
        raise EvidenceError("a line is written as: PRINCIPALS [OPTIONS] TYPE KEY")
    if '"' in principals:
        raise EvidenceError("principals hold a quotation mark; put both ends of what has spaces in it into marks, or none")
    found: dict[str, str] = {}
    try:
        key = key_from_line(rest)
    except EvidenceError as error:
        found, rest = _options(rest, error)
        key = key_from_line(rest)
    if "cert-authority" in found:
        raise EvidenceError("cert-authority is not supported: drcheck checks keys, not certificates; list each signer's own key")
    after, before = (_moment(name, found[name]) if name in found else None for name in ("valid-after", "valid-before"))
    if after is not None and before is not None and before <= after:
        raise EvidenceError("valid-before does not come after valid-after, so the key would never be valid")
    return AllowedSigner(principals, key, found.get("namespaces"), after, before, number)


def _options(rest: str, otherwise: EvidenceError) -> tuple[dict[str, str], str]:
    """The options in front of a key, and what follows them; `otherwise` is what is wrong where they are no options at all."""
    found: dict[str, str] = {}
    at = 0
    while (option := _OPTION.match(rest, at)) is not None:
        name, value = option[1].lower(), option[2]
        if name not in _KNOWN:
            if at == 0 and value is None:
                raise otherwise
            raise EvidenceError(f"the option {name} is not known; these are: {', '.join(_KNOWN)}")
        if name in found:
            raise EvidenceError(f"the option {name} is given twice")
        if (value is None) != (name == "cert-authority"):
            raise EvidenceError("cert-authority takes no value" if value is not None else f'the option {name} is written as {name}="…"')
        found[name] = "" if value is None else value.replace('\\"', '"')
        at = option.end()
        if not rest.startswith(",", at):
            break
        at += 1
        if _OPTION.match(rest, at) is None:
            raise EvidenceError("a comma follows the last option, and no other option")
    key = rest[at:]
    if not key.startswith((" ", "\t")):
        raise otherwise if not found else EvidenceError("the options are not separated by commas, or no key follows them")
    return found, key.strip(" \t")


def _moment(name: str, text: str) -> datetime:
    bare = text[:-1] if text[-1:] in ("Z", "z") else text[:-3] if text[-3:].upper() == "UTC" else None
    written = _TIME.fullmatch(text if bare is None else bare)
    if written is None:
        raise EvidenceError(f'{name}="{text}" is no moment; write it as {name}="20260301021000Z"')
    if bare is None:
        raise EvidenceError(f'{name}="{text}" has no zone, so each machine would read it in its own; add a Z for UTC: {name}="{text}Z"')
    try:
        return datetime(*(int(part or 0) for part in written.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError as error:
        raise EvidenceError(f'{name}="{text}" is no moment: {error}') from error


def _word(line: str) -> tuple[str, str, str]:
    parts = re.split(r"([ \t]+)", line, maxsplit=1)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else (line, "", "")


def signer_line(principal: str, key: PublicKey, valid_after: datetime | None = None) -> AllowedSigner:
    """The line for a key of ours: for evidence only, from that moment on."""
    return AllowedSigner(principal, key, NAMESPACE, valid_after)
