"""The store: SQLite and PostgreSQL, both real."""
