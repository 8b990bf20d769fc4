"""Readers of promised checksums: what others said that the bytes should be."""

from drcheck.manifests.base import Promise, is_weak
from drcheck.manifests.detect import Reading, detect, read_manifest

__all__ = ["Promise", "Reading", "detect", "is_weak", "read_manifest"]
