"""Studies behind a DICOMweb server: QIDO-RS to find them, WADO-RS metadata for geometry, instances for their bytes."""
