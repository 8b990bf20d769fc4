"""What an OSCAL result is about: systems and targets as components, copies as inventory items, the organisation as a party."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drcheck.model import Assessment, Subject, SubjectKind
from drcheck.reports.oscal_words import line, present, properties, string
from drcheck.reports.stable_ids import run_id, stable_id

_TYPES = {
    SubjectKind.ESTATE: "party",
    SubjectKind.SYSTEM: "component",
    SubjectKind.TARGET: "component",
    SubjectKind.COPY: "inventory-item",
}


class Subjects:
    """Every subject of an assessment with its identifier, which is the same on every night."""

    def __init__(self, assessment: Assessment) -> None:
        self._assessment = assessment
        self._organisation = assessment.estate.organisation
        self._references: dict[Subject, dict[str, str]] = {}
        self.tool = run_id(assessment, "tool")

    @property
    def party(self) -> str:
        """The identifier of the organisation."""
        return stable_id("party", self._organisation)

    def reference(self, subject: Subject) -> dict[str, str]:
        """A reference to a subject, as observations have it."""
        if subject not in self._references:
            self._references[subject] = {"subject-uuid": self._id(subject), "type": _TYPES[subject.kind]}
        return self._references[subject]

    def definitions(self) -> dict[str, Any]:
        """The local definitions: every declared system, target and copy, and what else a finding is about, each once."""
        found: dict[Subject, dict[str, Any]] = {}
        for subject, definition in (*self._components(), *self._items()):
            found.setdefault(subject, definition)
        for subject in sorted({finding.subject for finding in self._assessment.findings}, key=lambda one: (one.kind, one.id)):
            if subject.kind is not SubjectKind.ESTATE and subject not in found:
                found[subject] = self._item(subject) if subject.kind is SubjectKind.COPY else self._component(subject, "system")
        components = [each for subject, each in found.items() if subject.kind is not SubjectKind.COPY]
        items = [each for subject, each in found.items() if subject.kind is SubjectKind.COPY]
        return present(components=components, inventory_items=items, assessment_assets=self._assets())

    def _id(self, subject: Subject) -> str:
        return self.party if subject.kind is SubjectKind.ESTATE else stable_id("subject", self._organisation, subject.kind, subject.id)

    def _components(self) -> Iterator[tuple[Subject, dict[str, Any]]]:
        for system in self._assessment.systems:
            subject = Subject(SubjectKind.SYSTEM, system.id)
            objectives = {"rpo": f"{system.rpo.total_seconds():.0f}s", "rto": f"{system.rto.total_seconds():.0f}s" if system.rto is not None else ""}
            yield subject, self._component(subject, "system", system.name, tier=system.tier, site=system.site, **objectives)
        for copy in self._assessment.copies:
            subject = Subject(SubjectKind.SYSTEM, copy.system)
            yield subject, self._component(subject, "system")
        for target in self._assessment.targets:
            subject = Subject(SubjectKind.TARGET, target.target)
            yield subject, self._component(subject, "service", connector=target.connector, site=target.site, address=target.address)

    def _items(self) -> Iterator[tuple[Subject, dict[str, Any]]]:
        known = {target.target for target in self._assessment.targets}
        for copy in self._assessment.copies:
            subject = Subject(SubjectKind.COPY, f"{copy.system}@{copy.target}")
            off_site = "yes" if copy.offsite else "no"
            item = self._item(subject, site=copy.site, role=copy.role, format=copy.format, path=copy.path, off_site=off_site)
            parts = (Subject(SubjectKind.SYSTEM, copy.system), Subject(SubjectKind.TARGET, copy.target))
            item["implemented-components"] = [
                {"component-uuid": self._id(part)} for part in parts if part.kind is SubjectKind.SYSTEM or part.id in known
            ]
            yield subject, item

    def _component(self, subject: Subject, kind: str, name: str = "", **values: str) -> dict[str, Any]:
        return {
            "uuid": self._id(subject),
            "type": kind,
            "title": line(name or subject.id),
            "description": line(f"{subject.kind} {subject.id}"),
            "props": properties(kind=subject.kind, id=subject.id, **values),
            "status": {"state": "operational"},
        }

    def _item(self, subject: Subject, **values: str) -> dict[str, Any]:
        return {
            "uuid": self._id(subject),
            "description": line(f"copy {subject.id}"),
            "props": properties(kind=subject.kind, id=subject.id, **values),
        }

    def _assets(self) -> dict[str, Any]:
        version = self._assessment.run.version
        tool = {
            "uuid": self.tool,
            "type": "software",
            "title": "drcheck",
            "description": "Checks that backups are off-site, fresh, intact and restorable, against published guidance; it only reads.",
            "props": [{"name": "version", "value": string(version)}],
            "status": {"state": "operational"},
        }
        platform = {"uuid": run_id(self._assessment, "platform"), "uses-components": [{"component-uuid": self.tool}]}
        return {"components": [tool], "assessment-platforms": [platform]}
