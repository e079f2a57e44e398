"""Which images belong together: the smallest explanation by which they fall into volumes."""
