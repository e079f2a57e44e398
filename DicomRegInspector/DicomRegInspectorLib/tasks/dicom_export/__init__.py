"""Transforms and points as DICOM objects, for images that are there."""
