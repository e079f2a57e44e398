"""The section Series: from irregular slices to volumes."""
