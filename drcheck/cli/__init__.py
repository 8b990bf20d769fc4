"""The command line, one file a command; heavy imports stay inside the commands."""
