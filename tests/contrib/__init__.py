"""The examples for monitoring systems."""
