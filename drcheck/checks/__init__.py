"""Pure judgments of facts, one file a family."""
