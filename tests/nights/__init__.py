"""Nights beside each other: all of it pure."""
