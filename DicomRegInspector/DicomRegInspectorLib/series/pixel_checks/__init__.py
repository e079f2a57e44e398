"""Whether the pixel data of a file are what its header says."""
