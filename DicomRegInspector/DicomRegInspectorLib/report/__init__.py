"""Results in words: the inspection report, what one object says, and the JSON file."""
