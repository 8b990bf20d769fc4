"""Recorded drills."""
