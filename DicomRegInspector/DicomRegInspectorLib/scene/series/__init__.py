"""Image series as volume nodes."""
