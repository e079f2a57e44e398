"""Volumes of any format as DICOM images that keep their places and values."""
