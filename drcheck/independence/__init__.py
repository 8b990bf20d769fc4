"""Failure domains: which copies would be lost together, and how many are independent."""
