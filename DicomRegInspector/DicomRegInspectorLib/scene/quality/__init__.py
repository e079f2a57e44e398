"""Measures of transform nodes: volumes, tables, charts."""
