"""Pixels of image series, decoded into one volume."""
