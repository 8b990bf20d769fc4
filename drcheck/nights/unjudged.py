"""Why a control that was judged on one night is not judged on a later one, as far as the records of the two nights tell. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from drcheck.model import Assessment, FindingKey, SubjectKind, printable


class Lack(StrEnum):
    """What is no longer there, or why nothing is asked, so that a finding is not judged any more."""

    PACK = "pack"
    """The later night was not judged by the pack."""
    CONTROL = "control"
    """The pack has no such control any more."""
    SYSTEM = "system"
    """The system is gone from the estate."""
    COPY = "copy"
    """The copy is gone from the estate, and its system is still in it."""
    TARGET = "target"
    NOT_ASKED = "not-asked"
    """It is not applicable: by what is declared, the control is not asked of the subject any more."""
    UNTOLD = "untold"
    """The records do not tell, or one of them is gone."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Why something is not judged any more; findings that share it are told together."""

    lack: Lack
    what: str
    """The name of what is gone, as it came; empty where nothing is, or it is not known."""

    def __str__(self) -> str:
        """In words, safe to print."""
        match self.lack:
            case Lack.PACK:
                return f"the pack {printable(self.what)} is not judged by any more"
            case Lack.CONTROL:
                return f"the pack has no control {printable(self.what)} any more"
            case Lack.SYSTEM | Lack.COPY | Lack.TARGET:
                return f"the {self.lack} {printable(self.what)} is gone from the estate"
            case Lack.NOT_ASKED:
                return "by what is declared it is not asked any more"
            case _:
                return "it is not known why"


@dataclass(frozen=True, slots=True)
class Present:
    """What the later night was judged by and asked of."""

    packs: Collection[str]
    controls: Collection[tuple[str, str]]
    systems: Collection[str]
    """Empty where the record is of before they were kept, or gone."""
    copies: Collection[str]
    targets: Collection[str]
    known: bool = True
    """Whether its record is there at all."""

    def lack(self, key: FindingKey) -> Gone:
        """Why a finding that is not among those of the later night is not."""
        policy, control, subject = key
        if not self.known:
            return Gone(Lack.UNTOLD, "")
        if policy not in self.packs:
            return Gone(Lack.PACK, policy)
        if (policy, control) not in self.controls:
            return Gone(Lack.CONTROL, f"{policy} {control}")
        system = subject.id.rpartition("@")[0] if subject.kind is SubjectKind.COPY else subject.id
        if subject.kind in (SubjectKind.SYSTEM, SubjectKind.COPY) and self.systems and system not in self.systems:
            return Gone(Lack.SYSTEM, system)
        if subject.kind is SubjectKind.COPY and subject.id not in self.copies:
            return Gone(Lack.COPY, subject.id)
        if subject.kind is SubjectKind.TARGET and subject.id not in self.targets:
            return Gone(Lack.TARGET, subject.id)
        return Gone(Lack.UNTOLD, "")


def present_in(assessment: Assessment | None) -> Present:
    """What a night was judged by and asked of; nothing is known where its record is gone."""
    if assessment is None:
        return Present((), (), (), (), (), known=False)
    return Present(
        packs={policy.id for policy in assessment.policies} | {finding.policy for finding in assessment.findings},
        controls={(policy.id, control.id) for policy in assessment.policies for control in policy.controls}
        | {(finding.policy, finding.control) for finding in assessment.findings},
        systems={system.id for system in assessment.systems},
        copies={f"{copy.system}@{copy.target}" for copy in assessment.copies},
        targets={target.target for target in assessment.targets},
    )
