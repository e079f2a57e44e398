"""Registrations and transform nodes, both ways."""
