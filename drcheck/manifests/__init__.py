"""Readers of promised checksums, one file a kind of manifest."""
