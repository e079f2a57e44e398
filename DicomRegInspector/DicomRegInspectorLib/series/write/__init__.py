"""Series written back as new DICOM files."""
