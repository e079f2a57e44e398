"""The command quality, and the one that verifies it."""
