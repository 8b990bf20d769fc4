"""The estate file, and everything else that a person writes."""
