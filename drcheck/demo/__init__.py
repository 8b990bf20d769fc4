"""A throw-away hospital with seeded faults, for a first run and for the fixtures. Nothing here is used in a real check."""
