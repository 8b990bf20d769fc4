"""Restore drills: what was rehearsed, and what was recorded of it."""
