"""drcheck: proof that backups are off-site, fresh, intact and restorable, judged against national guidance."""
