"""
The software bill of materials: what an installed drcheck consists of, as CycloneDX 1.6 JSON (ECMA-424).

The distributions are those of the environment that builds: drcheck's own requirements and theirs, with the versions that were tested. What only an
extra needs is marked optional. An extra's requirement that is not installed here is named as such, for a list that leaves something out must say so.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SPECIFICATION = "1.6"
FOR_BUILDERS = frozenset({"bench", "dev", "dist", "fuzz"})
"""Extras that nobody needs who runs drcheck."""


class NotListed(Exception):
    """The list could not be made, or is not valid."""


@dataclass
class Materials:
    """The distributions behind one."""

    needed: dict[str, metadata.Distribution] = field(default_factory=dict)
    optional: dict[str, metadata.Distribution] = field(default_factory=dict)
    """Of extras, without those that are needed anyway."""
    absent: set[str] = field(default_factory=set)
    """Requirements of extras that are not installed here, as they are written."""
    edges: dict[str, set[str]] = field(default_factory=dict)
    """What each directly needs."""

    def pinned(self) -> str:
        """The distributions with their versions, a line each, in the form of a requirements file."""
        found = {**self.needed, **self.optional}
        return "".join(f"{name}=={found[name].version}\n" for name in sorted(found))


def materials(wheel: Path) -> Materials:
    """
    What a wheel needs, and what its extras do, by its own metadata: what is installed here under its name may be older.

    Raises:
        NotListed: a requirement that is no extra's is not installed.
    """
    found = Materials()
    name, version = wheel.name.split("-")[:2]
    own = metadata.PathDistribution(zipfile.Path(wheel, f"{name}-{version}.dist-info/"))
    extras = sorted(set(own.metadata.get_all("Provides-Extra") or ()) - FOR_BUILDERS)
    _follow(canonicalize_name(name), own, (), found, found.needed)
    for extra in extras:
        _follow(canonicalize_name(name), own, (extra,), found, found.optional)
    return found


def _follow(name: str, own: metadata.Distribution, extras: tuple[str, ...], found: Materials, into: dict[str, metadata.Distribution]) -> None:
    waiting: list[tuple[str, metadata.Distribution, tuple[str, ...]]] = [(name, own, extras)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        whose, distribution, wanted = waiting.pop()
        for requirement in _requirements(distribution, wanted):
            other = canonicalize_name(requirement.name)
            try:
                installed = metadata.distribution(requirement.name)
            except metadata.PackageNotFoundError:
                if into is found.needed:
                    raise NotListed(f"{whose} needs {requirement}, which is not installed here; run: make dist") from None
                found.absent.add(f"{requirement.name}{requirement.specifier}")
                continue
            found.edges.setdefault(whose, set()).add(other)
            if other not in found.needed:
                into[other] = installed
            step = other, tuple(sorted(requirement.extras))
            if step not in seen:
                seen.add(step)
                waiting.append((other, installed, step[1]))


def _requirements(distribution: metadata.Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    """The requirements of a distribution with these extras that hold on this machine."""
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def bill(name: str, version: str, found: Materials, archives: Iterable[Path], epoch: int) -> str:
    """
    The bill of materials as a CycloneDX document.

    Raises:
        NotListed: the document does not follow the CycloneDX schema (a bug).
    """
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from cyclonedx.model.dependency import Dependency
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packageurl import PackageURL

    def component(label: str, number: str, kind: ComponentType, scope: ComponentScope | None) -> Component:
        purl = PackageURL("pypi", None, label, number)
        return Component(name=label, version=number, type=kind, scope=scope, purl=purl, bom_ref=str(purl))

    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in archives}
    root = component(name, version, ComponentType.APPLICATION, None)
    for file, digest in sorted(digests.items()):
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
        root.external_references.add(ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(file), hashes=hashes))
    for requirement in sorted(found.absent):
        root.properties.add(Property(name="drcheck:optional-and-not-installed-where-built", value=requirement))
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, "".join(sorted(digests.values()))))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.metadata.component = root
    parts = {name: root}
    for scope, group in ((ComponentScope.REQUIRED, found.needed), (ComponentScope.OPTIONAL, found.optional)):
        for label, distribution in sorted(group.items()):
            parts[label] = component(label, distribution.version, ComponentType.LIBRARY, scope)
            bom.components.add(parts[label])
    for label, part in parts.items():
        needs = [Dependency(parts[other].bom_ref) for other in sorted(found.edges.get(label, ())) if other in parts]
        bom.dependencies.add(Dependency(part.bom_ref, needs))
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise NotListed(f"the bill of materials does not follow CycloneDX {SPECIFICATION}: {wrong}")
    # Parsed once more, so that nothing is written that is no JSON.
    json.loads(text)
    return text
