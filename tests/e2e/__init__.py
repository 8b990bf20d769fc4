"""The real command as a process of its own, against real servers and files."""
