"""What is said of DICOM objects that were written of a transform, of points or of a volume."""

from __future__ import annotations

from ...tasks.dicom_export.outgoing import DicomExport
from ...tasks.dicom_export.points import FiducialsExport
from ...tasks.image_export.export import ImageExport
from ...words import plural
from .outcomes import finding_line
from .terminal import printable


def export_report(export: DicomExport | FiducialsExport) -> str:
    """Return it as lines: what it is, how near it comes, what has to be known, what inspecting it finds."""
    lines = [f"{export.output}: {export.description}"]
    if isinstance(export, DicomExport):
        if export.matrix_types:
            lines.append(f"{plural(len(export.matrix_types), 'matrix', 'matrices')}: {', '.join(export.matrix_types)}")
        lines += filter(None, (export.said_between, export.said_rounding))
    lines += export.notes
    if isinstance(export, DicomExport):
        lines += map(finding_line, export.findings)
    return "\n".join(lines)


def image_export_report(export: ImageExport) -> str:
    """Return it as lines: what it is, how values are stored, what has to be known, how it compares with the volume."""
    lines = [f"{printable(str(export.output))}: {plural(len(export.files), 'file')}, {export.sop_class}"]
    if export.step:
        lines.append(f"Values are stored in steps of {export.step:.6g}, off by half of that at most.")
    lines += map(printable, export.notes)
    lines.append(f"Read back and compared: {printable(export.comparison.reason)}.")
    return "\n".join(lines)
