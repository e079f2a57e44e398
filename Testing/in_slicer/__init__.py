"""What runs in Slicer itself: ``Slicer --python-script Testing/in_slicer/run.py``."""
