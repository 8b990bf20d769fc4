"""Packs of guidance, waivers, and the judging of every control on every subject."""
