"""The section Quality: measures of a transform, in words and pictures."""
