"""The section Findings: what is wrong, shown and repaired."""
