"""Displacement fields as volumes of three numbers for each voxel."""
