"""Reports: an assessment as text, one file a format. Pure functions."""
