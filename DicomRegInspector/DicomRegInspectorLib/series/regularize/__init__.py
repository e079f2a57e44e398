"""Irregular stacks made regular."""
