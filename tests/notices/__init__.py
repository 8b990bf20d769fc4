"""Notices, their channels, and pings."""
