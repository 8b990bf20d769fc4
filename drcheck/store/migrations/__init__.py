"""Migrations of the store's tables: a file in `versions` for each step, never changed once it was released."""
