"""
Notices: people are told of what changes, each thing once, and a monitor of every night.

What to tell (`events`, `digest`, `wording`) is pure; how it gets there (`smtp`, `apprise`, `ping`, `delivery`) is not. No notice holds a secret, or
the name of an object: those can be patient data.
"""
