"""How much longer than it must something may take in a test."""

from __future__ import annotations

BUSY = 5.0
"""
Seconds that a busy machine may add before a test of waiting fails. What would be waited for in vain lasts far longer, or such a test could not fail.
"""
