"""DICOM files from bytes to elements and headers: the one room that knows VRs, syntaxes and delimiters."""
