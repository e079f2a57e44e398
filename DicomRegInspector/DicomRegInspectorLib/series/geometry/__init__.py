"""The geometry of slices: stacks, their spacing, and what is irregular about them."""
