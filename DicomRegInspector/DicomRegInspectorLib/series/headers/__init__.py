"""Headers of files: the elements that matter, read without reading the pixels."""
