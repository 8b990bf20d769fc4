"""What a report of an assessment must be."""
