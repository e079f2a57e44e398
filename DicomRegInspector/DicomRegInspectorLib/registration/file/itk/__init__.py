"""ITK's transform files: what their numbers mean, three ways in which they are stored, and how they are written."""
