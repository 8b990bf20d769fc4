"""A pack that was loaded: its controls bound to their checks, with every parameter that they will be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drcheck.checks.base import Check, Value, words_of
from drcheck.model import ControlUsed, PolicyUsed, Severity
from drcheck.policy.schema import WrittenControl, WrittenPack


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement, bound to its check."""

    written: WrittenControl
    check: Check
    parameters: Mapping[str, Value]
    """Every parameter of the check: what the pack says, else the check's default."""

    @property
    def id(self) -> str:
        """Unique in the pack."""
        return self.written.id

    @property
    def severity(self) -> Severity:
        """How much a failure matters."""
        return self.written.severity or self.check.severity

    @property
    def issuer_parameters(self) -> tuple[tuple[str, str], ...]:
        """Numbers and choices that the issuer's text gives, in words."""
        return tuple((name, words_of(value)) for name, value in self.parameters.items() if name in self.written.issuer)

    @property
    def our_parameters(self) -> tuple[tuple[str, str], ...]:
        """Numbers and choices that the pack, or a default of the check, makes; without those that ask for nothing."""
        return tuple(
            (name, words_of(value))
            for name, value in self.parameters.items()
            if name not in self.written.issuer and (name in self.written.ours or value is not None)
        )


@dataclass(frozen=True, slots=True)
class Pack:
    """One issuer's guidance, ready to judge by."""

    written: WrittenPack
    controls: tuple[Control, ...]
    file: str
    """Where it was read from."""
    digest: str
    """Of the file's bytes, `sha256:…`."""
    content: bytes = b""
    """The file's bytes."""

    @property
    def id(self) -> str:
        """Its name in estates and findings."""
        return self.written.id


def describe(pack: Pack) -> PolicyUsed:
    """The pack as an assessment records it."""
    return PolicyUsed(
        id=pack.id,
        version=pack.written.version,
        title=pack.written.title,
        issuer=pack.written.issuer,
        document=pack.written.document,
        document_version=pack.written.document_version,
        url=pack.written.url,
        digest=pack.digest,
        controls=tuple(
            ControlUsed(
                id=control.id,
                clause=control.written.clause,
                title=control.written.title,
                check=control.check.id,
                severity=control.severity,
                sure=control.written.sure,
                issuer_parameters=control.issuer_parameters,
                our_parameters=control.our_parameters,
            )
            for control in pack.controls
        ),
    )
