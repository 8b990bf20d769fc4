"""Reading a manifest from bytes in a test, in awkward chunks."""

from __future__ import annotations

import pytest

from drcheck.errors import ManifestError
from drcheck.manifests import Promise, read_manifest


def read(content: bytes, *, file: str = "CHECKSUMS", kind: str = "auto", algorithm: str = "", about: str = "", step: int = 7) -> list[Promise]:
    """Every promise of a manifest that comes in chunks of `step` bytes."""
    chunks = (content[start : start + step] for start in range(0, len(content), step))
    return list(read_manifest(chunks, file=file, kind=kind, algorithm=algorithm, about=about).promises)


def told(content: bytes, **how: str) -> list[tuple[str, str, str]]:
    """Name, algorithm and digest of every promise."""
    return [(promise.name, promise.algorithm, promise.digest) for promise in read(content, **how)]  # type: ignore[arg-type]


def kind_of(content: bytes, file: str = "CHECKSUMS") -> str:
    """The kind that a manifest is taken for."""
    return read_manifest([content], file=file).kind


def refused(content: bytes, **how: str) -> str:
    """The message with which a manifest is refused."""
    with pytest.raises(ManifestError) as caught:
        read(content, **how)  # type: ignore[arg-type]
    message = str(caught.value)
    assert how.get("file", "CHECKSUMS") in message
    assert ";" in message, "the message must say what to do"
    return message
